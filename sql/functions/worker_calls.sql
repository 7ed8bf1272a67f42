create or replace function vigil.hello(worker text, version text) returns jsonb
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
begin
    insert into vigil.workers (worker, version) values (worker, version)
    on conflict on constraint workers_pkey do update set version = excluded.version, last_beat = now(),
        -- A worker says hello again now and then; only one that was gone has started anew.
        started_at = case when workers.last_beat < now() - interval '2 minutes' or workers.version is distinct from excluded.version
                          then now() else workers.started_at end;
    return (select jsonb_build_object('schema_version', s.schema_version, 'breaking_since', s.breaking_since, 'server_time', clock_timestamp(),
                                      'settings', to_jsonb(s) - array['only_row', 'schema_version', 'breaking_since']) from vigil.settings s);
end
$$;
comment on function vigil.hello(text, text) is 'A worker introduces itself and learns the schema version and the settings.';
revoke all on function vigil.hello(text, text) from public;
grant execute on function vigil.hello(text, text) to vigil_worker;

create or replace function vigil.beat(worker text, state jsonb) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
begin
    insert into vigil.workers (worker, state) values (worker, state)
    on conflict on constraint workers_pkey do update set last_beat = now(), state = excluded.state;
    delete from vigil.workers w where w.last_beat < now() - interval '7 days';
end
$$;
comment on function vigil.beat(text, jsonb) is 'A worker says that it lives.';
revoke all on function vigil.beat(text, jsonb) from public;
grant execute on function vigil.beat(text, jsonb) to vigil_worker;

create or replace function vigil.defer_jobs(worker text, lease bigint, failures jsonb) returns table (job_id bigint, dead boolean)
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    most integer := (select s.job_max_attempts from vigil.settings s);
    held vigil.leases;
begin
    select l.* into held from vigil.leases l where l.id = lease and l.worker = worker for update;
    if not found then
        return;
    end if;
    for job_id, dead in
        with failed as (
            insert into vigil.jobs as b (id, kind, subject_id, queued_at, run_at, attempts, last_error, dead_at)
            select j.id, j.kind, j.subject_id, j.queued_at,
                   clock_timestamp() + least(greatest(coalesce(f.retry_seconds, 1), 0), 86400) * interval '1 second',
                   j.attempts + 1, left(f.error, 2000), case when j.attempts + 1 >= most then clock_timestamp() end
            from unnest(held.job_ids, held.kinds, held.subject_ids, held.queued_ats, held.attempts)
                as j (id, kind, subject_id, queued_at, attempts)
            join jsonb_to_recordset(failures) as f (job_id bigint, error text, retry_seconds double precision) on f.job_id = j.id
            returning b.id, b.dead_at is not null as died
        ), logged as (
            insert into vigil.events (kind, tool, body0, body1, body2)
            select 'job.died', left(worker, 120), '{"ref": null}', '{"ref": null}', '{"job": ' || f.id || '}' from failed f where f.died
        )
        select f.id, f.died from failed f
    loop
        return next;
    end loop;
    perform vigil.take_from_lease(held, array(select (f ->> 'job_id')::bigint from jsonb_array_elements(failures) as f
                                              where (f ->> 'job_id')::bigint = any (held.job_ids)));
end
$$;
comment on function vigil.defer_jobs(text, bigint, jsonb) is 'Puts failed jobs off with their error; after too many attempts they are set aside as dead.';
revoke all on function vigil.defer_jobs(text, bigint, jsonb) from public;
grant execute on function vigil.defer_jobs(text, bigint, jsonb) to vigil_worker;

create or replace function vigil.release_jobs(worker text) returns integer
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    n integer;
begin
    with released as (
        delete from vigil.leases l where l.worker = worker returning l.*
    )
    insert into vigil.jobs (id, kind, subject_id, queued_at, attempts, last_error)
    select j.id, j.kind, j.subject_id, j.queued_at, j.attempts, j.last_error
    from released r
    cross join unnest(r.job_ids, r.kinds, r.subject_ids, r.queued_ats, r.attempts, r.last_errors)
        as j (id, kind, subject_id, queued_at, attempts, last_error);
    get diagnostics n = row_count;
    return n;
end
$$;
comment on function vigil.release_jobs(text) is 'Gives a stopping worker''s leases back without counting the attempt.';
revoke all on function vigil.release_jobs(text) from public;
grant execute on function vigil.release_jobs(text) to vigil_worker;

create or replace function vigil.queue_depth() returns jsonb
    language sql stable security definer
    set search_path = ''
begin atomic
    select jsonb_build_object(
        'ready', j.ready + l.ended, 'leased', l.leased, 'deferred', j.deferred, 'dead', j.dead,
        'oldest_seconds', coalesce(extract(epoch from clock_timestamp() - least(j.oldest, l.oldest)), 0))
    from (
        select count(*) filter (where j.dead_at is null and j.run_at <= clock_timestamp()) as ready,
               count(*) filter (where j.dead_at is null and j.run_at > clock_timestamp()) as deferred,
               count(*) filter (where j.dead_at is not null) as dead,
               min(j.queued_at) filter (where j.dead_at is null) as oldest
        from vigil.jobs j
    ) j cross join (
        select coalesce(sum(cardinality(l.job_ids)) filter (where l.until > clock_timestamp()), 0) as leased,
               coalesce(sum(cardinality(l.job_ids)) filter (where l.until <= clock_timestamp()), 0) as ended,
               (select min(q.at) from vigil.leases h cross join unnest(h.queued_ats) as q (at)) as oldest
        from vigil.leases l
    ) l;
