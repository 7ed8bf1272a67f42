create or replace function vigil.is_restricted(member uuid, kinds text[], conversation uuid default null) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    -- The clock decides, so that a restriction ends on time with the worker dead.
    return exists (
        select from vigil.restrictions r
        where r.user_id = member and r.lifted_at is null
          and (r.expires_at is null or r.expires_at > clock_timestamp())
          and r.restriction_type = any (kinds)
          and (r.conversation_id is null or r.conversation_id = conversation));
end
$$;
comment on function vigil.is_restricted(uuid, text[], uuid) is 'Whether one of these restrictions binds a member now, everywhere or in this conversation.';
revoke all on function vigil.is_restricted(uuid, text[], uuid) from public;

create or replace function vigil.was_banned(member uuid, at timestamptz) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return exists (
        select from vigil.restrictions r
        where r.user_id = member and r.restriction_type = 'shadow_ban' and r.created_at <= at
          and (r.lifted_at is null or r.lifted_at > at) and (r.expires_at is null or r.expires_at > at));
end
$$;
comment on function vigil.was_banned(uuid, timestamptz) is 'Whether a shadow ban bound a member at that moment.';
revoke all on function vigil.was_banned(uuid, timestamptz) from public;
