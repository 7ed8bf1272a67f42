create or replace function vigil.keep_events() returns trigger
    language plpgsql
    set search_path = ''
as $$
begin
    raise exception using errcode = 'VG401', message = 'The audit log is append-only.',
        hint = 'Record a further event instead.';
end
$$;
comment on function vigil.keep_events() is 'Refuses to change or remove an audit event, whoever asks.';
revoke all on function vigil.keep_events() from public;
create or replace trigger vigil_100_keep_events before update or delete on vigil.events
    for each row execute function vigil.keep_events();
create or replace trigger vigil_100_keep_all_events before truncate on vigil.events
    for each statement execute function vigil.keep_events();
-- Also under session_replication_role = replica.
alter table vigil.events enable always trigger vigil_100_keep_events;
alter table vigil.events enable always trigger vigil_100_keep_all_events;
