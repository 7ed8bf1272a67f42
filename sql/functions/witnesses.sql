create or replace function vigil.witnesses(conversation uuid, author uuid, said_at timestamptz) returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return coalesce((
        select array_agg(distinct p.user_id) from public.conversation_participants p
        where p.conversation_id = conversation and p.user_id <> author
          and p.joined_at <= said_at and (p.left_at is null or p.left_at > said_at)
          and not exists (select from vigil.shadowed_stays s where s.stay_id = p.id)
          and not vigil.is_restricted(p.user_id, '{block}')), '{}');
end
$$;
comment on function vigil.witnesses(uuid, uuid, timestamptz) is 'Those other than its author whose stay covers a message.';
revoke all on function vigil.witnesses(uuid, uuid, timestamptz) from public;
