create or replace function vigil.check_may_send(sender uuid, conversation uuid) returns text
    language plpgsql volatile security definer
    set search_path = ''
as $$
declare
    conv record;
    bound record;
    other uuid;
    sent bigint;
begin
    select c.status, c.kind into conv from public.conversations c
    where c.id = conversation
      and exists (select from public.conversation_participants p
                  where p.conversation_id = c.id and p.user_id = sender and p.left_at is null
                    and not exists (select from vigil.shadowed_stays s where s.stay_id = p.id and s.added_by <> sender));
    if not found then
        raise exception using errcode = 'VG101', message = 'This conversation is not available to you.',
            hint = 'Ask to be added, or check the conversation id.';
    end if;
    select array_agg(distinct r.restriction_type) as kinds, min(r.message_limit_per_day) as per_day into bound
    from vigil.restrictions r
    where r.user_id = sender and r.lifted_at is null
      and (r.expires_at is null or r.expires_at > clock_timestamp())
      and (r.conversation_id is null or r.conversation_id = conversation);
    if 'block' = any (bound.kinds)
       or exists (select from public.profiles p where p.id = sender and p.anonymised_at is not null) then
        raise exception using errcode = 'VG105', message = 'This account is blocked from messaging.',
            hint = 'Your notices say why, until when and how to appeal.';
    end if;
    if 'mute' = any (bound.kinds) then
        raise exception using errcode = 'VG103', message = 'You may not send messages here at the moment.',
            hint = 'Your notices say why, until when and how to appeal.';
    end if;
    if conv.status <> 'active' then
        raise exception using errcode = 'VG102', message = 'This conversation is closed.', hint = 'Start a new one.';
    end if;
    if conv.kind = 'direct' then
        select p.user_id into other from public.conversation_participants p
        where p.conversation_id = conversation and p.user_id <> sender and p.left_at is null limit 1;
        if other is not null and not vigil.accepts_messages(other, sender, conversation) then
            raise exception using errcode = 'VG106', message = 'This member does not accept messages from you at the moment.',
                hint = 'They may change their preferences later.';
        end if;
    end if;
    if 'limit' = any (bound.kinds) then
        -- Exact under concurrency: limited members send one at a time.
        perform pg_advisory_xact_lock(hashtextextended('vigil.limit:' || sender::text, 0));
        select count(*) into sent from public.messages m
        where m.sender_id = sender and m.created_at > clock_timestamp() - interval '1 day';
        if sent >= bound.per_day then
            raise exception using errcode = 'VG104',
                message = format('You have sent your %s messages of the last 24 hours.', bound.per_day),
                hint = 'Try again later.';
        end if;
    end if;
    return case when 'hold' = any (bound.kinds) then 'restriction'
                when vigil.moderation_mode(conversation) = 'pre' then 'mode' end;
end
$$;
comment on function vigil.check_may_send(uuid, uuid) is 'Refuses a sender who may not write here now; returns why the message must be held, or null.';
revoke all on function vigil.check_may_send(uuid, uuid) from public;

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
                         and not exists (select from vigil.shadowed_stays s where s.stay_id in (a.id, b.id)));
    end if;
    return true;
end
$$;
comment on function vigil.accepts_messages(uuid, uuid, uuid) is 'Blocks in either direction and the recipient''s wishes; help_connections: has written here, or shares another conversation.';
revoke all on function vigil.accepts_messages(uuid, uuid, uuid) from public;
