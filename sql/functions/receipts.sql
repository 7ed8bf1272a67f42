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

create or replace function vigil.wants_receipts(member uuid) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return coalesce((select p.read_receipts from public.messaging_preferences p where p.user_id = member), true);
end
$$;
comment on function vigil.wants_receipts(uuid) is 'A member who hides their own receipts sees nobody else''s.';
revoke all on function vigil.wants_receipts(uuid) from public;

create or replace function vigil.owes_receipt(reader uuid, author uuid) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return vigil.shows_receipts(reader) and vigil.wants_receipts(author)
       and not exists (select from public.user_blocks b where b.kind = 'block'
                       and ((b.blocker_id = reader and b.blocked_id = author) or (b.blocker_id = author and b.blocked_id = reader)));
end
$$;
comment on function vigil.owes_receipt(uuid, uuid) is 'Whether an author may learn that this reader has read: both show receipts, and neither blocks the other.';
revoke all on function vigil.owes_receipt(uuid, uuid) from public;

create or replace function vigil.i_want_receipts() returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return vigil.wants_receipts(vigil.uid());
end
$$;
comment on function vigil.i_want_receipts() is 'Whether the caller shows receipts, and so sees those of others. For policies.';
revoke all on function vigil.i_want_receipts() from public;
grant execute on function vigil.i_want_receipts() to anon, authenticated, service_role;

create or replace function vigil.mark_messages_read(member uuid, conversation uuid, up_to uuid) returns integer
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    since timestamptz := coalesce((select r.read_at from vigil.read_marks r
                                   where r.user_id = member and r.conversation_id = conversation), '-infinity');
    until timestamptz := 'infinity';
    seen uuid[];
    newest timestamptz;
    authors uuid[];
    banned boolean := vigil.is_restricted(member, '{shadow_ban}', conversation);
begin
    if not vigil.is_self(member) or not conversation = any (vigil.my_conversations()) then
        return 0;
    end if;
    if up_to is not null then
        -- An invisible message and an absent one both mark nothing.
        until := coalesce((select m.created_at from public.messages m
                           where m.id = up_to and m.conversation_id = conversation and {{visible_message:m}}), '-infinity');
    end if;
    select array_agg(m.id), max(m.created_at) into seen, newest from public.messages m
    where m.conversation_id = conversation and m.sender_id <> member and m.created_at > since and m.created_at <= until
      and {{visible_message:m}};
    if newest is null then
        return 0;
    end if;
    perform vigil.note_read(member, conversation, newest);
    if vigil.shows_receipts(member) then
        authors := vigil.write_receipts(member, conversation, seen);
        -- For a shadow ban the same work, towards topics that nobody may join. Each author hears of their own messages
        -- alone, or one who has left would learn when somebody spoke since.
        perform vigil.announce(array[case when banned then gen_random_uuid() else a.id end], 'messages_read', jsonb_build_object(
            'conversation_id', conversation, 'user_id', member,
            'up_to', (select max(m.created_at) from public.messages m where m.id = any (seen) and m.sender_id = a.id)))
        from unnest(authors) as a (id) where not vigil.is_restricted(a.id, '{block}');
    end if;
    return cardinality(seen);
end
$$;
comment on function vigil.mark_messages_read(uuid, uuid, uuid) is 'Marks what the caller can see as read; receipts only if they show theirs.';
revoke all on function vigil.mark_messages_read(uuid, uuid, uuid) from public;
grant execute on function vigil.mark_messages_read(uuid, uuid, uuid) to authenticated;

create or replace function vigil.write_receipts(member uuid, conversation uuid, seen uuid[]) returns uuid[]
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    authors uuid[];
begin
    perform vigil.begin_acting();
    with marked as (
        update public.messages m set read_at = clock_timestamp(), status = 'read', updated_at = clock_timestamp()
        where m.id = any (seen) and m.recipient_id = member and m.read_at is null and vigil.owes_receipt(member, m.sender_id)
        returning m.sender_id
    )
    select array_agg(distinct k.sender_id) into authors from marked k;
    perform vigil.end_acting();
    if exists (select from public.conversations c where c.id = conversation and c.kind = 'direct') then
        return coalesce(authors, '{}');
    end if;
    -- In a group a receipt is a row of its own, and a shadow-banned reader leaves none.
    with wanted as (
        select m.id, m.sender_id from public.messages m
        where m.id = any (seen) and vigil.owes_receipt(member, m.sender_id)
    ), written as (
        insert into public.message_receipts (message_id, user_id, author_id, conversation_id, read_at)
        select w.id, member, w.sender_id, conversation, clock_timestamp() from wanted w
        where not vigil.is_restricted(member, '{shadow_ban}', conversation)
        on conflict (message_id, user_id) do nothing
    )
    select array_agg(distinct w.sender_id) into authors from wanted w;
    return coalesce(authors, '{}');
end
$$;
comment on function vigil.write_receipts(uuid, uuid, uuid[]) is 'Writes a reader''s receipts for those authors who show theirs; returns these authors.';
revoke all on function vigil.write_receipts(uuid, uuid, uuid[]) from public;

create or replace function public.mark_messages_read(user_uuid uuid, conversation_uuid uuid, up_to_message uuid default null) returns integer
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.mark_messages_read(user_uuid, conversation_uuid, up_to_message);
end;
comment on function public.mark_messages_read(uuid, uuid, uuid) is 'Marks the conversation as read by the caller, up to a message if one is named; returns how many became read.';
revoke all on function public.mark_messages_read(uuid, uuid, uuid) from public, anon;
grant execute on function public.mark_messages_read(uuid, uuid, uuid) to authenticated;

create or replace function vigil.my_read_marks() returns table (conversation_id uuid, read_at timestamptz)
    language plpgsql stable security definer rows 50
    set search_path = ''
as $$
begin
    return query select r.conversation_id, r.read_at from vigil.read_marks r where r.user_id = vigil.uid();
end
$$;
comment on function vigil.my_read_marks() is 'How far the caller has read, conversation by conversation.';
revoke all on function vigil.my_read_marks() from public;
grant execute on function vigil.my_read_marks() to authenticated;

create or replace function public.get_unread_message_count(user_uuid uuid) returns integer
    language sql stable
    set search_path = ''
begin atomic
    select coalesce(sum(unread.n), 0)::integer
    from unnest((select vigil.my_current_conversations())::uuid[]) as mine (id)
    left join vigil.my_read_marks() as mark on mark.conversation_id = mine.id
    cross join lateral (
        select count(*) as n from public.messages m
        where vigil.is_self(user_uuid)
          and m.conversation_id = mine.id
          and m.sender_id <> user_uuid
          and m.deleted_at is null
          and (m.recipient_id is null or m.read_at is null)
          and m.created_at > case when mark.read_at is null then '-infinity' else mark.read_at end
          and m.sender_id <> all (array(select b.blocked_id from public.user_blocks b
                                        where b.blocker_id = user_uuid and b.kind = 'mute'))
    ) as unread;
end;
comment on function public.get_unread_message_count(uuid) is 'Unread messages the caller can see, without those of members they muted.';
revoke all on function public.get_unread_message_count(uuid) from public, anon;
grant execute on function public.get_unread_message_count(uuid) to authenticated;
