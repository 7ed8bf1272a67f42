create or replace function vigil.is_shadowed(message uuid) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return exists (select from vigil.shadowed_messages s where s.message_id = message and s.released_at is null);
end
$$;
comment on function vigil.is_shadowed(uuid) is 'Whether a message was sent during a shadow ban and not released since.';
revoke all on function vigil.is_shadowed(uuid) from public;
