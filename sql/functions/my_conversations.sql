create or replace function vigil.my_empty_conversations(member uuid) returns uuid[]
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    -- Until the first stay is stored, its creator is all a conversation has; `insert … returning` needs to see the rows.
    return coalesce((
        select array_agg(c.id) from public.conversations c
        where c.created_by = member
          and not exists (select from public.conversation_participants p where p.conversation_id = c.id and p.user_id = member)), '{}');
end
$$;
comment on function vigil.my_empty_conversations(uuid) is 'Conversations a member created and has no stay in yet.';
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
