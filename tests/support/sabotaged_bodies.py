"""What each function checks, condition by condition: its text, what a saboteur puts in its place, and who should notice.

Left out is what another check of the list repeats: the last admin is always the caller, a member's rank is never below
their own, and what a constraint refuses too is sabotaged there.
"""

from __future__ import annotations

from tests.support.sabotages import Body

_RESTRICT = "restrict_member(uuid,text,text,interval,uuid,text,integer,text,boolean,uuid,uuid)"
_APPLY = "apply_restriction(uuid,uuid,text,text,timestamptz,uuid,text,integer,text,uuid,uuid)"
_LIFT = "lift_restriction(uuid,text,boolean,uuid,uuid)"
_DECIDE = "decide_message(uuid,text,text,boolean,uuid,uuid)"
_DECIDE_EDIT = "decide_edit(uuid,text,text,uuid,boolean,uuid,uuid)"
_CLOSE_EDIT = "close_edit(uuid,boolean,uuid,text,uuid,uuid,text)"
_STATE = "set_message_state(uuid,text,uuid,text,uuid,uuid,text)"
_WITNESSES = "witnesses(uuid,uuid,timestamptz)"
_COVERS = "covers_my_stay(uuid,timestamptz)"
_DRY = ("if not dry_run then", "if true then")
_NO_REASON = ("length(btrim(coalesce(reason, ''))) = 0", "false")
_MODERATOR = ("vigil.require_staff('moderator')", "vigil.require_staff('auditor')")
_HIDDEN_STAY = (
    "not exists (select from vigil.shadowed_stays s where s.stay_id = p.id and s.added_by <> me)"
)


def _record(event: str) -> tuple[str, str]:
    return (
        f"perform vigil.record('{event}'",
        f"perform '{event}' where false and 0 < vigil.record('{event}'",
    )


STAFF = (
    Body("bootstrap_admin(uuid)", *_record("staff.added"), "test_staff"),
    Body("add_staff(uuid,text,text,boolean)", "vigil.require_staff('admin')", "vigil.require_staff('moderator')", "test_staff"),
    Body("add_staff(uuid,text,text,boolean)", "p.anonymised_at is null", "true", "test_staff"),
    Body("add_staff(uuid,text,text,boolean)", "member = me", "false", "test_staff"),
    Body("add_staff(uuid,text,text,boolean)", *_DRY, "test_staff"),
    Body("add_staff(uuid,text,text,boolean)", *_record("staff.added"), "test_staff"),
    Body("remove_staff(uuid,text,boolean)", "vigil.require_staff('admin')", "vigil.require_staff('moderator')", "test_staff"),
    Body("remove_staff(uuid,text,boolean)", "member = me", "false", "test_staff"),
    Body("remove_staff(uuid,text,boolean)", "coalesce(reason, '') = ''", "false", "test_staff"),
    Body("remove_staff(uuid,text,boolean)", *_DRY, "test_staff"),
    Body("remove_staff(uuid,text,boolean)", "delete from vigil.staff s where s.user_id = member;", "", "test_staff"),
    Body("remove_staff(uuid,text,boolean)", *_record("staff.removed"), "test_staff"),
    *(
        Body(name, "perform vigil.require_staff('auditor');", "", "test_staff")
        for name in (
            "list_staff()", "find_member(text)", "list_restrictions(uuid,boolean,integer)", "list_terms(text,text,integer)",
            "list_jobs(text,integer)", "list_cases(text,integer)", "worker_status()", "tail_audit(bigint,integer)",
        )
    ),
    Body("show_message(uuid)", "vigil.require_staff('auditor')", "vigil.uid()", "test_staff"),
    Body("show_message(uuid)", "vigil.staff_rank(me) >= 2", "true", "test_decisions"),
    Body("show_message(uuid)", "m.sender_id <> me", "true", "test_staff"),
    Body("show_message(uuid)", "c.state = 'open'", "true", "test_decisions"),
    Body("find_member(text)", "length(handle) >= 2", "true", "test_staff"),
    Body("find_member(text)", "limit 10", "", "test_staff"),
    Body("retry_jobs(bigint[])", *_MODERATOR, "test_staff"),
    Body("retry_jobs(bigint[])", "j.dead_at is not null", "true", "test_jobs"),
    Body("retry_jobs(bigint[])", *_record("jobs.retried"), "test_jobs"),
    Body(_RESTRICT, *_MODERATOR, "test_staff"),
    Body(_RESTRICT, *_NO_REASON, "test_staff"),
    Body(_RESTRICT, "duration <= interval '0'", "false", "test_restrictions"),
    Body(_RESTRICT, *_DRY, "test_restrictions"),
    Body(_APPLY, "perform pg_advisory_xact_lock(vigil.member_lock_key(member));", "", "test_restrictions"),
    Body(_APPLY, ":= restriction <> 'shadow_ban'", ":= true", "test_shadow_ban"),
    Body(_APPLY, "/ 3600, 4), public_reason,", "/ 3600, 4), reason,", "test_restrictions"),
    Body(_APPLY, "'reason', public_reason,", "'reason', reason,", "test_restrictions"),
    Body(_APPLY, *_record("restriction.created"), "test_audit_log"),
    Body(_LIFT, *_MODERATOR, "test_staff"),
    Body(_LIFT, *_NO_REASON, "test_staff"),
    Body(_LIFT, "vigil.staff_rank(r.user_id) >= vigil.staff_rank(me)", "false", "test_staff"),
    Body(_LIFT, "r.lifted_at is not null", "false", "test_staff"),
    Body(_LIFT, "r.expires_at <= clock_timestamp()", "false", "test_staff"),
    Body(_LIFT, *_DRY, "test_staff"),
    Body(_LIFT, "r.restriction_type <> 'shadow_ban'", "true", "test_shadow_ban"),
    Body(_LIFT, *_record("restriction.lifted"), "test_staff"),
    Body("guard_user_restriction()", "vigil.staff_rank(new.user_id) > 0", "false", "test_restrictions"),
    Body("guard_user_restriction()", "until <= clock_timestamp()", "false", "test_restrictions"),
    Body("guard_user_restriction()", "tg_op = 'UPDATE'", "false", "test_restrictions"),
    Body("is_restricted(uuid,text[],uuid)", "r.lifted_at is null", "true", "test_restrictions"),
    Body("is_restricted(uuid,text[],uuid)", "r.restriction_type = any (kinds)", "true", "test_restrictions"),
    Body("is_restricted(uuid,text[],uuid)", "(r.conversation_id is null or r.conversation_id = conversation)", "true", "test_restrictions"),
)  # fmt: skip

