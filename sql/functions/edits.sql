create or replace function vigil.edit_message(message uuid, content text) returns jsonb
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.uid();
    m record;
    made uuid;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'VG109', message = 'Messages are edited at isolation level READ COMMITTED only.', hint = 'Begin an ordinary transaction.';
    end if;
    perform pg_advisory_xact_lock_shared(vigil.member_lock_key(me));
    select t.id, t.conversation_id, t.moderation_status, t.deleted_at, t.content, t.created_at into m
    from public.messages t where t.id = message and t.sender_id = me for update;
    if not found then
        perform vigil.fail('VG113', 'This message is not available.', 'You can edit your own messages only.');
    end if;
    if m.deleted_at is not null or m.moderation_status <> 'approved' then
        perform vigil.fail('VG114', 'This message cannot be edited now.', 'Send a new message instead.');
    end if;
    if m.created_at + (select s.edit_window from vigil.settings s) < clock_timestamp() then
        perform vigil.fail('VG114', 'This message is too old to be edited.', 'Send a new message instead.');
    end if;
    perform vigil.check_may_send(me, m.conversation_id);
    perform vigil.check_content(content, m.conversation_id);
    update vigil.edits e set state = 'superseded', decided_at = clock_timestamp() where e.message_id = message and e.state = 'pending';
    -- By the clock, not by the transaction's start: a ban may have come while this waited for the member's lock.
    insert into vigil.edits (message_id, content, created_at) values (message, content, clock_timestamp()) returning id into made;
    insert into vigil.jobs (kind, subject_id) values ('edit', made);
    perform vigil.record('edit.proposed', me, me, jsonb_build_object('message', message, 'edit', made));
    return jsonb_build_object('status', 'pending', 'edit_id', made);
end
$$;
comment on function vigil.edit_message(uuid, text) is 'Proposes a new text; the published row keeps the accepted one until the verdict.';
revoke all on function vigil.edit_message(uuid, text) from public;
grant execute on function vigil.edit_message(uuid, text) to authenticated;

create or replace function public.edit_message(message uuid, content text) returns jsonb
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.edit_message(message, content);
end;
comment on function public.edit_message(uuid, text) is 'Proposes a new text for the caller''s own message.';
revoke all on function public.edit_message(uuid, text) from public, anon;
grant execute on function public.edit_message(uuid, text) to authenticated;

create or replace function vigil.close_edit(edit uuid, accept boolean, actor uuid, why text, batch uuid, on_behalf_of uuid, tool text) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    e record;
begin
    select t.message_id, t.content, m.content as current, m.sender_id, m.moderation_status, m.deleted_at, m.conversation_id, m.created_at, t.created_at as proposed_at into strict e
    from vigil.edits t join public.messages m on m.id = t.message_id where t.id = edit for update;
    if accept and (e.deleted_at is not null or e.moderation_status <> 'approved') then
        update vigil.edits t set state = 'superseded', decided_at = clock_timestamp() where t.id = edit;
    elsif accept then
        if actor is null and vigil.was_banned(e.sender_id, e.proposed_at) and not vigil.is_shadowed(e.message_id) then
            -- What was said before the ban must not carry what is said under it: the others lose the message, its author sees the edit.
            perform vigil.bury(e.message_id, 'hidden');
            insert into vigil.shadowed_messages (message_id, sender_id) values (e.message_id, e.sender_id)
            on conflict (message_id) do update set released_at = null, shadowed_at = excluded.shadowed_at;
            insert into vigil.careful_stays (stay_id, user_id, conversation_id)
            select p.id, p.user_id, p.conversation_id from public.conversation_participants p
            where p.conversation_id = e.conversation_id and p.user_id <> e.sender_id
            on conflict (stay_id) do nothing;
        end if;
        update vigil.edits t set state = 'accepted', decided_at = clock_timestamp(), previous = e.current where t.id = edit;
        perform vigil.begin_acting();
        update public.messages t set content = e.content, edited_at = clock_timestamp(), updated_at = clock_timestamp() where t.id = e.message_id;
        perform vigil.end_acting();
        if not vigil.is_shadowed(e.message_id) then
            perform vigil.announce(vigil.witnesses(e.conversation_id, e.sender_id, e.created_at), 'message_edited',
                                   jsonb_build_object('message_id', e.message_id, 'conversation_id', e.conversation_id));
        end if;
        perform vigil.record('message.edited', coalesce(actor, e.sender_id), e.sender_id, jsonb_build_object('message', e.message_id, 'edit', edit), batch, on_behalf_of, tool);
    else
        update vigil.edits t set state = 'refused', decided_at = clock_timestamp() where t.id = edit;
        insert into public.notices (user_id, kind, body)
        values (e.sender_id, 'edit.refused', jsonb_build_object('message', e.message_id)::text);
    end if;
end
$$;
comment on function vigil.close_edit(uuid, boolean, uuid, text, uuid, uuid, text) is 'Accepts or refuses a proposed edit; the replaced text stays in the private history.';
revoke all on function vigil.close_edit(uuid, boolean, uuid, text, uuid, uuid, text) from public;

create or replace function vigil.decide_edit(edit uuid, decision text, reason text, me uuid, dry_run boolean, batch uuid, on_behalf_of uuid) returns jsonb
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    e record;
    c record;
