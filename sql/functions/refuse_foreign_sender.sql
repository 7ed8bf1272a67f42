create or replace function vigil.refuse_foreign_sender() returns trigger
    language plpgsql
    set search_path = ''
as $$
begin
    raise exception using errcode = '42501', message = 'You can send as yourself only, and no system messages.',
        hint = 'Leave sender_id and message_type out.';
end
$$;
comment on function vigil.refuse_foreign_sender() is 'Refuses before the row is judged, or another member''s restrictions could be probed.';
revoke all on function vigil.refuse_foreign_sender() from public;
create or replace trigger zzz_vigil_050_refuse_foreign_sender before insert on public.messages
    for each row when (
        current_user in ('anon', 'authenticated')
        and (new.message_type = 'system'
             or case when new.sender_id is null then vigil.uid() is null else new.sender_id is distinct from vigil.uid() end))
    execute function vigil.refuse_foreign_sender();
