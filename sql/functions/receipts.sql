create or replace function vigil.shows_receipts(member uuid) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    -- Not for a shadow ban: sender and recipient share the row, so a receipt withheld would show in the banned member's own inbox.
    return coalesce((select p.read_receipts from public.messaging_preferences p where p.user_id = member), true)
       and not vigil.is_restricted(member, '{mute,block}');
end
$$;
comment on function vigil.shows_receipts(uuid) is 'Whether others may learn that this member has read something.';
revoke all on function vigil.shows_receipts(uuid) from public;

create or replace function vigil.note_read(member uuid, conversation uuid, up_to timestamptz) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
begin
    insert into vigil.read_marks (user_id, conversation_id, read_at) values (member, conversation, up_to)
    on conflict (user_id, conversation_id) do update set read_at = greatest(read_marks.read_at, excluded.read_at);
    -- A send alone never moves last_message_at: a shadow-banned author would see theirs stay.
    perform vigil.begin_acting();
    update public.conversations c set last_message_at = latest.at, updated_at = clock_timestamp()
    from (select max(m.created_at) as at from public.messages m
          where m.conversation_id = conversation and m.sender_id <> member and m.moderation_status = 'approved'
            and m.deleted_at is null and not vigil.is_shadowed(m.id) and m.created_at <= up_to) latest
    where c.id = conversation and latest.at > c.last_message_at and vigil.shows_receipts(member);
    perform vigil.end_acting();
end
$$;
comment on function vigil.note_read(uuid, uuid, timestamptz) is 'Keeps how far a member has read, privately, and lets last_message_at follow what others have read.';
revoke all on function vigil.note_read(uuid, uuid, timestamptz) from public;

create or replace function vigil.mark_messages_read(member uuid, conversation uuid) returns integer
    language plpgsql volatile security definer
    set search_path = ''
as $$
declare
    marked integer := 0;
    newest timestamptz;
begin
    if not vigil.is_self(member) or not conversation = any (vigil.my_conversations()) then
        return 0;
    end if;
    select max(m.created_at) into newest from public.messages m
    where m.conversation_id = conversation and m.sender_id <> member and vigil.can_see_message(member, m.id)
      and m.created_at > coalesce((select r.read_at from vigil.read_marks r
                                   where r.user_id = member and r.conversation_id = conversation), '-infinity');
    if newest is not null then
        perform vigil.note_read(member, conversation, newest);
    end if;
    if vigil.shows_receipts(member) then
        perform vigil.begin_acting();
        update public.messages m set read_at = clock_timestamp(), status = 'read', updated_at = clock_timestamp()
        where m.conversation_id = conversation and m.recipient_id = member and m.read_at is null
          and vigil.can_see_message(member, m.id);
        get diagnostics marked = row_count;
        perform vigil.end_acting();
    end if;
    return marked;
end
$$;
comment on function vigil.mark_messages_read(uuid, uuid) is 'Marks what the caller can see as read; receipts only if they show theirs.';
revoke all on function vigil.mark_messages_read(uuid, uuid) from public;
grant execute on function vigil.mark_messages_read(uuid, uuid) to authenticated;

create or replace function public.mark_messages_read(user_uuid uuid, conversation_uuid uuid) returns integer
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.mark_messages_read(user_uuid, conversation_uuid);
end;
comment on function public.mark_messages_read(uuid, uuid) is 'Marks the conversation as read by the caller; returns how many receipts were written.';
revoke all on function public.mark_messages_read(uuid, uuid) from public, anon;
grant execute on function public.mark_messages_read(uuid, uuid) to authenticated;

create or replace function vigil.my_read_mark(conversation uuid) returns timestamptz
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return coalesce((select r.read_at from vigil.read_marks r
                     where r.user_id = vigil.uid() and r.conversation_id = conversation), '-infinity');
end
$$;
comment on function vigil.my_read_mark(uuid) is 'How far the caller has read in a conversation.';
revoke all on function vigil.my_read_mark(uuid) from public;
grant execute on function vigil.my_read_mark(uuid) to authenticated;

create or replace function public.get_unread_message_count(user_uuid uuid) returns integer
    language sql stable
    set search_path = ''
begin atomic
    select count(*)::integer from public.messages m
    where vigil.is_self(user_uuid)
      and m.sender_id <> user_uuid
      and m.conversation_id = any ((select vigil.my_current_conversations())::uuid[])
      and m.deleted_at is null
      and (m.recipient_id is null or m.read_at is null)
      and m.created_at > vigil.my_read_mark(m.conversation_id)
      and not exists (select from public.user_blocks b
                      where b.blocker_id = user_uuid and b.blocked_id = m.sender_id and b.kind = 'mute');
end;
comment on function public.get_unread_message_count(uuid) is 'Unread messages the caller can see, without those of members they muted.';
revoke all on function public.get_unread_message_count(uuid) from public, anon;
grant execute on function public.get_unread_message_count(uuid) to authenticated;

create or replace function public.get_message_thread(thread_uuid uuid, user_uuid uuid) returns setof public.messages
    language sql stable
    set search_path = ''
begin atomic
    select m.* from public.messages m
    where vigil.is_self(user_uuid) and (m.id = thread_uuid or m.thread_id = thread_uuid)
    order by m.created_at, m.id;
end;
comment on function public.get_message_thread(uuid, uuid) is 'A message and its replies, as the caller may see them.';
revoke all on function public.get_message_thread(uuid, uuid) from public, anon;
grant execute on function public.get_message_thread(uuid, uuid) to authenticated;
