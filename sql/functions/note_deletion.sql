create or replace function vigil.note_deletion(message uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
declare
    m record;
begin
    select * into strict m from public.messages where id = message;
    insert into vigil.deleted_contents (message_id, content) values (message, m.content);
    update vigil.edits set state = 'superseded', decided_at = clock_timestamp() where message_id = message and state = 'pending';
    perform vigil.bury(m.id, 'deleted');
    perform vigil.record('message.deleted', m.sender_id, m.sender_id,
                         jsonb_build_object('message', m.id, 'conversation', m.conversation_id));
end
$$;
comment on function vigil.note_deletion(uuid) is 'What follows an author''s deletion: the text kept privately, the tombstone, the event.';
revoke all on function vigil.note_deletion(uuid) from public;

create or replace function vigil.bury(message uuid, how text) returns boolean
    language plpgsql volatile security definer
    set search_path = ''
as $$
declare
    m record;
    people uuid[];
begin
    select * into strict m from public.messages where id = message;
    -- Only what others could see leaves a trace for them.
    if m.moderation_status <> 'approved' or m.deleted_at is not null or vigil.is_shadowed(m.id) then
        return false;
    end if;
    people := vigil.witnesses(m.conversation_id, m.sender_id, m.created_at);
    insert into public.message_tombstones (message_id, conversation_id, sender_id, message_created_at, kind)
    values (m.id, m.conversation_id, m.sender_id, m.created_at, how);
    perform vigil.announce(people, 'message_' || how,
                           jsonb_build_object('message_id', m.id, 'conversation_id', m.conversation_id));
    return true;
end
$$;
comment on function vigil.bury(uuid, text) is 'Tells those who could see a message to drop it; called before the row changes.';
revoke all on function vigil.bury(uuid, text) from public;