DECISIONS = (
    Body(_DECIDE, *_MODERATOR, "test_staff"),
    Body(_DECIDE, *_NO_REASON, "test_staff"),
    Body(_DECIDE, "m.sender_id = me", "false", "test_staff"),
    Body(_DECIDE, "if not ((m.moderation_status = 'pending'", "if false and not ((m.moderation_status = 'pending'", "test_decisions"),
    Body(_DECIDE, "insert into vigil.decisions (subject_id, decision, reason, decided_by) values (message, decision, reason, me);", "", "test_decisions"),
    Body(_DECIDE, "and not (target = 'approved' and vigil.is_shadowed(message))", "", "test_shadow_ban"),
    Body(_DECIDE, "set status = 'resolved'", "set status = 'pending'", "test_decisions"),
    Body(_DECIDE, "t.subject_kind = 'message' and t.subject_id = message", "false", "test_decisions"),
    Body(_DECIDE, *_record("case.closed"), "test_decisions"),
    Body(_DECIDE, *_DRY, "test_decisions"),
    Body(_DECIDE_EDIT, "e.sender_id = me", "false", "test_staff"),
    Body(_DECIDE_EDIT, "e.state <> 'pending'", "false", "test_decisions"),
    Body(_DECIDE_EDIT, "decision = 'hide'", "false", "test_decisions"),
    Body(_DECIDE_EDIT, "insert into vigil.decisions (subject_id, decision, reason, decided_by) values (edit, decision, reason, me);", "", "test_decisions"),
    Body(_DECIDE_EDIT, "t.subject_kind = 'edit' and t.subject_id = edit", "false", "test_decisions"),
    Body(_DECIDE_EDIT, *_DRY, "test_decisions"),
    Body(_STATE, "m.deleted_at is null and not", "not", "test_decisions"),
    Body(_STATE, "delete from vigil.holds where message_id = message;", "", "test_decisions"),
    Body(_STATE, "perform vigil.record('message.' || target", "perform 1 where false and 0 < vigil.record('message.' || target", "test_decisions"),
    Body("apply_verdict(text,uuid,text,text,text)", "elsif cause = 'mode' then", "elsif cause is not null then", "test_restrictions"),
    Body("apply_edit_verdict(uuid,text,text,text)", "e.state <> 'pending'", "false", "test_decisions"),
    Body("apply_edit_verdict(uuid,text,text,text)", "vigil.is_restricted(author, '{hold}', e.conversation_id)", "false", "test_decisions"),
    Body("apply_edit_verdict(uuid,text,text,text)", "(verdict = 'flag' and vigil.moderation_mode(e.conversation_id) = 'pre')", "false", "test_decisions"),
    Body("open_case(text,uuid,text,uuid)", *_record("case.opened"), "test_decisions"),
    Body("guard_report()", "m.sender_id = new.reported_by", "false", "test_decisions"),
    Body("guard_report()", "coalesce(vigil.uid(), new.reported_by)", "new.reported_by", "test_decisions"),
    Body("guard_report()", "new.id := gen_random_uuid();", "", "test_decisions"),
    Body("guard_report()", "new.status := 'pending';", "", "test_decisions"),
    Body("guard_report()", "new.created_at := clock_timestamp();", "", "test_decisions"),
    Body("note_report()", *_record("report.opened"), "test_decisions"),
    Body("note_report()", "perform vigil.open_case(", "perform 1 where false and null is not distinct from vigil.open_case(", "test_decisions"),
    Body("run_due(integer)", "d.times_out_at <= clock_timestamp()", "true", "test_restrictions"),
    Body("run_due(integer)", "r.restriction_type <> 'shadow_ban'", "true", "test_shadow_ban"),
    Body("run_due(integer)", "d.expires_at <= clock_timestamp()", "true", "test_restrictions"),
    Body("run_due(integer)", *_record("restriction.expired"), "test_restrictions"),
    Body("run_due(integer)", *_record("hold.timed_out"), "test_restrictions"),
    Body("defer_jobs(text,jsonb)", "j.leased_by = worker", "true", "test_jobs"),
    Body("defer_jobs(text,jsonb)", "j.attempts = f.attempt", "true", "test_jobs"),
    Body("release_jobs(text)", "j.leased_by = worker", "true", "test_jobs"),
)  # fmt: skip

