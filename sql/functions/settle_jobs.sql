create or replace function vigil.settle_jobs(worker text, outcomes jsonb) returns integer
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    keep_all boolean := (select s.keep_all_verdicts from vigil.settings s);
    settled integer;
    acts jsonb;
    a record;
begin
    -- One statement takes the jobs whose lease still holds, and writes verdicts and events for what is worth keeping.
    with given as (
        select g.* from jsonb_to_recordset(outcomes) as g (job_id bigint, attempt integer, verdict text, categories text[], matches jsonb,
                                                           engine text, reason text)
        where g.verdict in ('approve', 'flag', 'hold', 'remove')
    ), done as (
        delete from vigil.jobs j using given g
        where j.id = g.job_id and j.leased_by = worker and j.attempts = g.attempt and j.dead_at is null
        returning j.id, j.kind, j.subject_id, g.verdict, g.categories, g.matches, g.engine, g.reason
    ), kept as (
        insert into vigil.verdicts (job_id, kind, subject_id, verdict, categories, matches, engine, reason, worker)
        select d.id, d.kind, d.subject_id, d.verdict, coalesce(d.categories, '{}'), coalesce(d.matches, '[]'), d.engine, left(d.reason, 500), worker
        from done d where keep_all or d.verdict <> 'approve'
    ), logged as (
        insert into vigil.events (kind, tool, body0, body1, body2)
        select 'message.judged', left(worker, 120), '{"ref": null}', '{"ref": null}',
               '{"' || d.kind || '": "' || d.subject_id || '", "verdict": "' || d.verdict || '"}'
        from done d where keep_all or d.verdict <> 'approve'
    )
    select count(*),
           jsonb_agg(jsonb_build_object('kind', d.kind, 'subject', d.subject_id, 'verdict', d.verdict, 'why', coalesce(d.reason, array_to_string(d.categories, ', ')))
                     order by d.id) filter (where d.verdict <> 'approve' or d.kind <> 'message' or h.message_id is not null)
        into settled, acts
    from done d left join vigil.holds h on d.kind = 'message' and h.message_id = d.subject_id;
    for a in select x.* from jsonb_to_recordset(acts) as x (kind text, subject uuid, verdict text, why text) loop
        perform vigil.apply_verdict(a.kind, a.subject, a.verdict, coalesce(nullif(a.why, ''), 'filter'), worker);
    end loop;
    return settled;
end
$$;
comment on function vigil.settle_jobs(text, jsonb) is 'Verdicts, message states, notices, events and job removal of a batch, together. Skips jobs whose lease is lost; returns how many were settled.';
revoke all on function vigil.settle_jobs(text, jsonb) from public;
grant execute on function vigil.settle_jobs(text, jsonb) to vigil_worker;
