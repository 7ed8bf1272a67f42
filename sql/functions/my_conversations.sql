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
    return array(
        select p.conversation_id from public.conversation_participants p
        where p.user_id = me
          and p.id <> all (array(select s.stay_id from vigil.shadowed_stays s where s.user_id = me and s.added_by <> me))
        union all
        -- Until the first stay is stored, its creator is all a conversation has; `insert … returning` needs to see the rows.
        select c.id from public.conversations c
        where c.created_by = me
          and not exists (select from public.conversation_participants p where p.conversation_id = c.id and p.user_id = me)
          and not vigil.has_begun(c.id, me));
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
    return array(
        select p.conversation_id from public.conversation_participants p
        where p.user_id = me and p.left_at is null
          and p.id <> all (array(select s.stay_id from vigil.shadowed_stays s where s.user_id = me and s.added_by <> me))
        union all
        select c.id from public.conversations c
        where c.created_by = me
          and not exists (select from public.conversation_participants p where p.conversation_id = c.id and p.user_id = me)
          and not vigil.has_begun(c.id, me));
end
$$;
comment on function vigil.my_current_conversations() is 'Conversations the caller is in now; none while blocked.';
revoke all on function vigil.my_current_conversations() from public;
grant execute on function vigil.my_current_conversations() to anon, authenticated, service_role, vigil_doorbell;
