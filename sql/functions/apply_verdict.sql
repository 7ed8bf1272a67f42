create or replace function vigil.apply_verdict(kind text, subject uuid, verdict text, why text, worker text) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    m record;
    cause text;
begin
    -- A person's decision stands.
    if exists (select from vigil.decisions d where d.subject_id = subject) then
        return;
    end if;
    if kind = 'edit' then
        perform vigil.apply_edit_verdict(subject, verdict, why, worker);
        return;
    elsif kind in ('title', 'name') then
        perform vigil.apply_label_verdict(kind, subject, verdict, why, worker);
        return;
    end if;
    select t.id, t.sender_id, t.moderation_status into m from public.messages t where t.id = subject for update;
    if not found then
        return;
    end if;
    select h.cause into cause from vigil.holds h where h.message_id = subject;
    if verdict = 'remove' then
        if m.moderation_status <> 'removed' then
            perform vigil.set_message_state(subject, 'removed', null, why, null, null, worker);
        end if;
    elsif verdict = 'hold' then
        if m.moderation_status = 'approved' then
            perform vigil.set_message_state(subject, 'hidden', null, why, null, null, worker);
        else
            update vigil.holds h set cause = 'verdict' where h.message_id = subject;
        end if;
        perform vigil.open_case('message', subject, why, m.sender_id);
    elsif verdict = 'flag' then
        -- Where messages wait for a verdict, a doubtful one goes on waiting, for a person.
        update vigil.holds h set cause = 'verdict' where h.message_id = subject and h.cause = 'mode';
        perform vigil.open_case('message', subject, why, m.sender_id);
    elsif cause = 'mode' then
        perform vigil.set_message_state(subject, 'approved', null, why, null, null, worker);
    elsif cause = 'restriction' then
        perform vigil.open_case('message', subject, 'the author''s messages are reviewed', m.sender_id);
    end if;
end
$$;
comment on function vigil.apply_verdict(text, uuid, text, text, text) is 'What a verdict does to its subject. A message held by a restriction waits for a person whatever the filter says.';
revoke all on function vigil.apply_verdict(text, uuid, text, text, text) from public;

create or replace function vigil.apply_edit_verdict(edit uuid, verdict text, why text, worker text) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    e record;
    author uuid;
begin
    select t.id, t.message_id, t.state, m.sender_id, m.conversation_id into e from vigil.edits t join public.messages m on m.id = t.message_id
    where t.id = edit for update;
    if not found or e.state <> 'pending' then
        return;
    end if;
    author := e.sender_id;
    if verdict = 'remove' then
        perform vigil.close_edit(edit, false, null, why, null, null, worker);
    elsif verdict = 'hold' or vigil.is_restricted(author, '{hold}', e.conversation_id)
          or (verdict = 'flag' and vigil.moderation_mode(e.conversation_id) = 'pre') then
        perform vigil.open_case('edit', edit, why, author);
    else
        perform vigil.close_edit(edit, true, null, why, null, null, worker);
        if verdict = 'flag' then
            perform vigil.open_case('message', e.message_id, why, author);
        end if;
    end if;
end
$$;
comment on function vigil.apply_edit_verdict(uuid, text, text, text) is 'Accepts, holds or refuses a proposed edit.';
revoke all on function vigil.apply_edit_verdict(uuid, text, text, text) from public;

create or replace function vigil.apply_label_verdict(kind text, subject uuid, verdict text, why text, worker text) returns void
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    owner uuid;
    label text;
begin
    if verdict = 'approve' then
        return;
    end if;
    if kind = 'title' then
        select c.created_by, c.title into owner, label from public.conversations c where c.id = subject for update;
    else
        select p.id, p.name into owner, label from public.profiles p where p.id = subject for update;
    end if;
    if label is null then
        return;
    end if;
    if verdict in ('hold', 'remove') then
        insert into vigil.legacy_values (kind, relation, name, row_key, body)
        values ('value', case kind when 'title' then 'public.conversations' else 'public.profiles' end, kind, subject::text, label);
        perform vigil.begin_acting();
        if kind = 'title' then
            update public.conversations set title = null, updated_at = clock_timestamp() where id = subject;
        else
            update public.profiles set name = null, updated_at = clock_timestamp() where id = subject;
        end if;
        perform vigil.end_acting();
    end if;
    perform vigil.open_case(kind, subject, why, owner);
end
$$;
comment on function vigil.apply_label_verdict(text, uuid, text, text, text) is 'A title or name the filter objects to is blanked, kept privately and put before a person.';
revoke all on function vigil.apply_label_verdict(text, uuid, text, text, text) from public;
