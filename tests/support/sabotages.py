"""Ways to break the database on purpose: each must turn a test red.

What the catalogue knows is in sabotaged_catalogue.py. What a function checks is listed here, as a text of its body and
what to put in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ALL = "tests/integration"


@dataclass(frozen=True, slots=True)
class Sabotage:
    """`sql` breaks one guard; `first` names the test file that should notice. What is about the same is noticed alike."""

    name: str
    sql: str
    first: str = ALL
    about: str = ""


@dataclass(frozen=True, slots=True)
class Redundant:
    """A guard that another one stands behind, so that its loss alone changes nothing for anyone."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Body:
    """One text of a function's body, and what a saboteur puts in its place."""

    function: str
    old: str
    new: str
    first: str


BODIES = (
    # 1. Unskippable
    Body("guard_send()", "facts := vigil.check_may_send(new.sender_id, new.conversation_id);", "", "test_restrictions"),
    Body("guard_send()", "memo is not null and currval('vigil.send_memo')", "memo is not null or 0", "test_sending"),
    Body("guard_send()", "facts.sender = new.sender_id and ", "facts.sender is not null and ", "test_sending"),
    Body("guard_send()", " and facts.conversation = new.conversation_id", "", "test_sending"),
    Body("check_may_send(uuid,uuid)", "f.kinds is null", "true", "test_sending"),
    Body("guard_send()", "perform vigil.check_content(new.content, new.conversation_id);", "", "test_sending"),
    Body("guard_send()", "<> 'read committed'", "= 'none'", "test_sending"),
    Body("guard_send()", "perform pg_advisory_xact_lock_shared(vigil.member_lock_key(new.sender_id));", "", "test_restrictions"),
    Body("guard_send()", "new.id := gen_random_uuid();", "", "test_sending"),
    Body("guard_send()", "new.encryption_status is distinct from 'none'", "false", "test_sending"),
    Body("guard_send()", "m.conversation_id = new.conversation_id", "true", "test_sending"),
    Body("guard_send()", "new.created_at := clock_timestamp();", "", "test_sending"),
    Body("check_may_send(uuid,uuid)", "'block' = any (f.kinds)", "false", "test_restrictions"),
    Body("check_may_send(uuid,uuid)", "'mute' = any (f.kinds)", "false", "test_restrictions"),
    Body("check_may_send(uuid,uuid)", "'limit' = any (f.kinds)", "false", "test_restrictions"),
    Body("check_may_send(uuid,uuid)", "perform pg_advisory_xact_lock(hashtextextended('vigil.limit:' || sender::text, 0));", "", "test_restrictions"),
    Body("check_may_send(uuid,uuid)", "me.anonymised_at is not null", "false", "test_adoption"),
    Body("check_may_send(uuid,uuid)", "p.user_id = sender and p.left_at is null", "p.user_id = sender", "test_members"),
    Body("check_may_send(uuid,uuid)", "'hold' = any (f.kinds)", "false", "test_restrictions"),
    Body("check_may_send(uuid,uuid)", "not vigil.accepts_messages(f.other, sender, conversation)", "false", "test_members"),
    Body("check_may_add(uuid,uuid,uuid)", "not vigil.accepts_messages(member, actor, conversation)", "false", "test_members"),
    Body("check_may_start(uuid)", "vigil.is_restricted(member, '{limit,mute,block}')", "false", "test_restrictions"),
    Body("guard_participant()", "conv.created_by is distinct from coalesce(actor, conv.created_by)", "false", "test_members"),
    Body("guard_participant()", "exists (select from public.messages m where m.conversation_id = conv.id)", "false", "test_members"),
    Body("require_group_moderator(uuid)", "p.role = 'moderator'", "true", "test_members"),
    Body("guard_message_update()", "me is distinct from old.sender_id", "false", "test_sending"),
    Body("guard_message_update()", "me is distinct from old.recipient_id", "false", "test_sending"),
    Body("guard_report()", "not vigil.can_see_message(new.reported_by, new.message_id)", "false", "test_decisions"),
    Body("is_self(uuid)", "person <> vigil.uid()", "false", "test_sending"),
    Body("covers_my_stay(uuid,timestamp with time zone)", "p.joined_at <= said_at", "true", "test_members"),
    Body("my_conversations()", "vigil.is_restricted(me, '{block}')", "false", "test_restrictions"),
    Body("is_acting()", "coalesce(pg_catalog.current_setting('vigil.acting', true), '') = 'on'\n       and ", "", "test_sending"),
    # 2. Exact expiry: bound to the worker instead of the clock
    Body("check_may_send(uuid,uuid)", "(r.expires_at is null or r.expires_at > clock_timestamp())", "r.expiry_recorded_at is null", "test_restrictions"),
    Body("is_restricted(uuid,text[],uuid)", "(r.expires_at is null or r.expires_at > clock_timestamp())", "true", "test_restrictions"),
    Body("run_due(integer)", "and d.expiry_recorded_at is null", "", "test_restrictions"),
    # 3. No exposure window
    Body("check_inline_terms(text,uuid)", "if longest = 0 then", "if true then", "test_inline_terms"),
    Body("check_inline_terms(text,uuid)", "a.severity = 'allow'", "false", "test_inline_terms"),
    Body("edit_message(uuid,text)", "perform vigil.check_content(content, m.conversation_id);", "", "test_inline_terms"),
    # 4. Nothing lost, nothing twice
    Body("announce_messages()", "select 'message', m.id from sent m order by m.created_at", "select 'message', m.id from sent m where false", "test_jobs"),
    Body("settle_jobs(text,bigint,bigint[],jsonb,text)", "l.worker = worker", "true", "test_jobs"),
    Body("settle_jobs(text,bigint,bigint[],jsonb,text)", "join given g on g.id = j.id", "right join given g on g.id = j.id", "test_jobs"),
    Body("settle_jobs(text,bigint,bigint[],jsonb,text)", "perform vigil.take_from_lease(held, settled);", "", "test_jobs"),
    Body("claim_jobs(text,integer,double precision)", "r.run_at <= clock_timestamp()", "true", "test_jobs"),
    Body("claim_jobs(text,integer,double precision)", "perform vigil.end_leases();", "", "test_jobs"),
    Body("end_leases()", "e.until <= clock_timestamp()", "true", "test_jobs"),
    Body("end_leases()", "case when j.attempts + 1 >= most then clock_timestamp() end", "null::timestamptz", "test_jobs"),
    Body("release_jobs(text)", "l.worker = worker", "true", "test_jobs"),
    Body("defer_jobs(text,bigint,jsonb)", "case when j.attempts + 1 >= most then clock_timestamp() end", "null::timestamptz", "test_jobs"),
    Body("defer_jobs(text,bigint,jsonb)", "l.worker = worker", "true", "test_jobs"),
    Body("set_message_state(uuid,text,uuid,text,uuid,uuid,text)", "perform vigil.bury(message, target);", "", "test_decisions"),
    Body("apply_verdict(text,uuid,text,text,text)", "exists (select from vigil.decisions d where d.subject_id = subject)", "false", "test_decisions"),
    # 5. Every act on the record
    Body("announce_messages()", "from sent m join people", "from (select * from sent where false) m join people", "test_sending"),
    Body("record(text,uuid,uuid,jsonb,uuid,uuid,text)", "vigil.subject_ref(actor)", "actor", "test_audit_log"),
    Body("record(text,uuid,uuid,jsonb,uuid,uuid,text)", "vigil.subject_ref(on_behalf_of)", "null::uuid", "test_audit_log"),
    # 6. No leak by absence
    Body("announce_messages()", "r.restriction_type = 'shadow_ban'", "false", "test_shadow_ban"),
    Body("my_present_people()", "{mute,block,shadow_ban}", "{mute,block}", "test_shadow_ban"),
    Body("note_participants()", "vigil.is_restricted(coalesce(actor, c.created_by), '{shadow_ban}')", "false", "test_shadow_ban"),
    Body("bury(uuid,text)", "vigil.is_shadowed(m.id)", "false", "test_shadow_ban"),
    Body("set_message_state(uuid,text,uuid,text,uuid,uuid,text)", "actor is not null", "true", "test_shadow_ban"),
    Body("shows_receipts(uuid)", "'{mute,block}'", "'{mute,block,shadow_ban}'", "test_shadow_ban"),
    Body("my_present_people()", "b.kind = 'block'", "false", "test_members"),
    # 7. Least privilege
    Body("require_staff(text)", "vigil.staff_rank(me) <", "false and vigil.staff_rank(me) <", "test_restrictions"),
    Body("restrict_member(uuid,text,text,interval,uuid,text,integer,text,boolean,uuid,uuid)", "vigil.staff_rank(member) >= vigil.staff_rank(me)", "false", "test_restrictions"),
    Body("restrict_member(uuid,text,text,interval,uuid,text,integer,text,boolean,uuid,uuid)", "restriction = 'shadow_ban' and length", "false and length", "test_restrictions"),
    Body("show_message(uuid)", "open_case is not null and", "", "test_decisions"),
    Body("show_message(uuid)", "perform vigil.record('message.viewed'", "perform set_config('vigil.x', '', true) where false and vigil.record('message.viewed'", "test_decisions"),
)  # fmt: skip

