create or replace function vigil.uid() returns uuid
    language plpgsql stable parallel safe
    set search_path = ''
as $$
declare
    sub text := coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub');
begin
    -- auth.uid() raises on a sub that is no uuid; in a policy that would cost other Realtime subscribers their events.
    if sub ~ '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$' then
        return sub::uuid;
    end if;
    return null;
end
$$;
comment on function vigil.uid() is 'The signed-in member, or null; never raises.';
revoke all on function vigil.uid() from public;
grant execute on function vigil.uid() to anon, authenticated, service_role, vigil_doorbell;
