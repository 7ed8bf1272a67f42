create or replace function vigil.ring_doorbell() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
begin
    if exists (select from queued) then
        perform realtime.send('{}', 'ring', 'vigil:doorbell', true);
    end if;
    return null;
end
$$;
comment on function vigil.ring_doorbell() is 'Rings the worker once per statement that queued work; the event says nothing but its own id.';
revoke all on function vigil.ring_doorbell() from public;

-- Run by the owner. Until then the trigger does not exist, so that the default path pays nothing, and the
-- doorbell's role has no rights in the platform's schema.
create or replace function vigil.ring_privately(wanted boolean) returns void
    language plpgsql volatile
    set search_path = ''
as $$
begin
    drop trigger if exists vigil_900_ring_doorbell on vigil.jobs;
    if not wanted then
        revoke select on realtime.messages from vigil_doorbell;
        revoke usage on schema realtime from vigil_doorbell;
        return;
    end if;
    grant usage on schema realtime to vigil_doorbell;
    grant select on realtime.messages to vigil_doorbell;
    -- A grant that the project does not let its owner make is a mere warning.
    if not (pg_catalog.has_schema_privilege('vigil_doorbell', 'realtime', 'usage')
            and pg_catalog.has_table_privilege('vigil_doorbell', 'realtime.messages', 'select')) then
        perform vigil.fail('VG302', 'This project does not let its owner grant rights in schema realtime.',
                           'Let the worker listen to the changes of public.messages (no VIGIL_DOORBELL_TOPIC).');
    end if;
    create trigger vigil_900_ring_doorbell after insert on vigil.jobs
        referencing new table as queued
        for each statement execute function vigil.ring_doorbell();
end
$$;
comment on function vigil.ring_privately(boolean) is 'The owner''s switch: ring the worker on the private topic vigil:doorbell, which vigil_doorbell alone may join, or stop that.';
revoke all on function vigil.ring_privately(boolean) from public;
