create or replace function vigil.shadowed_senders() returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return coalesce((select array_agg(distinct s.sender_id) from vigil.shadowed_messages s where s.released_at is null), '{}');
end
$$;
comment on function vigil.shadowed_senders() is 'Senders with shadowed messages: only their rows pay a look-up. For policies; callable by nobody by hand.';
revoke all on function vigil.shadowed_senders() from public;
grant execute on function vigil.shadowed_senders() to anon, authenticated, service_role, vigil_doorbell;

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
grant execute on function vigil.is_shadowed(uuid) to anon, authenticated, service_role, vigil_doorbell;
