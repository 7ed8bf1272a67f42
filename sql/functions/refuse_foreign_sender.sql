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
             or case when new.sender_id is null then vigil.uid() is null
                     -- The claim as vigil.uid() reads it, without calling it for each row of a batch.
                     else new.sender_id::text is distinct from lower(coalesce(
                         nullif(current_setting('request.jwt.claim.sub', true), ''),
                         nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub')) end))
    execute function vigil.refuse_foreign_sender();
