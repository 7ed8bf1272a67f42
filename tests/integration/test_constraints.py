"""Impossible states are unwritable: what each constraint refuses by itself, with every trigger of ours off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.database import Databases, Session, refused

ROWS = """
insert into public.profiles (id) select gen_random_uuid() from generate_series(1, 2);
create temp table a on commit drop as
    select (array_agg(id))[1] as ann, (array_agg(id))[2] as bob, gen_random_uuid() as conversation, gen_random_uuid() as message
    from public.profiles;
insert into public.conversations (id, created_by, kind, last_message_at) select conversation, ann, 'direct', now() from a;
insert into public.conversation_participants (conversation_id, user_id) select conversation, unnest(array[ann, bob]) from a;
insert into public.messages (id, conversation_id, sender_id, recipient_id, content, client_message_id)
    select message, conversation, ann, bob, 'x', 'c' from a;
insert into public.message_reports (message_id, reported_by, report_reason) select message, bob, 'x' from a;
insert into public.user_restrictions (user_id, restriction_type) select ann, 'warn' from a;
insert into public.messaging_preferences (user_id) select ann from a;
insert into public.user_presence (user_id) select ann from a;
insert into public.user_blocks (blocker_id, blocked_id) select ann, bob from a;
insert into public.message_tombstones (message_id, conversation_id, sender_id, message_created_at, kind)
    select message, conversation, ann, now(), 'hidden' from a;