GRANTS = {
    "the worker reads a table": ("grant select on public.messages to vigil_worker", "test_catalogue"),
    "the worker calls another function": ("grant execute on function vigil.bootstrap_admin(uuid) to vigil_worker", "test_catalogue"),
    "the doorbell reads contents": ("grant select on public.messages to vigil_doorbell", "test_catalogue"),
    "the doorbell is granted to the API": ("grant vigil_doorbell to authenticator", "test_catalogue"),
    "members look into vigil": ("grant usage on schema vigil to authenticated", "test_catalogue"),
    "anon calls an RPC": ("grant execute on function public.whoami() to anon", "test_catalogue"),
    "members choose message ids": ("grant insert (id) on public.messages to authenticated", "test_sending"),
    "members rewrite contents": ("grant update (content) on public.messages to authenticated", "test_sending"),
    "members delete messages": ("grant delete on public.messages to authenticated", "test_sending"),
    "the log is in the publication": ("alter publication supabase_realtime add table vigil.events", "test_shadow_ban"),
    "the guard fires early": ("alter trigger zzz_vigil_100_guard_send on public.messages rename to aaa_vigil_100_guard_send", "test_catalogue"),
    "events may be rewritten under replica": ("alter table vigil.events enable trigger vigil_100_keep_events", "test_audit_log"),
    "events may be truncated under replica": ("alter table vigil.events enable trigger vigil_100_keep_all_events", "test_audit_log"),
}  # fmt: skip

