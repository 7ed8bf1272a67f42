create or replace function vigil.guard_message_update() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
declare
    me uuid := vigil.uid();
begin
    if (new.id, new.conversation_id, new.sender_id, new.recipient_id, new.content, new.message_type, new.parent_message_id,
        new.thread_id, new.encryption_status, new.edited_at, new.is_flagged, new.flagged_reason, new.moderation_status,
        new.client_message_id, new.created_at)
       is distinct from
       (old.id, old.conversation_id, old.sender_id, old.recipient_id, old.content, old.message_type, old.parent_message_id,
        old.thread_id, old.encryption_status, old.edited_at, old.is_flagged, old.flagged_reason, old.moderation_status,
        old.client_message_id, old.created_at) then
        raise exception using errcode = 'VG110', message = 'Only receipts and deletion can be written here.',
            hint = 'Use edit_message, delete_message or mark_messages_read.';
    end if;
    if new.deleted_at is distinct from old.deleted_at then
        if me is distinct from old.sender_id or old.deleted_at is not null then
            raise exception using errcode = 'VG110', message = 'Only the author deletes a message, once.',
                hint = 'Use delete_message.';
        end if;
        perform vigil.note_deletion(old.id);
        new.deleted_at := clock_timestamp();
        new.content := '';
    end if;
    if (new.status, new.read_at) is distinct from (old.status, old.read_at) then
        if me is null or me is distinct from old.recipient_id then
            raise exception using errcode = 'VG110', message = 'Only the recipient marks a message as read.',
                hint = 'Use mark_messages_read.';
        end if;
        perform vigil.note_read(me, old.conversation_id, old.created_at);
        if old.read_at is null and vigil.owes_receipt(me, old.sender_id) then
            new.read_at := clock_timestamp();
            new.status := 'read';
        else
            new.read_at := old.read_at;
            new.status := old.status;
        end if;
    end if;
    new.updated_at := old.updated_at;
    if new is not distinct from old then
        -- Not written at all: the event would tell the author that somebody has read, whatever their receipts show.
        return null;
    end if;
    new.updated_at := clock_timestamp();
    return new;
end
$$;
comment on function vigil.guard_message_update() is 'Authors may delete, recipients may write their receipt; everything else is the server''s.';
revoke all on function vigil.guard_message_update() from public;
create or replace trigger zzz_vigil_100_guard_message_update before update on public.messages
    for each row when (not vigil.is_acting()) execute function vigil.guard_message_update();
