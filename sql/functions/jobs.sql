create or replace function vigil.list_jobs(in_state text, max_rows integer)
    returns table (job_id bigint, kind text, subject_id uuid, state text, attempts integer, last_error text, queued_at timestamptz,
                   run_at timestamptz, leased_by text)
    language plpgsql stable security definer
    set search_path = ''
as $$
#variable_conflict use_column
begin
    perform vigil.require_staff('auditor');
    if in_state is not null and in_state not in ('ready', 'leased', 'deferred', 'dead') then
        perform vigil.fail('VG209', format('%s is no state of a job.', in_state), 'Use ready, leased, deferred or dead.');
    end if;
    return query
    select a.* from (
        select j.id, j.kind, j.subject_id,
               case when j.dead_at is not null then 'dead' when j.run_at > clock_timestamp() then 'deferred' else 'ready' end as state,
               j.attempts, j.last_error, j.queued_at, j.run_at, null::text as leased_by
        from vigil.jobs j
        union all
        -- A lease that ended is taken back by the next claim; until then its jobs are as good as ready.
        select j.id, j.kind, j.subject_id, case when l.until > clock_timestamp() then 'leased' else 'ready' end,
               j.attempts + 1, j.last_error, j.queued_at, l.until, l.worker
        from vigil.leases l
        cross join unnest(l.job_ids, l.kinds, l.subject_ids, l.queued_ats, l.attempts, l.last_errors)
            as j (id, kind, subject_id, queued_at, attempts, last_error)
    ) a
    where in_state is null or a.state = in_state
    order by a.id limit least(greatest(max_rows, 0), 1000);
end
$$;
comment on function vigil.list_jobs(text, integer) is 'Jobs, for the staff.';
revoke all on function vigil.list_jobs(text, integer) from public;
grant execute on function vigil.list_jobs(text, integer) to authenticated;

create or replace function public.list_jobs(job_state text default null, max_rows integer default 100)
    returns table (job_id bigint, kind text, subject_id uuid, state text, attempts integer, last_error text, queued_at timestamptz,
                   run_at timestamptz, leased_by text)
    language sql stable
    set search_path = ''
begin atomic
    select l.* from vigil.list_jobs(job_state, max_rows) l;
end;
comment on function public.list_jobs(text, integer) is 'Staff: jobs that wait, are leased, put off, or died.';
revoke all on function public.list_jobs(text, integer) from public, anon;
grant execute on function public.list_jobs(text, integer) to authenticated;

create or replace function vigil.retry_jobs(job_ids bigint[]) returns integer
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.require_staff('moderator');
    n integer;
begin
    update vigil.jobs j set dead_at = null, attempts = 0, run_at = clock_timestamp()
    where j.dead_at is not null and (job_ids is null or j.id = any (job_ids));
    get diagnostics n = row_count;
    if n > 0 then
        perform vigil.record('jobs.retried', me, null, jsonb_build_object('jobs', n));
    end if;
    return n;
end
$$;
comment on function vigil.retry_jobs(bigint[]) is 'Puts dead jobs back; all of them when none is named.';
revoke all on function vigil.retry_jobs(bigint[]) from public;
grant execute on function vigil.retry_jobs(bigint[]) to authenticated;

create or replace function public.retry_jobs(job_ids bigint[] default null) returns integer
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.retry_jobs(job_ids);
end;
comment on function public.retry_jobs(bigint[]) is 'Moderators: put dead jobs back.';
revoke all on function public.retry_jobs(bigint[]) from public, anon;
grant execute on function public.retry_jobs(bigint[]) to authenticated;
