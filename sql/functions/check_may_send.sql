create or replace function vigil.check_may_send(sender uuid, conversation uuid) returns vigil.send_facts
    language plpgsql volatile security definer
    set search_path = ''
as $$
declare
    f record;
    sent bigint;
begin
    -- Every fact in one query: each further one would cost a message as much again.
    select c.status, c.kind, bound.kinds, bound.per_day, me.anonymised_at is not null as is_gone, other.user_id as other,
           coalesce(here.moderation_mode, s.moderation_mode) as mode, here.slow_mode, s.messages_per_minute as per_minute, s.max_message_length, terms.inline_max_words,
           wish.can_receive_from <> 'anyone'
           or exists (select from public.user_blocks b where b.blocker_id = other.user_id and b.blocked_id = sender)
           or exists (select from public.user_blocks b where b.blocker_id = sender and b.blocked_id = other.user_id) as is_doubtful
    into f
    from public.conversations c
    cross join vigil.settings s
    cross join vigil.terms_revision terms
    left join vigil.conversation_settings here on here.conversation_id = c.id
    left join public.profiles me on me.id = sender
    left join lateral (
        select p.user_id from public.conversation_participants p
        where c.kind = 'direct' and p.conversation_id = c.id and p.user_id <> sender and p.left_at is null limit 1
    ) other on true
    left join public.messaging_preferences wish on wish.user_id = other.user_id
    cross join lateral (
        select array_agg(r.restriction_type) as kinds, min(r.message_limit_per_day) as per_day
        from vigil.restrictions r
        where r.user_id = sender and r.lifted_at is null
          and (r.expires_at is null or r.expires_at > clock_timestamp())
          and (r.conversation_id is null or r.conversation_id = conversation)
    ) bound
    where c.id = conversation
      and exists (select from public.conversation_participants p
                  where p.conversation_id = c.id and p.user_id = sender and p.left_at is null
                    and not exists (select from vigil.shadowed_stays s where s.stay_id = p.id and s.added_by <> sender));
    if not found then
        raise exception using errcode = 'VG101', message = 'This conversation is not available to you.',
            hint = 'Ask to be added, or check the conversation id.';
    end if;
    if 'block' = any (f.kinds) or f.is_gone then
        raise exception using errcode = 'VG105', message = 'This account is blocked from messaging.',
            hint = 'Your notices say why, until when and how to appeal.';
    end if;
    if 'mute' = any (f.kinds) then
        raise exception using errcode = 'VG103', message = 'You may not send messages here at the moment.',
            hint = 'Your notices say why, until when and how to appeal.';
    end if;
    if f.status <> 'active' then
        raise exception using errcode = 'VG102', message = 'This conversation is closed.', hint = 'Start a new one.';
    end if;
    if f.is_doubtful and f.other is not null and not vigil.accepts_messages(f.other, sender, conversation) then
        raise exception using errcode = 'VG106', message = 'This member does not accept messages from you at the moment.',
            hint = 'They may change their preferences later.';
    end if;
    if 'limit' = any (f.kinds) or f.slow_mode is not null or f.per_minute is not null then
        -- Exact under concurrency: members whose messages are counted send one at a time.
        perform pg_advisory_xact_lock(hashtextextended('vigil.limit:' || sender::text, 0));
    end if;
    if f.per_minute is not null or f.slow_mode is not null then
        perform vigil.check_pace(sender, conversation, f.per_minute, f.slow_mode);
    end if;
    if 'limit' = any (f.kinds) then
        select count(*) into sent from public.messages m
        where m.sender_id = sender and m.created_at > clock_timestamp() - interval '1 day';
        if sent >= f.per_day then
            raise exception using errcode = 'VG104',
                message = format('You have sent your %s messages of the last 24 hours.', f.per_day),
                hint = 'Try again later.';
        end if;
    end if;
    return (sender, conversation,
            case when 'hold' = any (f.kinds) then 'restriction' when f.mode = 'pre' then 'mode' end,
            f.other, f.max_message_length, f.inline_max_words,
            -- Counted, or bounded by the clock: asked again for each message.
            f.kinds is null and f.slow_mode is null and f.per_minute is null);
end
$$;
comment on function vigil.check_may_send(uuid, uuid) is 'Refuses a sender who may not write here now; else the facts a message needs, with why it must be held, if it must.';
revoke all on function vigil.check_may_send(uuid, uuid) from public;

create or replace function vigil.check_pace(sender uuid, conversation uuid, per_minute integer, slow_mode interval) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    free_at timestamptz;
begin
    if per_minute is not null then
        -- The oldest of as many as are allowed says when the next may follow.
        select m.created_at + interval '1 minute' into free_at from public.messages m
        where m.sender_id = sender and m.created_at > clock_timestamp() - interval '1 minute'
        order by m.created_at desc offset per_minute - 1 limit 1;
    end if;
    if slow_mode is not null and not exists (
        select from public.conversation_participants p
        where p.conversation_id = conversation and p.user_id = sender and p.left_at is null and p.role = 'moderator') then
        select greatest(free_at, max(m.created_at) + slow_mode) into free_at from public.messages m
        where m.sender_id = sender and m.conversation_id = conversation and m.created_at > clock_timestamp() - slow_mode;
    end if;
    if free_at > clock_timestamp() then
        raise exception using errcode = 'VG115', message = 'You are sending too fast.',
            hint = format('Wait %s seconds.', ceil(extract(epoch from free_at - clock_timestamp()))::integer);
    end if;
end
$$;
comment on function vigil.check_pace(uuid, uuid, integer, interval) is 'A member''s messages of the last minute, and slow mode, from which a group''s own moderators are free. The sender''s lock is held.';
revoke all on function vigil.check_pace(uuid, uuid, integer, interval) from public;

create or replace function vigil.moderation_mode(conversation uuid) returns text
    language plpgsql stable security definer
    set search_path = ''
as $$
begin
    return coalesce((select c.moderation_mode from vigil.conversation_settings c where c.conversation_id = conversation),
                    (select s.moderation_mode from vigil.settings s));
end
$$;
comment on function vigil.moderation_mode(uuid) is 'post: visible at once. pre: pending until judged.';
revoke all on function vigil.moderation_mode(uuid) from public;

create or replace function vigil.accepts_messages(recipient uuid, sender uuid, conversation uuid) returns boolean
    language plpgsql stable security definer
    set search_path = ''
as $$
declare
    wish text;
begin
    if exists (select from public.user_blocks b where b.kind = 'block'
               and ((b.blocker_id = recipient and b.blocked_id = sender) or (b.blocker_id = sender and b.blocked_id = recipient))) then
        return false;
    end if;
    select p.can_receive_from into wish from public.messaging_preferences p where p.user_id = recipient;
    if wish = 'nobody' then
        return false;
    elsif wish = 'help_connections' then
        return exists (select from public.messages m
                       where m.sender_id = recipient and m.conversation_id = conversation)
            or exists (select from public.conversation_participants a
                       join public.conversation_participants b on b.conversation_id = a.conversation_id
                       where a.user_id = recipient and b.user_id = sender and a.left_at is null and b.left_at is null
                         and a.conversation_id is distinct from conversation
                         and not exists (select from vigil.shadowed_stays s where s.stay_id in (a.id, b.id) and s.added_by <> sender));
    end if;
    return true;
end
$$;
comment on function vigil.accepts_messages(uuid, uuid, uuid) is 'Blocks in either direction and the recipient''s wishes; help_connections: has written here, or shares another conversation.';
revoke all on function vigil.accepts_messages(uuid, uuid, uuid) from public;
