create or replace function vigil.is_self(person uuid) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    if person is null or vigil.uid() is null or person <> vigil.uid() then
        raise exception using errcode = '42501', message = 'You can act for yourself only.',
            hint = 'Pass the id of the signed-in member.';
    end if;
    return true;
end
$$;
comment on function vigil.is_self(uuid) is 'True for the caller''s own id; refuses any other.';
revoke all on function vigil.is_self(uuid) from public;
grant execute on function vigil.is_self(uuid) to authenticated;
