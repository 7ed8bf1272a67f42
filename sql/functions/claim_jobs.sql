create or replace function vigil.claim_jobs(worker text, batch integer, lease_seconds double precision)
    returns table (job_id bigint, kind text, subject_id uuid, conversation_id uuid, content text, attempt integer, queued_at timestamptz)
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_column
declare
    most integer := (select s.job_max_attempts from vigil.settings s);
begin
    if batch is null or batch not between 1 and 10000 or lease_seconds is null or lease_seconds not between 0.05 and 86400
       or coalesce(length(worker), 0) not between 1 and 200 then
        perform vigil.fail('VG209', 'A claim needs a worker name, a batch of 1 to 10000 and a lease of 0.05 to 86400 seconds.', 'Check the worker''s settings.');
    end if;
    return query
    with ready as (
        select j.id from vigil.jobs j
        where j.dead_at is null and j.run_at <= clock_timestamp()
        order by j.run_at, j.id limit batch
        for update skip locked
    ), taken as (
        update vigil.jobs j
        set attempts = j.attempts + 1, leased_by = worker,
            run_at = clock_timestamp() + lease_seconds * interval '1 second',
            -- A job that kills its worker each time never reaches defer_jobs.
            dead_at = case when j.attempts >= most then clock_timestamp() end,
            last_error = case when j.attempts >= most then coalesce(j.last_error, 'the worker died each time') else j.last_error end
        from ready where j.id = ready.id
        returning j.id, j.kind, j.subject_id, j.attempts, j.queued_at, j.dead_at
    )
    select t.id, t.kind, t.subject_id, coalesce(m.conversation_id, em.conversation_id, c.id),
           coalesce(m.content, e.content, c.title, p.name, ''), t.attempts, t.queued_at
    from taken t
    left join public.messages m on t.kind = 'message' and m.id = t.subject_id
    left join vigil.edits e on t.kind = 'edit' and e.id = t.subject_id
    left join public.messages em on em.id = e.message_id
    left join public.conversations c on t.kind = 'title' and c.id = t.subject_id
    left join public.profiles p on t.kind = 'name' and p.id = t.subject_id
    where t.dead_at is null
    order by t.id;
end
$$;
comment on function vigil.claim_jobs(text, integer, double precision) is 'Leases a batch of jobs to a worker; nobody else gets them until the lease ends.';
revoke all on function vigil.claim_jobs(text, integer, double precision) from public;
grant execute on function vigil.claim_jobs(text, integer, double precision) to vigil_worker;