begin
    select t.id, t.state, m.sender_id into e from vigil.edits t join public.messages m on m.id = t.message_id where t.id = edit for update;
    if not found then
        perform vigil.fail('VG205', 'No such message or edit.', 'Check the id.');
    end if;
    if e.sender_id = me then
        perform vigil.fail('VG202', 'Nobody decides on their own message.', 'Leave it to somebody else.');
    end if;
    if e.state <> 'pending' then
        perform vigil.fail('VG207', format('This edit is %s already.', e.state), 'Nothing to do.');
    end if;
    if decision = 'hide' then
        perform vigil.fail('VG206', 'An edit is approved or removed.', 'Use approve or remove.');
    end if;
    if not dry_run then
        insert into vigil.decisions (subject_id, decision, reason, decided_by) values (edit, decision, reason, me);
        perform vigil.close_edit(edit, decision = 'approve', me, reason, batch, on_behalf_of, null);
        for c in update vigil.cases t set state = 'closed', closed_at = clock_timestamp(), closed_by = me
                 where t.subject_kind = 'edit' and t.subject_id = edit and t.state = 'open' returning t.id loop
            perform vigil.record('case.closed', me, e.sender_id, jsonb_build_object('case', c.id, 'decision', decision), batch, on_behalf_of);
        end loop;
    end if;
    return jsonb_build_object('edit_id', edit, 'from', 'pending', 'to', case decision when 'approve' then 'accepted' else 'refused' end, 'dry_run', dry_run);
end
$$;
comment on function vigil.decide_edit(uuid, text, text, uuid, boolean, uuid, uuid) is 'A moderator decides on a proposed edit; called by decide_message, which has checked the role.';
revoke all on function vigil.decide_edit(uuid, text, text, uuid, boolean, uuid, uuid) from public;

create or replace function vigil.delete_message(message uuid) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    m record;
begin
    select t.id, t.deleted_at into m from public.messages t where t.id = message and t.sender_id = vigil.uid() for update;
    if not found or m.deleted_at is not null then
        perform vigil.fail('VG113', 'This message is not available.', 'You can delete your own messages only, once.');
    end if;
    perform vigil.note_deletion(message);
    perform vigil.begin_acting();
    update public.messages t set deleted_at = clock_timestamp(), content = '', updated_at = clock_timestamp() where t.id = message;
    perform vigil.end_acting();
end
$$;
comment on function vigil.delete_message(uuid) is 'The author deletes: the text is blanked, those who saw it are told.';
revoke all on function vigil.delete_message(uuid) from public;
grant execute on function vigil.delete_message(uuid) to authenticated;

create or replace function public.delete_message(message uuid) returns void
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.delete_message(message);
end;
comment on function public.delete_message(uuid) is 'Deletes the caller''s own message for everybody.';
revoke all on function public.delete_message(uuid) from public, anon;
grant execute on function public.delete_message(uuid) to authenticated;

create or replace function vigil.send_message(conversation uuid, content text, token text, parent uuid) returns public.messages
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_column
declare
    me uuid := vigil.uid();
    made public.messages;
begin
    if me is null then
        raise exception using errcode = '42501', message = 'Sign in to send messages.', hint = 'Sign in first.';
    end if;
    -- A retry gets the first row, even if the member may no longer send.
    if token is not null then
        select m.* into made from public.messages m where m.sender_id = me and m.client_message_id = token;
        if found then
            return made;
        end if;
    end if;
    insert into public.messages (conversation_id, sender_id, content, client_message_id, parent_message_id)
    values (conversation, me, content, token, parent)
    on conflict (sender_id, client_message_id) do nothing
    returning * into made;
    if not found then
        select m.* into strict made from public.messages m where m.sender_id = me and m.client_message_id = token;
    end if;
    return made;
end
$$;
comment on function vigil.send_message(uuid, text, text, uuid) is 'Sends once per token, however often it is tried.';
revoke all on function vigil.send_message(uuid, text, text, uuid) from public;
grant execute on function vigil.send_message(uuid, text, text, uuid) to authenticated;

create or replace function public.send_message(conversation uuid, content text, client_message_id text default null, parent uuid default null) returns public.messages
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.send_message(conversation, content, client_message_id, parent);
end;
comment on function public.send_message(uuid, text, text, uuid) is 'Sends a message; a retry with the same client_message_id returns the first row.';
revoke all on function public.send_message(uuid, text, text, uuid) from public, anon;
grant execute on function public.send_message(uuid, text, text, uuid) to authenticated;

create or replace function vigil.can_send(member uuid, conversation uuid) returns boolean
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
begin
    if not vigil.is_self(member) then
        return false;
    end if;
    perform vigil.check_may_send(member, conversation);
    return true;
exception when sqlstate 'VG101' or sqlstate 'VG102' or sqlstate 'VG103' or sqlstate 'VG104' or sqlstate 'VG105' or sqlstate 'VG106' or sqlstate 'VG115' then
    return false;
end
$$;
comment on function vigil.can_send(uuid, uuid) is 'Whether the caller may send here now. Asks the same function as a send, so that the answers agree.';
revoke all on function vigil.can_send(uuid, uuid) from public;
grant execute on function vigil.can_send(uuid, uuid) to authenticated;

create or replace function public.can_user_send_message(user_uuid uuid, conversation_uuid uuid) returns boolean
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.can_send(user_uuid, conversation_uuid);
end;
comment on function public.can_user_send_message(uuid, uuid) is 'Whether the caller may send here now.';
revoke all on function public.can_user_send_message(uuid, uuid) from public, anon;
grant execute on function public.can_user_send_message(uuid, uuid) to authenticated;
