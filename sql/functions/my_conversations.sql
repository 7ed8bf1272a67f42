create or replace function vigil.has_begun(conversation uuid, member uuid) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    -- What nobody but its author may know of must not show in what a creator is refused.
    return exists (
        select from public.messages m
        where m.conversation_id = conversation
          and (m.sender_id = member or (m.moderation_status = 'approved' and not vigil.is_shadowed(m.id))));
end
$$;
comment on function vigil.has_begun(uuid, uuid) is 'Whether somebody has spoken, as far as this member may know: pending, hidden and shadowed messages of others do not count.';
revoke all on function vigil.has_begun(uuid, uuid) from public;

create or replace function vigil.my_empty_conversations(member uuid) returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    -- Until the first stay is stored, its creator is all a conversation has; `insert … returning` needs to see the rows.
    return coalesce((
        select array_agg(c.id) from public.conversations c
        where c.created_by = member
          and not exists (select from public.conversation_participants p where p.conversation_id = c.id and p.user_id = member)
          and not vigil.has_begun(c.id, member)), '{}');
end
$$;
comment on function vigil.my_empty_conversations(uuid) is 'Conversations a member created and has no stay in yet; a creator who stays outside does not listen in.';
revoke all on function vigil.my_empty_conversations(uuid) from public;

create or replace function vigil.my_conversations() returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    if me is null or vigil.is_restricted(me, '{block}') then
        return '{}';
    end if;
    return coalesce((
        select array_agg(distinct p.conversation_id)
        from public.conversation_participants p
        where p.user_id = me
          and not exists (select from vigil.shadowed_stays s where s.stay_id = p.id and s.added_by <> me)), '{}')
        || vigil.my_empty_conversations(me);
end
$$;
comment on function vigil.my_conversations() is 'Conversations the caller is or was in; none while blocked. For policies: evaluated once per statement.';
revoke all on function vigil.my_conversations() from public;
grant execute on function vigil.my_conversations() to anon, authenticated, service_role, vigil_doorbell;

create or replace function vigil.my_current_conversations() returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    if me is null or vigil.is_restricted(me, '{block}') then
        return '{}';
    end if;
    return coalesce((
        select array_agg(distinct p.conversation_id)
        from public.conversation_participants p
        where p.user_id = me and p.left_at is null
          and not exists (select from vigil.shadowed_stays s where s.stay_id = p.id and s.added_by <> me)), '{}')
        || vigil.my_empty_conversations(me);
end
$$;
comment on function vigil.my_current_conversations() is 'Conversations the caller is in now; none while blocked.';
revoke all on function vigil.my_current_conversations() from public;
grant execute on function vigil.my_current_conversations() to anon, authenticated, service_role, vigil_doorbell;

create or replace function vigil.my_partial_conversations() returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    if me is null then
        return '{}';
    end if;
    return coalesce((
        select array_agg(distinct p.conversation_id)
        from public.conversation_participants p
        join public.conversations c on c.id = p.conversation_id
        where p.user_id = me
          and (p.left_at is not null
               or exists (select from public.messages m
                          where m.conversation_id = p.conversation_id and m.created_at < p.joined_at))), '{}');
end
$$;
comment on function vigil.my_partial_conversations() is 'Those where the caller''s stays do not cover every message, so that each message needs a look at the stays.';
revoke all on function vigil.my_partial_conversations() from public;
grant execute on function vigil.my_partial_conversations() to anon, authenticated, service_role, vigil_doorbell;

create or replace function vigil.covers_my_stay(conversation uuid, said_at timestamptz) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    return exists (
        select from public.conversation_participants p
        where p.conversation_id = conversation and p.user_id = me
          and p.joined_at <= said_at and (p.left_at is null or said_at < p.left_at)
          and not exists (select from vigil.shadowed_stays s where s.stay_id = p.id and s.added_by <> me));
end
$$;
comment on function vigil.covers_my_stay(uuid, timestamptz) is 'Whether something was said during one of the caller''s stays; asked only where the stays do not cover everything.';
revoke all on function vigil.covers_my_stay(uuid, timestamptz) from public;
grant execute on function vigil.covers_my_stay(uuid, timestamptz) to anon, authenticated, service_role, vigil_doorbell;