MESSAGES = (
    Body("check_content(text,uuid)", "content is null or content !~ '[^[:space:]]'", "false", "test_sending"),
    Body("check_content(text,uuid)", "length(content) > longest", "false", "test_sending"),
    Body("check_content(text,uuid)", "perform vigil.check_inline_terms(content, conversation);", "", "test_inline_terms"),
    Body("check_inline_terms(text,uuid)", "(t.conversation_id is null or t.conversation_id = conversation)", "true", "test_inline_terms"),
    Body("check_inline_terms(text,uuid)", "(t.expires_at is null or t.expires_at > clock_timestamp())", "true", "test_inline_terms"),
    Body("check_inline_terms(text,uuid)", "(a.conversation_id is null or a.conversation_id = conversation)", "true", "test_inline_terms"),
    Body("check_inline_terms(text,uuid)", "(a.expires_at is null or a.expires_at > clock_timestamp())", "true", "test_inline_terms"),
    Body("check_inline_terms(text,uuid)", "a.match = 'word'", "true", "test_inline_terms"),
    Body("add_terms(jsonb,boolean)", *_MODERATOR, "test_inline_terms"),
    Body("add_terms(jsonb,boolean)", "if dry_run then", "if false then", "test_inline_terms"),
    Body("add_terms(jsonb,boolean)", *_record("terms.changed"), "test_inline_terms"),
    Body("remove_terms(bigint[],boolean)", *_MODERATOR, "test_staff"),
    Body("remove_terms(bigint[],boolean)", "not dry_run and", "", "test_staff"),
    Body("remove_terms(bigint[],boolean)", "perform vigil.bump_terms();", "", "test_inline_terms"),
    Body("remove_terms(bigint[],boolean)", *_record("terms.changed"), "test_inline_terms"),
    Body("send_message(uuid,text,text,uuid)", "m.sender_id = me and m.client_message_id = token", "m.client_message_id = token", "test_sending"),
    Body("edit_message(uuid,text)", "<> 'read committed'", "= 'none'", "test_decisions"),
    Body("edit_message(uuid,text)", "t.sender_id = me", "true", "test_decisions"),
    Body("edit_message(uuid,text)", "m.deleted_at is not null", "false", "test_decisions"),
    Body("edit_message(uuid,text)", "m.moderation_status <> 'approved'", "false", "test_decisions"),
    Body("edit_message(uuid,text)", "perform vigil.check_may_send(me, m.conversation_id);", "", "test_decisions"),
    Body("edit_message(uuid,text)", "insert into vigil.jobs (kind, subject_id) values ('edit', made);", "", "test_decisions"),
    Body("edit_message(uuid,text)", "and e.state = 'pending'", "and false", "test_decisions"),
    Body("edit_message(uuid,text)", *_record("edit.proposed"), "test_decisions"),
    Body(_CLOSE_EDIT, "accept and (e.deleted_at is not null or e.moderation_status <> 'approved')", "false", "test_decisions"),
    Body(_CLOSE_EDIT, "previous = e.current", "previous = null", "test_decisions"),
    Body(_CLOSE_EDIT, *_record("message.edited"), "test_decisions"),
    Body("delete_message(uuid)", "t.sender_id = vigil.uid()", "true", "test_sending"),
    Body("delete_message(uuid)", "or m.deleted_at is not null", "", "test_sending"),
    Body("delete_message(uuid)", "perform vigil.note_deletion(message);", "", "test_sending"),
    Body("delete_message(uuid)", "content = '', ", "", "test_sending"),
    Body("note_deletion(uuid)", "insert into vigil.deleted_contents (message_id, content) values (message, m.content);", "", "test_sending"),
    Body("note_deletion(uuid)", "perform vigil.bury(m.id, 'deleted');", "", "test_sending"),
    Body("note_deletion(uuid)", *_record("message.deleted"), "test_sending"),
    Body("bury(uuid,text)", "m.moderation_status <> 'approved'", "false", "test_decisions"),
    Body("bury(uuid,text)", "m.deleted_at is not null", "false", "test_decisions"),
    *(
        Body("guard_message_update()", f"new.{column}{end}", f"old.{column}{end}", "test_sending")
        for column, end in (
            ("id", ", "), ("conversation_id", ", "), ("sender_id", ", "), ("recipient_id", ", "), ("content", ", "),
            ("message_type", ", "), ("parent_message_id", ","), ("thread_id", ", "), ("encryption_status", ", "),
            ("edited_at", ", "), ("is_flagged", ", "), ("flagged_reason", ", "), ("moderation_status", ","),
            ("client_message_id", ", "), ("created_at", ")"),
        )
    ),
    Body("guard_message_update()", "or old.deleted_at is not null", "", "test_sending"),
    Body("guard_message_update()", "perform vigil.note_deletion(old.id);", "", "test_sending"),
    Body("guard_message_update()", "new.deleted_at := clock_timestamp();", "", "test_sending"),
    Body("guard_message_update()", "new.content := '';", "", "test_sending"),
    Body("guard_message_update()", "me is null or", "", "test_sending"),
    Body("guard_message_update()", "vigil.shows_receipts(me)", "true", "test_sending"),
    Body("guard_message_update()", "new.read_at := clock_timestamp();", "", "test_sending"),
    Body("guard_message_update()", "perform vigil.note_read(me, old.conversation_id, old.created_at);", "", "test_sending"),
    Body("can_see_message(uuid,uuid)", "m.moderation_status = 'approved'", "true", "test_catalogue"),
    Body("can_see_message(uuid,uuid)", "m.deleted_at is null", "true", "test_catalogue"),
    Body("can_see_message(uuid,uuid)", "not vigil.is_shadowed(m.id)", "true", "test_catalogue"),
    Body("shows_receipts(uuid)", "coalesce((select p.read_receipts from public.messaging_preferences p where p.user_id = member), true)", "true", "test_sending"),
    Body("note_read(uuid,uuid,timestamptz)", "greatest(read_marks.read_at, excluded.read_at)", "excluded.read_at", "test_sending"),
    Body("note_read(uuid,uuid,timestamptz)", "and vigil.shows_receipts(member)", "", "test_sending"),
    Body("mark_messages_read(uuid,uuid)", "not vigil.is_self(member)", "false", "test_sending"),
    Body("mark_messages_read(uuid,uuid)", "m.recipient_id = member", "true", "test_sending"),
    Body("mark_messages_read(uuid,uuid)", "if vigil.shows_receipts(member) then", "if true then", "test_sending"),
    Body("my_read_mark(uuid)", "r.user_id = vigil.uid()", "true", "test_sending"),
    Body("record(text,uuid,uuid,jsonb,uuid,uuid,text)", "vigil.subject_ref(subject)", "subject", "test_audit_log"),
    Body("uid()", "if sub ~ '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$' then", "if sub is not null then", "test_privileges"),
    Body("is_acting()", "and current_user = (", "and 'nobody' <> (", "test_sending"),
)  # fmt: skip

