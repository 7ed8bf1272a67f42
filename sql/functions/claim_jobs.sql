create or replace function vigil.claim_jobs(worker text, batch integer, lease_seconds double precision)
    returns table (lease_id bigint, job_id bigint, kind text, subject_id uuid, conversation_id uuid, content text, attempt integer,
                   queued_at timestamptz)
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_column
declare
    lease bigint;
begin
    if batch is null or batch not between 1 and 10000 or lease_seconds is null or lease_seconds not between 0.05 and 86400
       or coalesce(length(worker), 0) not between 1 and 200 then
        perform vigil.fail('VG209', 'A claim needs a worker name, a batch of 1 to 10000 and a lease of 0.05 to 86400 seconds.', 'Check the worker''s settings.');
    end if;
    -- A crash that forgets a claim costs nothing: the jobs are ready again, and settling it settles nothing.
    perform set_config('synchronous_commit', 'off', true);
    if exists (select from vigil.leases l where l.until <= clock_timestamp()) then
        perform vigil.end_leases();
    end if;
    with ready as (
        delete from vigil.jobs j
        where j.ctid = any (array(select r.ctid from vigil.jobs r
                                  where r.dead_at is null and r.run_at <= clock_timestamp()
                                  order by r.run_at, r.id limit batch
                                  for update skip locked))
        returning j.id, j.kind, j.subject_id, j.queued_at, j.attempts, j.last_error
    )
    insert into vigil.leases (worker, until, job_ids, kinds, subject_ids, queued_ats, attempts, last_errors)
    select worker, clock_timestamp() + lease_seconds * interval '1 second', array_agg(r.id), array_agg(r.kind), array_agg(r.subject_id),
           array_agg(r.queued_at), array_agg(r.attempts), array_agg(r.last_error)
    from ready r having count(*) > 0
    returning id into lease;
    if lease is null then
        return;
    end if;
    return query
    select lease, j.id, j.kind, j.subject_id,
           case j.kind when 'message' then m.conversation_id
                       when 'edit' then (select o.conversation_id from vigil.edits e join public.messages o on o.id = e.message_id
                                         where e.id = j.subject_id)
                       when 'title' then j.subject_id end,
           coalesce(case j.kind when 'message' then m.content
                                when 'edit' then (select e.content from vigil.edits e where e.id = j.subject_id)
                                when 'title' then (select c.title from public.conversations c where c.id = j.subject_id)
                                when 'name' then (select p.name from public.profiles p where p.id = j.subject_id) end, ''),
           j.attempts + 1, j.queued_at
    from vigil.leases l
    cross join unnest(l.job_ids, l.kinds, l.subject_ids, l.queued_ats, l.attempts) as j (id, kind, subject_id, queued_at, attempts)
    left join public.messages m on m.id = j.subject_id
    where l.id = lease;
end
$$;
comment on function vigil.claim_jobs(text, integer, double precision) is 'Leases a batch of jobs to a worker; nobody else gets them until the lease ends.';
revoke all on function vigil.claim_jobs(text, integer, double precision) from public;
grant execute on function vigil.claim_jobs(text, integer, double precision) to vigil_worker;

create or replace function vigil.end_leases() returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
declare
    most integer := (select s.job_max_attempts from vigil.settings s);
begin
    with ended as (
        -- One that is being settled this moment is locked, and left to its settling.
        delete from vigil.leases l
        where l.id in (select e.id from vigil.leases e where e.until <= clock_timestamp() for update skip locked)
        returning l.*
    ), back as (
        insert into vigil.jobs (id, kind, subject_id, queued_at, run_at, attempts, last_error, dead_at)
        select j.id, j.kind, j.subject_id, j.queued_at, e.until, j.attempts + 1,
               case when j.attempts + 1 >= most then coalesce(j.last_error, 'the worker died each time') else j.last_error end,
               case when j.attempts + 1 >= most then clock_timestamp() end
        from ended e
        cross join unnest(e.job_ids, e.kinds, e.subject_ids, e.queued_ats, e.attempts, e.last_errors)
            as j (id, kind, subject_id, queued_at, attempts, last_error)
        returning id, dead_at
    )
    insert into vigil.events (kind, tool, body0, body1, body2)
    select 'job.died', 'vigil.end_leases', '{"ref": null}', '{"ref": null}', '{"job": ' || b.id || '}' from back b where b.dead_at is not null;
end
$$;
comment on function vigil.end_leases() is 'Jobs whose worker died are ready again, with one attempt counted; one that killed its worker too often is dead.';
revoke all on function vigil.end_leases() from public;