# Removed alone, nothing changes for anyone: another guard stands behind, and a test of the closed list notices instead.
REDUNDANT: dict[str, str] = {
    "drop policy vigil_messages_guard_delete": "zzz_vigil_100_keep_rows refuses it",
    "drop policy vigil_messages_guard_insert": "zzz_vigil_050_refuse_foreign_sender refuses the same before the row is judged",
    "drop policy vigil_messages_guard_update": "UPDATE needs the row to be visible, and zzz_vigil_100_guard_message_update names who may",
    "drop policy vigil_conversations_guard_delete": "zzz_vigil_100_keep_rows refuses it",
    "drop policy vigil_conversation_participants_guard_delete": "zzz_vigil_100_keep_rows refuses it",
    "drop policy vigil_conversation_participants_guard_update": "zzz_vigil_100_keep_participant refuses it",
    "drop policy vigil_conversation_participants_guard_insert": "zzz_vigil_100_guard_participant refuses more, earlier",
    "drop policy vigil_profiles_guard_delete": "zzz_vigil_100_keep_rows refuses it",
    "drop policy vigil_message_reports_guard_delete": "zzz_vigil_100_keep_rows refuses it",
    "drop policy vigil_message_reports_guard_update": "zzz_vigil_110_guard_report_update refuses it",
    "drop policy vigil_message_reports_guard_insert": "zzz_vigil_100_guard_report sets the reporter itself",
    "drop policy vigil_user_restrictions_guard_delete": "zzz_vigil_100_keep_rows refuses it",
    "drop policy vigil_user_restrictions_guard_update": "zzz_vigil_100_guard_user_restriction refuses it",
    "drop policy vigil_user_restrictions_guard_write": "zzz_vigil_050_refuse_members refuses it earlier",
    "disable trigger zzz_vigil_100_keep_all_rows on conversations": "TRUNCATE of it needs CASCADE, which reaches a table whose own trigger refuses",
    "disable trigger zzz_vigil_100_keep_all_rows on messages": "TRUNCATE of it needs CASCADE, which reaches a table whose own trigger refuses",
    "disable trigger zzz_vigil_100_keep_all_rows on profiles": "TRUNCATE of it needs CASCADE, which reaches a table whose own trigger refuses",
}  # fmt: skip


def of_bodies(bodies: Sequence[Body]) -> Iterator[Sabotage]:
    """The bodies with each text in turn replaced."""
    for body in bodies:
        name = f"{body.function}: {body.old[:60]}"
        if sum(b.function == body.function and b.old[:60] == body.old[:60] for b in bodies) > 1:
            name += f" -> {body.new[:40]}"
        yield Sabotage(name, _rewrite(body), f"{ALL}/{body.first}.py", body.function)


def of_grants() -> Iterator[Sabotage]:
    """What no role holds, granted."""
    for name, (sql, first) in GRANTS.items():
        yield Sabotage(name, sql, f"{ALL}/{first}.py")


def _rewrite(body: Body) -> str:
    old, new = (text.replace("'", "''") for text in (body.old, body.new))
    return f"""
        do $sabotage$
        declare
            source text := pg_get_functiondef('vigil.{body.function}'::regprocedure);
        begin
            if position('{old}' in source) = 0 then
                raise exception 'nothing to sabotage in vigil.{body.function}';
            end if;
            execute replace(source, '{old}', '{new}');
        end
        $sabotage$"""