end;
comment on function vigil.queue_depth() is 'How much work waits, and for how long.';
revoke all on function vigil.queue_depth() from public;
grant execute on function vigil.queue_depth() to vigil_worker;

create or replace function vigil.try_lead() returns boolean
    language sql volatile security definer
    set search_path = ''
begin atomic
    select pg_try_advisory_lock(hashtextextended('vigil.clock', 0));
end;
comment on function vigil.try_lead() is 'Makes this session the one whose clock runs, if none is; ends with the session.';
revoke all on function vigil.try_lead() from public;
grant execute on function vigil.try_lead() to vigil_worker;

create or replace function vigil.stop_leading() returns boolean
    language sql volatile security definer
    set search_path = ''
begin atomic
    select pg_advisory_unlock(hashtextextended('vigil.clock', 0));
end;
comment on function vigil.stop_leading() is 'Lets another session''s clock run.';
revoke all on function vigil.stop_leading() from public;
grant execute on function vigil.stop_leading() to vigil_worker;

create or replace function vigil.next_due() returns timestamptz
    language sql stable security definer
    set search_path = ''
begin atomic
    select least(
        (select min(r.expires_at) from vigil.restrictions r
         where r.lifted_at is null and r.expiry_recorded_at is null and r.expires_at is not null),
        (select min(h.times_out_at) from vigil.holds h where h.timed_out_at is null),
        (select min(l.until) from vigil.leases l where l.until > clock_timestamp()),
        (select min(j.run_at) from vigil.jobs j where j.dead_at is null and j.run_at > clock_timestamp()));
end;
comment on function vigil.next_due() is 'When something will be due next: an expiry, a hold, a lease or a retry.';
revoke all on function vigil.next_due() from public;
grant execute on function vigil.next_due() to vigil_worker;

create or replace function vigil.run_due(max_rows integer)
    returns table (kind text, subject_id uuid, due_at timestamptz, lateness_ms double precision)
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_column
declare
    r record;
begin
    for r in
        update vigil.restrictions t set expiry_recorded_at = clock_timestamp()
        where t.id in (select d.id from vigil.restrictions d
                       where d.lifted_at is null and d.expiry_recorded_at is null and d.expires_at <= clock_timestamp()
                       order by d.expires_at limit max_rows for update skip locked)
        returning t.id, t.user_id, t.restriction_type, t.expires_at, t.expiry_recorded_at
    loop
        -- By the system: nobody acted when the time came.
        perform vigil.record('restriction.expired', null, r.user_id, jsonb_build_object('restriction', r.id, 'type', r.restriction_type, 'until', r.expires_at));
        if r.restriction_type <> 'shadow_ban' then
            perform vigil.announce(array[r.user_id], 'restriction_changed', '{}');
        end if;
        kind := 'restriction.expired';
        subject_id := r.id;
        due_at := r.expires_at;
        lateness_ms := extract(epoch from r.expiry_recorded_at - r.expires_at) * 1000;
        return next;
    end loop;
    for r in
        update vigil.holds t set timed_out_at = clock_timestamp()
        where t.message_id in (select d.message_id from vigil.holds d
                               where d.timed_out_at is null and d.times_out_at <= clock_timestamp()
                               order by d.times_out_at limit max_rows for update skip locked)
        returning t.message_id, t.times_out_at, t.timed_out_at,
                  (select m.sender_id from public.messages m where m.id = t.message_id) as sender_id
    loop
        perform vigil.open_case('message', r.message_id, 'held for too long', r.sender_id);
        update vigil.cases c set overdue = true where c.subject_kind = 'message' and c.subject_id = r.message_id and c.state = 'open';
        perform vigil.record('hold.timed_out', null, r.sender_id, jsonb_build_object('message', r.message_id));
        kind := 'hold.timed_out';
        subject_id := r.message_id;
        due_at := r.times_out_at;
        lateness_ms := extract(epoch from r.timed_out_at - r.times_out_at) * 1000;
        return next;
    end loop;
end
$$;
comment on function vigil.run_due(integer) is 'Records and announces what is due, each exactly once. Enforcement never waits for this.';
revoke all on function vigil.run_due(integer) from public;
grant execute on function vigil.run_due(integer) to vigil_worker;

create or replace function vigil.worker_status() returns jsonb
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    perform vigil.require_staff('auditor');
    return jsonb_build_object(
        'workers', coalesce((select jsonb_agg(jsonb_build_object('worker', w.worker, 'version', w.version, 'started_at', w.started_at,
                                                                'last_beat', w.last_beat, 'state', w.state) order by w.last_beat desc) from vigil.workers w), '[]'),
        'queue', vigil.queue_depth(), 'terms_version', vigil.terms_version(), 'next_due', vigil.next_due());
end
$$;
comment on function vigil.worker_status() is 'Workers and their queue, for the staff.';
revoke all on function vigil.worker_status() from public;
grant execute on function vigil.worker_status() to authenticated;

create or replace function public.worker_status() returns jsonb
    language sql stable
    set search_path = ''
begin atomic
    select vigil.worker_status();
end;
comment on function public.worker_status() is 'Staff: workers and their queue.';
revoke all on function public.worker_status() from public, anon;
grant execute on function public.worker_status() to authenticated;