insert into public.notices (user_id, kind, body) select ann, 'x', 'x' from a;
insert into vigil.restrictions (user_id, restriction_type, reason, created_by) select ann, 'warn', 'x', bob from a;
insert into vigil.conversation_settings select conversation, 'pre' from a;
insert into vigil.staff (user_id, role) select bob, 'moderator' from a;
insert into vigil.subjects (user_id) select unnest(array[ann, bob]) from a;
insert into vigil.events (kind, body0, body1, body2) values ('message.sent', '{}', '{}', '{}');
insert into vigil.shadowed_messages (message_id, sender_id) select message, ann from a;
insert into vigil.shadowed_stays (stay_id, user_id, added_by) select gen_random_uuid(), ann, ann from a;
insert into vigil.holds (message_id, cause, times_out_at) select message, 'mode', now() from a;
insert into vigil.jobs (kind, subject_id) select 'message', message from a;
insert into vigil.verdicts (job_id, kind, subject_id, verdict, worker) select 1, 'message', message, 'flag', 'w' from a;
insert into vigil.edits (message_id, content) select message, 'y' from a;
insert into vigil.deleted_contents (message_id, content, deleted_at) select message, 'x', now() from a;
insert into vigil.cases (subject_kind, subject_id, reason) select 'message', message, 'x' from a;
insert into vigil.decisions (subject_id, decision, reason, decided_by) select message, 'hide', 'x', bob from a;
insert into vigil.terms (term, folded, category, severity) values ('x', 'x', 'x', 'flag');
insert into vigil.read_marks select bob, conversation, now() from a;
insert into vigil.workers (worker) values ('w');
insert into vigil.legacy_values (kind, relation) values ('value', 'x');
"""

# Constraint, and the assignment that it refuses.
CHECKS = {
    "public.conversation_participants": {
        "conversation_participants_left_after": "left_at = joined_at - interval '1 microsecond'",
        "conversation_participants_role_known": "role = 'king'",
    },
    "public.conversations": {
        "conversations_kind_known": "kind = 'secret'",
        "conversations_status_known": "status = 'odd'",
        "conversations_title_length": "title = repeat('x', 201)",
    },
    "public.message_reports": {
        "message_reports_description_length": "description = repeat('x', 4001)",
        "message_reports_reason_length": "report_reason = ''",
        "message_reports_reviewer_is_private": "reviewed_by = reported_by",
    },
    "public.message_tombstones": {"message_tombstones_kind_check": "kind = 'shadowed'"},
    "public.messages": {
        "messages_client_message_id_length": "client_message_id = ''",
        "messages_encryption_status_known": "encryption_status = 'maybe'",
        "messages_flag_is_private": "is_flagged = true",
        "messages_message_type_known": "message_type = 'script'",
        "messages_moderation_status_known": "moderation_status = 'shadowed'",
        "messages_status_known": "status = 'lost'",
    },
    "public.messaging_preferences": {
        "messaging_preferences_can_receive_from_known": "can_receive_from = 'friends'"
    },
    "public.notices": {
        "notices_body_check": "body = repeat('x', 4001)",
        "notices_kind_check": "kind = ''",
    },
    "public.user_blocks": {
        "user_blocks_kind_known": "kind = 'hate'",
        "user_blocks_not_oneself": "blocked_id = blocker_id",
    },
    "public.user_restrictions": {
        "user_restrictions_moderator_is_private": "created_by = user_id",
        "user_restrictions_type_is_told": "restriction_type = 'shadow_ban'",
    },
    "vigil.cases": {
        "cases_closed_iff_dated": "closed_at = now()",
        "cases_reason_check": "reason = repeat('x', 501)",
        "cases_state_check": "state = 'ajar', closed_at = now()",
        "cases_subject_kind_check": "subject_kind = 'person'",
    },
    "vigil.conversation_settings": {
        "conversation_settings_moderation_mode_check": "moderation_mode = 'off'"
    },
    "vigil.decisions": {"decisions_decision_check": "decision = 'maybe'"},
    "vigil.edits": {
        "edits_decided_iff_closed": "decided_at = now()",
        "edits_state_check": "state = 'lost', decided_at = now()",
    },
    "vigil.events": {
        "events_kind_check": "kind = 'x'",
        "events_tool_check": "tool = repeat('x', 121)",
    },
    "vigil.holds": {"holds_cause_check": "cause = 'whim'"},
    "vigil.jobs": {"jobs_kind_check": "kind = 'person'"},
    "vigil.legacy_values": {"legacy_values_kind_check": "kind = 'x'"},
    "vigil.restrictions": {
        "restrictions_expiry_after_start": "expires_at = created_at",
        "restrictions_legal_basis_check": "legal_basis = ''",
        "restrictions_lifted_with_reason": "lifted_at = now()",
        "restrictions_limit_has_number": "restriction_type = 'limit'",
        "restrictions_message_limit_per_day_check": "restriction_type = 'limit', message_limit_per_day = -1",
        "restrictions_public_reason_check": "public_reason = ''",
        "restrictions_reason_check": "reason = ''",
        "restrictions_restriction_type_check": "restriction_type = 'tickle'",
        "restrictions_shadow_has_basis": "restriction_type = 'shadow_ban'",
        "restrictions_shadow_is_global": "restriction_type = 'shadow_ban', legal_basis = 'x',"
        " conversation_id = (select id from public.conversations)",
    },
    "vigil.settings": {
        "settings_card_action_check": "card_action = 'ban'",
        "settings_email_action_check": "email_action = 'ban'",
        "settings_hold_timeout_check": "hold_timeout = interval '0'",
        "settings_job_max_attempts_check": "job_max_attempts = 0",
        "settings_link_action_check": "link_action = 'ban'",
        "settings_max_message_length_check": "max_message_length = 0",
        "settings_moderation_mode_check": "moderation_mode = 'off'",
        "settings_only_row_check": "only_row = false",
        "settings_phone_action_check": "phone_action = 'ban'",
    },
    "vigil.staff": {"staff_role_check": "role = 'king'"},
    "vigil.terms": {
        "terms_category_check": "category = ''",
        "terms_folded_check": "folded = ''",
        "terms_language_check": "language = 'e'",
        "terms_match_check": "match = 'regex'",
        "terms_severity_check": "severity = 'forbid'",
        "terms_term_check": "term = ''",
    },
    "vigil.terms_revision": {"terms_revision_only_row_check": "only_row = false"},
    "vigil.verdicts": {"verdicts_verdict_check": "verdict = 'maybe'"},
}
REQUIRED = {
    "public.conversation_participants": "conversation_id joined_at role user_id",
    "public.conversations": "created_at kind status updated_at",
    "public.message_reports": "status",
    "public.message_tombstones": "conversation_id created_at kind message_created_at message_id sender_id",
    "public.messages": "content conversation_id created_at encryption_status is_flagged message_type moderation_status sender_id"
    " status updated_at",
    "public.messaging_preferences": "can_receive_from created_at read_receipts share_location typing_indicators updated_at",
    "public.notices": "body created_at kind user_id",
    "public.profiles": "created_at updated_at",
    "public.user_blocks": "created_at",
    "public.user_presence": "last_seen status updated_at",
    "vigil.cases": "opened_at overdue reason state subject_id subject_kind",
    "vigil.decisions": "decided_at decided_by decision reason subject_id",
    "vigil.deleted_contents": "content deleted_at",
    "vigil.edits": "content created_at message_id state",
    "vigil.event_kinds": "gist name",
    "vigil.events": "at body0 body1 body2 event_id kind salt0 salt1 salt2 xid",
    "vigil.holds": "cause held_at times_out_at",
    "vigil.jobs": "attempts kind queued_at run_at subject_id",
    "vigil.legacy_values": "kind recorded_at relation",
    "vigil.read_marks": "read_at",
    "vigil.restrictions": "created_at reason restriction_type user_id",
    "vigil.settings": "breaking_since card_action email_action hold_timeout job_max_attempts keep_all_verdicts link_action"
    " max_message_length moderation_mode phone_action schema_version",
    "vigil.shadowed_messages": "sender_id shadowed_at",
    "vigil.shadowed_stays": "added_by",
    "vigil.staff": "added_at role",
    "vigil.subjects": "subject_ref",
    "vigil.terms": "category created_at folded language match severity term",
    "vigil.terms_revision": "inline_max_words version",
    "vigil.verdicts": "categories created_at kind matches subject_id verdict worker",
    "vigil.workers": "last_beat started_at state",
}
REFERENCES = {
    "public.conversation_participants": "conversation_id user_id",
    "public.conversations": "created_by",
    "public.message_reports": "message_id reported_by",
    "public.messages": "conversation_id parent_message_id recipient_id sender_id thread_id",
    "public.messaging_preferences": "user_id",
    "public.notices": "user_id",
    "public.user_blocks": "blocker_id",
    "public.user_presence": "user_id",
    "public.user_restrictions": "user_id",
    "vigil.conversation_settings": "conversation_id",
    "vigil.deleted_contents": "message_id",
    "vigil.edits": "message_id",
    "vigil.read_marks": "conversation_id",
    "vigil.restrictions": "conversation_id user_id",
    "vigil.staff": "user_id",
    "vigil.terms": "conversation_id",
}
# Tables whose key somebody chooses, or that holds one row.
KEYED = (
    "public.messaging_preferences", "public.profiles", "public.user_blocks", "public.user_presence",
    "vigil.conversation_settings", "vigil.deleted_contents", "vigil.event_kinds", "vigil.holds", "vigil.read_marks",
    "vigil.settings", "vigil.shadowed_messages", "vigil.shadowed_stays", "vigil.staff", "vigil.subjects",
    "vigil.terms_revision", "vigil.verdicts", "vigil.workers",
)  # fmt: skip
# What there is once: the columns of a second row, copied from the first.
ONCE = {
    "conversation_participants_once_at_a_time": "public.conversation_participants (conversation_id, user_id)",
    "message_reports_once_each": "public.message_reports (message_id, reported_by)",
    "messages_once_per_client_id": "public.messages (conversation_id, sender_id, content, client_message_id)",
    "cases_one_open": "vigil.cases (subject_kind, subject_id, reason)",
    "edits_one_pending": "vigil.edits (message_id, content)",
    "terms_once": "vigil.terms (term, folded, category, severity)",
}


@pytest.fixture(scope="module")
def owner(databases: Databases) -> Iterator[Session]:
    """The owner, in a database with a row in every table and no trigger of ours."""
    db = databases.clone(databases.template("template_vigil"))
    owner = db.owner()
    tables = owner.column(
        "select distinct tgrelid::regclass::text from pg_trigger where not tgisinternal"
        " and tgrelid in (select oid from pg_class where relnamespace in ('public'::regnamespace, 'vigil'::regnamespace))"
    )
    for table in tables:
        owner.run(f"alter table {table} disable trigger user")
    with owner.transaction() as conn:
        conn.execute(ROWS)
    yield owner
    databases.drop(db)


def refuses(owner: Session, sqlstate: str, statement: str, constraint: str | None = None) -> None:
    """The statement breaks this rule; if it were let through, it would not stay."""
    with (
        refused(sqlstate, statement) as caught,
        owner.conn.transaction(force_rollback=True),
    ):
        owner.conn.execute(statement)
    assert constraint in (None, caught.value.diag.constraint_name), caught.value


@pytest.mark.parametrize("table", CHECKS)
def test_a_value_without_a_meaning_is_unwritable(owner: Session, table: str) -> None:
    for name, assignment in CHECKS[table].items():
        refuses(owner, "23514", f"update {table} set {assignment}", name)


@pytest.mark.parametrize("table", REQUIRED)
def test_what_every_row_has_cannot_be_blanked(owner: Session, table: str) -> None:
    for column in REQUIRED[table].split():
        refuses(owner, "23502", f"update {table} set {column} = null")


@pytest.mark.parametrize("table", REFERENCES)
def test_nothing_refers_to_what_does_not_exist(owner: Session, table: str) -> None:
    one = f"ctid = (select min(ctid) from {table})"
    for column in REFERENCES[table].split():
        refuses(owner, "23503", f"update {table} set {column} = gen_random_uuid() where {one}")


@pytest.mark.parametrize("table", KEYED)
def test_a_key_is_used_once(owner: Session, table: str) -> None:
    name = f"{table.partition('.')[2]}_pkey"
    refuses(owner, "23505", f"insert into {table} select * from {table} limit 1", name)


@pytest.mark.parametrize("index", ONCE)
def test_there_is_one_of_each(owner: Session, index: str) -> None:
    table, _, columns = ONCE[index].partition(" ")
    copy = f"insert into {table} {columns} select {columns[1:-1]} from {table} limit 1"
    refuses(owner, "23505", copy, index)


def test_a_pseudonym_and_a_name_of_an_event_mean_one_thing(owner: Session) -> None:
    for table, column, constraint in (
        ("vigil.subjects", "subject_ref", "subjects_subject_ref_key"),
        ("vigil.event_kinds", "name", "event_kinds_name_key"),
    ):
        one = f"(select {column} from {table} order by 1 limit 1)"
        refuses(owner, "23505", f"update {table} set {column} = {one}", constraint)