PEOPLE = (
    Body(_WITNESSES, "p.user_id <> author", "true", "test_decisions"),
    Body(_WITNESSES, "p.joined_at <= said_at", "true", "test_decisions"),
    Body(_WITNESSES, "(p.left_at is null or p.left_at > said_at)", "true", "test_catalogue"),
    Body(_WITNESSES, "not exists (select from vigil.shadowed_stays s where s.stay_id = p.id)", "true", "test_shadow_ban"),
    Body(_WITNESSES, "not vigil.is_restricted(p.user_id, '{block}')", "true", "test_catalogue"),
    Body("hidden_stays()", "s.added_by is distinct from me", "false", "test_shadow_ban"),
    Body("my_conversations()", _HIDDEN_STAY, "true", "test_shadow_ban"),
    Body("my_conversations()", "p.user_id = me", "true", "test_members"),
    Body("my_current_conversations()", _HIDDEN_STAY, "true", "test_shadow_ban"),
    Body("my_current_conversations()", "vigil.is_restricted(me, '{block}')", "false", "test_restrictions"),
    Body("my_current_conversations()", "p.user_id = me", "true", "test_members"),
    Body("my_current_conversations()", "p.left_at is null", "true", "test_members"),
    Body("my_empty_conversations(uuid)", "c.created_by = member", "true", "test_members"),
    Body("my_empty_conversations(uuid)", "p.user_id = member", "false", "test_members"),
    Body("my_partial_conversations()", "p.left_at is not null", "false", "test_members"),
    Body("my_partial_conversations()", "m.created_at < p.joined_at", "false", "test_members"),
    Body(_COVERS, "(p.left_at is null or said_at < p.left_at)", "true", "test_members"),
    Body(_COVERS, "p.user_id = me", "true", "test_members"),
    Body("my_people()", "vigil.is_restricted(me, '{block}')", "false", "test_restrictions"),
    Body("my_people()", "mine.user_id = me", "true", "test_members"),
    Body("my_people()", "mine.left_at is null", "true", "test_members"),
    Body("my_people()", "other.left_at is null", "true", "test_members"),
    Body("my_people()", "s.stay_id in (mine.id, other.id) and s.added_by <> me", "false", "test_shadow_ban"),
    Body("my_present_people()", "(b.blocker_id = me and b.blocked_id = person)", "false", "test_members"),
    Body("my_present_people()", "(b.blocker_id = person and b.blocked_id = me)", "false", "test_members"),
    Body("is_shadowed(uuid)", "and s.released_at is null", "", "test_shadow_ban"),
    Body("guard_conversation()", "perform vigil.check_may_start(new.created_by);", "", "test_restrictions"),
    Body("guard_conversation()", "new.id := gen_random_uuid();", "", "test_members"),
    Body("guard_conversation()", "new.status := 'active';", "", "test_members"),
    Body("guard_conversation()", "new.created_at := clock_timestamp();", "", "test_members"),
    Body("guard_conversation()", "new.last_message_at := new.created_at;", "", "test_members"),
    Body("guard_conversation()", "exists (select from public.messages m where m.conversation_id = old.id)", "false", "test_members"),
    Body("guard_conversation()", "perform vigil.check_label(new.title);", "", "test_inline_terms"),
    Body("guard_conversation()", "insert into vigil.jobs (kind, subject_id) values ('title', new.id);", "", "test_decisions"),
    *(
        Body("guard_conversation()", f"new.{column}{end}", f"old.{column}{end}", "test_members")
        for column, end in (
            ("id", ", new"), ("created_by", ", new"), ("status", ", new"), ("kind", ", new"), ("created_at", ", new"),
            ("last_message_at", ")\n"),
        )
    ),
    Body("check_label(text)", "length(label) > 200", "false", "test_members"),
    Body("check_label(text)", "perform vigil.check_inline_terms(label, null);", "", "test_inline_terms"),
    Body("check_may_start(uuid)", "p.anonymised_at is not null", "false", "test_members"),
    Body("guard_participant()", "perform vigil.check_may_add(coalesce(actor, conv.created_by), new.user_id, conv.id);", "", "test_members"),
    Body("guard_participant()", "new.id := gen_random_uuid();", "", "test_members"),
    Body("guard_participant()", "new.joined_at := conv.created_at;", "", "test_members"),
    Body("guard_participant()", "new.left_at := null;", "", "test_members"),
    Body("guard_participant()", "case when new.user_id = conv.created_by then 'moderator' else 'member' end", "new.role", "test_members"),
    Body("note_participants()", "perform vigil.record(", "return null; perform vigil.record(", "test_members"),
    Body("check_may_add(uuid,uuid,uuid)", "p.anonymised_at is null", "true", "test_members"),
    Body("check_may_add(uuid,uuid,uuid)", "vigil.is_restricted(member, '{block}')", "false", "test_members"),
    Body("check_may_add(uuid,uuid,uuid)", "perform vigil.check_may_start(actor);", "", "test_members"),
    Body("start_conversation(uuid[],text)", "cardinality(others) not between 1 and 500", "false", "test_members"),
    Body("start_conversation(uuid[],text)", "perform vigil.check_may_add(me, other, null);", "", "test_members"),
    Body("start_conversation(uuid[],text)", *_record("conversation.started"), "test_members"),
    Body("require_group_moderator(uuid)", "c.kind = 'group'", "true", "test_members"),
    Body("require_group_moderator(uuid)", "c.status = 'active'", "true", "test_members"),
    Body("require_group_moderator(uuid)", "p.user_id = me", "true", "test_members"),
    Body("require_group_moderator(uuid)", "p.left_at is null", "true", "test_members"),
    Body("add_participant(uuid,uuid)", "perform vigil.check_may_add(me, member, conversation);", "", "test_members"),
    Body("end_stay(uuid,uuid,uuid)", "p.user_id = member", "true", "test_members"),
    Body("end_stay(uuid,uuid,uuid)", *_record("participant.left"), "test_members"),
    Body("acknowledge_notice(uuid)", "n.user_id = vigil.uid()", "true", "test_members"),
    Body("update_presence(uuid,text,uuid,uuid)", "not vigil.is_self(member)", "false", "test_members"),
    Body("update_presence(uuid,text,uuid,uuid)", "conversation = any (mine)", "true", "test_members"),
    Body("update_presence(uuid,text,uuid,uuid)", "typing_in = any (mine)", "true", "test_members"),
    Body("update_presence(uuid,text,uuid,uuid)", "coalesce((select p.typing_indicators from public.messaging_preferences p where p.user_id = member), true)", "true", "test_members"),
    Body("guard_profile()", "new.id is distinct from old.id", "false", "test_members"),
    Body("guard_profile()", "new.anonymised_at is distinct from old.anonymised_at", "false", "test_members"),
    Body("guard_profile()", "new.created_at is distinct from old.created_at", "false", "test_members"),
    Body("guard_profile()", "old.anonymised_at is not null", "false", "test_members"),
    Body("guard_profile()", "perform vigil.check_label(new.name);", "", "test_inline_terms"),
    Body("guard_profile()", "insert into vigil.jobs (kind, subject_id) values ('name', new.id);", "", "test_decisions"),
    Body("note_account()", "name = null, location = null, ", "", "test_members"),
    Body("note_account()", "anonymised_at = clock_timestamp(), ", "", "test_members"),
    Body("note_account()", "delete from vigil.staff where user_id = old.id;", "", "test_staff"),
    Body("note_account()", "delete from public.user_presence where user_id = old.id;", "", "test_members"),
    Body("note_account()", *_record("account.deleted"), "test_members"),
)  # fmt: skip

FURTHER = (*STAFF, *DECISIONS, *MESSAGES, *PEOPLE)
