create or replace function vigil.settle_jobs(worker text, lease bigint, approved bigint[], findings jsonb, engine text) returns integer
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    keep_all boolean := (select s.keep_all_verdicts from vigil.settings s);
    held vigil.leases;
    settled bigint[];
    acts jsonb;
    a record;
begin
    select l.* into held from vigil.leases l where l.id = lease and l.worker = worker for update;
    if not found then
        return 0;
    end if;
    -- One statement writes verdicts and events for what is worth keeping of the jobs that the lease still holds.
    with given as (
        select g.id, 'approve' as verdict, '{}'::text[] as categories, '[]'::jsonb as matches, engine as engine, null as reason
        from unnest(approved) as g (id)
        union all
        select g.job_id, g.verdict, coalesce(g.categories, '{}'), coalesce(g.matches, '[]'), g.engine, g.reason
        from jsonb_to_recordset(findings) as g (job_id bigint, verdict text, categories text[], matches jsonb, engine text, reason text)
        where g.verdict in ('approve', 'flag', 'hold', 'remove')
    ), done as (
        select j.id, j.kind, j.subject_id, g.verdict, g.categories, g.matches, g.engine, g.reason
        from unnest(held.job_ids, held.kinds, held.subject_ids) as j (id, kind, subject_id)
        join given g on g.id = j.id
    ), kept as (
        insert into vigil.verdicts (job_id, kind, subject_id, verdict, categories, matches, engine, reason, worker)
        select d.id, d.kind, d.subject_id, d.verdict, d.categories, d.matches, d.engine, left(d.reason, 500), worker
        from done d where keep_all or d.verdict <> 'approve'
    ), logged as (
        insert into vigil.events (kind, tool, body0, body1, body2)
        select 'message.judged', left(worker, 120), '{"ref": null}', '{"ref": null}',
               '{"' || d.kind || '": "' || d.subject_id || '", "verdict": "' || d.verdict || '"}'
        from done d where keep_all or d.verdict <> 'approve'
    )
    select array_agg(d.id),
           jsonb_agg(jsonb_build_object('kind', d.kind, 'subject', d.subject_id, 'verdict', d.verdict, 'why', coalesce(d.reason, array_to_string(d.categories, ', ')))
                     order by d.id) filter (where d.verdict <> 'approve' or d.kind <> 'message' or h.message_id is not null)
        into settled, acts
    from done d left join vigil.holds h on d.kind = 'message' and h.message_id = d.subject_id;
    perform vigil.take_from_lease(held, settled);
    for a in select x.* from jsonb_to_recordset(acts) as x (kind text, subject uuid, verdict text, why text) loop
        perform vigil.apply_verdict(a.kind, a.subject, a.verdict, coalesce(nullif(a.why, ''), 'filter'), worker);
    end loop;
    return coalesce(cardinality(settled), 0);
end
$$;
comment on function vigil.settle_jobs(text, bigint, bigint[], jsonb, text) is 'Verdicts, message states, notices, events and job removal of a batch, together. Skips what the lease no longer holds; returns how many were settled.';
revoke all on function vigil.settle_jobs(text, bigint, bigint[], jsonb, text) from public;
grant execute on function vigil.settle_jobs(text, bigint, bigint[], jsonb, text) to vigil_worker;

create or replace function vigil.take_from_lease(held vigil.leases, taken bigint[]) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
begin
    if cardinality(taken) = cardinality(held.job_ids) then
        delete from vigil.leases l where l.id = held.id;
        return;
    end if;
    update vigil.leases l
    set (job_ids, kinds, subject_ids, queued_ats, attempts, last_errors) = (
        select array_agg(j.id), array_agg(j.kind), array_agg(j.subject_id), array_agg(j.queued_at), array_agg(j.attempts), array_agg(j.last_error)
        from unnest(held.job_ids, held.kinds, held.subject_ids, held.queued_ats, held.attempts, held.last_errors)
            as j (id, kind, subject_id, queued_at, attempts, last_error)
        where j.id <> all (taken))
    where l.id = held.id and cardinality(taken) > 0;
end
$$;
comment on function vigil.take_from_lease(vigil.leases, bigint[]) is 'What was settled or put off leaves its lease; an empty lease goes.';
revoke all on function vigil.take_from_lease(vigil.leases, bigint[]) from public;
