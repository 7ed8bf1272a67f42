create or replace function vigil.set_message_state(
    message uuid, target text, actor uuid, why text, batch uuid default null, on_behalf_of uuid default null, tool text default null
) returns text
    language plpgsql volatile security definer
    set search_path = ''
as $$
declare
    m record;
    people uuid[];
    was_shadowed boolean;
begin
    select * into strict m from public.messages where id = message for update;
    was_shadowed := vigil.is_shadowed(message);
    if m.moderation_status = target and not (target = 'approved' and was_shadowed) then
        return m.moderation_status;
    end if;
    if target in ('hidden', 'removed') then
        perform vigil.bury(message, target);
    end if;
    if target = 'approved' and actor is not null then
        update vigil.shadowed_messages set released_at = clock_timestamp() where message_id = message and released_at is null;
    end if;
    perform vigil.begin_acting();
    update public.messages
    set moderation_status = target, updated_at = clock_timestamp(),
        status = case when target = 'approved' and status = 'sent' then 'delivered' else status end
    where id = message;
    perform vigil.end_acting();
    delete from vigil.holds where message_id = message;
    if target = 'approved' and m.deleted_at is null and not vigil.is_shadowed(message) then
        -- An approval reaches Realtime as UPDATE, which clients that listen to INSERT alone would miss.
        perform vigil.announce(vigil.witnesses(m.conversation_id, m.sender_id, m.created_at), 'message_approved',
                               jsonb_build_object('message_id', m.id, 'conversation_id', m.conversation_id));
    elsif target = 'removed' then
        insert into public.notices (user_id, kind, body)
        values (m.sender_id, 'message.removed', jsonb_build_object('message', m.id, 'conversation', m.conversation_id)::text);
    end if;
    perform vigil.record('message.' || target, actor, m.sender_id, jsonb_build_object(
        'message', m.id, 'from', m.moderation_status, 'reason', why), batch, on_behalf_of, tool);
    return m.moderation_status;
end
$$;
comment on function vigil.set_message_state(uuid, text, uuid, text, uuid, uuid, text) is 'Moves a message to a moderation state with tombstone, announcement, notice and event, in one transaction. Only a person releases a shadowed one.';
revoke all on function vigil.set_message_state(uuid, text, uuid, text, uuid, uuid, text) from public;
