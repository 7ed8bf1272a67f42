create or replace function vigil.guard_report() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
begin
    if tg_op = 'UPDATE' then
        raise exception using errcode = 'VG110', message = 'A report is changed by the server only.', hint = 'Its status follows the decision.';
    end if;
    new.reported_by := coalesce(vigil.uid(), new.reported_by);
    if new.reported_by is null or new.message_id is null or not vigil.can_see_message(new.reported_by, new.message_id)
       or exists (select from public.messages m where m.id = new.message_id and m.sender_id = new.reported_by) then
        raise exception using errcode = 'VG113', message = 'This message is not available.', hint = 'Report what you can see and did not write.';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('vigil.report:' || new.reported_by::text || new.message_id::text, 0));
    if exists (select from public.message_reports r where r.reported_by = new.reported_by and r.message_id = new.message_id) then
        raise exception using errcode = '23505', message = 'You have reported this message already.', hint = 'Nothing to do.';
    end if;
    -- Legacy clients send `reason`, where the app has that column.
    new.report_reason := coalesce(new.report_reason, left(nullif(to_jsonb(new) ->> 'reason', ''), 200));
    new.id := gen_random_uuid();
    new.status := 'pending';
    new.reviewed_by := null;
    new.reviewed_at := null;
    new.created_at := clock_timestamp();
    return new;
end
$$;
comment on function vigil.guard_report() is 'One report per member and message, and only of what the reporter can see.';
revoke all on function vigil.guard_report() from public;
create or replace trigger zzz_vigil_100_guard_report before insert on public.message_reports
    for each row execute function vigil.guard_report();
create or replace trigger zzz_vigil_110_guard_report_update before update on public.message_reports
    for each row when (not vigil.is_acting()) execute function vigil.guard_report();

create or replace function vigil.note_report() returns trigger
    language plpgsql security definer
    set search_path = ''
as $$
declare
    author uuid := (select m.sender_id from public.messages m where m.id = new.message_id);
begin
    perform vigil.record('report.opened', new.reported_by, author, jsonb_build_object('report', new.id, 'message', new.message_id));
    perform vigil.open_case('message', new.message_id, 'reported: ' || coalesce(new.report_reason, 'no reason given'), author);
    return null;
end
$$;
comment on function vigil.note_report() is 'A report opens a case, or joins the open one.';
revoke all on function vigil.note_report() from public;
create or replace trigger vigil_900_note_report after insert on public.message_reports
    for each row execute function vigil.note_report();
