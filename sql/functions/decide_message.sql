create or replace function vigil.decide_message(message uuid, decision text, reason text, dry_run boolean, batch uuid, on_behalf_of uuid) returns jsonb
    language plpgsql volatile security definer
    set search_path = ''
as $$
#variable_conflict use_variable
declare
    me uuid := vigil.require_staff('moderator');
    target text := case decision when 'approve' then 'approved' when 'hide' then 'hidden' when 'remove' then 'removed' end;
    m record;
    c record;
begin
    if target is null then
        perform vigil.fail('VG209', format('%s is no decision.', coalesce(decision, 'null')), 'Use approve, hide or remove.');
    end if;
    if length(btrim(coalesce(reason, ''))) = 0 or length(reason) > 2000 then
        perform vigil.fail('VG209', 'A reason of 1 to 2000 characters is required.', 'Say why.');
    end if;
    select t.id, t.sender_id, t.moderation_status into m from public.messages t where t.id = message for update;
    if not found then
        return vigil.decide_edit(message, decision, reason, me, dry_run, batch, on_behalf_of);
    end if;
    if m.sender_id = me then
        perform vigil.fail('VG202', 'Nobody decides on their own message.', 'Leave it to somebody else.');
    end if;
    if m.moderation_status = target and not (target = 'approved' and vigil.is_shadowed(message)) then
        perform vigil.fail('VG207', format('This message is %s already.', target), 'Nothing to do.');
    end if;
    if not ((m.moderation_status = 'pending' and target in ('approved', 'removed'))
            or (m.moderation_status = 'approved' and target in ('approved', 'hidden', 'removed'))
            or (m.moderation_status = 'hidden' and target in ('approved', 'removed'))) then
        perform vigil.fail('VG206', format('A message cannot go from %s to %s.', m.moderation_status, target),
                           'pending: approve or remove. approved: hide or remove. hidden: approve or remove.');
    end if;
    if not dry_run then
        insert into vigil.decisions (subject_id, decision, reason, decided_by) values (message, decision, reason, me);
        perform vigil.set_message_state(message, target, me, reason, batch, on_behalf_of);
        for c in update vigil.cases t set state = 'closed', closed_at = clock_timestamp(), closed_by = me
                 where t.subject_kind = 'message' and t.subject_id = message and t.state = 'open' returning t.id loop
            perform vigil.record('case.closed', me, m.sender_id, jsonb_build_object('case', c.id, 'decision', decision), batch, on_behalf_of);
        end loop;
        perform vigil.begin_acting();
        update public.message_reports r set status = 'resolved', reviewed_at = clock_timestamp()
        where r.message_id = message and r.status = 'pending';
        perform vigil.end_acting();
    end if;
    return jsonb_build_object('message_id', message, 'from', m.moderation_status, 'to', target, 'dry_run', dry_run);
end
$$;
comment on function vigil.decide_message(uuid, text, text, boolean, uuid, uuid) is 'A moderator approves, hides or removes a message; its case and reports close with it.';
revoke all on function vigil.decide_message(uuid, text, text, boolean, uuid, uuid) from public;
grant execute on function vigil.decide_message(uuid, text, text, boolean, uuid, uuid) to authenticated;

create or replace function public.decide_message(message uuid, decision text, reason text, dry_run boolean default false,
                                                 batch uuid default null, on_behalf_of uuid default null) returns jsonb
    language sql volatile
    set search_path = ''
begin atomic
    select vigil.decide_message(message, decision, reason, dry_run, batch, on_behalf_of);
end;
comment on function public.decide_message(uuid, text, text, boolean, uuid, uuid) is 'Moderators: approve, hide or remove a message.';
revoke all on function public.decide_message(uuid, text, text, boolean, uuid, uuid) from public, anon;
grant execute on function public.decide_message(uuid, text, text, boolean, uuid, uuid) to authenticated;
