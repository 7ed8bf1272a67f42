"""Restrictions: six types, exact ends, races, and who may issue them."""

from __future__ import annotations

import threading
import time
import uuid

import psycopg
import pytest

from tests.support.database import Database, Session, refused


def restrict(
    staff: Session, member: uuid.UUID, kind: str, duration: str | None = None, **extra: object
) -> uuid.UUID:
    names = ", ".join(f"{name} => %s" for name in extra)
    result = staff.value(
        f"select public.restrict_member(%s, %s, 'because', %s::interval{', ' if extra else ''}{names})",
        member, kind, duration, *extra.values(),
    )  # fmt: skip
    return uuid.UUID(result["restriction_id"])


@pytest.fixture
def people(db: Database) -> tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]:
    ann, bob = db.member("ann"), db.member("bob")
    staff = db.acting_as(db.member("mia", "moderator"))
    return ann, bob, staff, db.conversation(ann, bob)


@pytest.mark.parametrize(
    ("kind", "send", "start", "read"),
    [("warn", None, None, True), ("mute", "VG103", "VG112", True), ("block", "VG105", "VG112", False),
     ("limit", None, "VG112", True), ("hold", None, None, True), ("shadow_ban", None, None, True)],
)  # fmt: skip
def test_what_each_restriction_forbids(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID], kind: str, send: str | None, start: str | None, read: bool,
) -> None:  # fmt: skip
    ann, bob, staff, conversation = people
    db.acting_as(bob).send(conversation, "earlier")
    extra = {"limit": {"message_limit": 5}, "shadow_ban": {"legal_basis": "terms, section 4"}}.get(
        kind, {}
    )
    restrict(staff, ann, kind, **extra)
    member = db.acting_as(ann)
    assert ("earlier" in member.sees(conversation)) is read
    for allowed, attempt in (
        (send, lambda: member.send(conversation, "now")),
        (start, lambda: member.value("select public.start_conversation(%s)", [bob])),
        (start, lambda: member.run("insert into public.conversations (title) values ('x')")),
    ):
        if allowed is None:
            attempt()
        else:
            with refused(allowed, kind):
                attempt()
    told = member.column("select restriction_type from public.user_restrictions")
    assert told == ([] if kind == "shadow_ban" else [kind])
    notices = member.column("select kind from public.notices")
    assert notices == ([] if kind == "shadow_ban" else [f"restriction.{kind}"])
    if told:
        row = member.rows("select * from public.user_restrictions")[0]
        assert (row["created_by"], row["reason"]) == (None, None), (
            "neither the moderator nor the internal reason"
        )


def test_a_limit_counts_rows_and_is_exact_under_concurrency(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, _, staff, conversation = people
    restrict(staff, ann, "limit", message_limit=3)
    outcomes: list[str | None] = []

    def attempt(session: Session) -> None:
        try:
            session.send(conversation, "again")
            outcomes.append(None)
        except psycopg.Error as error:
            outcomes.append(error.sqlstate)

    threads = [threading.Thread(target=attempt, args=[db.acting_as(ann)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == sorted([None] * 3 + ["VG104"] * 5, key=str)


def test_a_held_member_writes_pending_messages_that_a_person_releases(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, bob, staff, conversation = people
    restrict(staff, ann, "hold")
    sent = db.acting_as(ann).send(conversation, "please")
    assert (
        db.acting_as(ann).value("select moderation_status from public.messages where id = %s", sent)
        == "pending"
    )
    assert db.acting_as(bob).sees(conversation) == []
    db.settle()
    assert db.acting_as(bob).sees(conversation) == [], "the filter's approval is not a person's"
    assert db.acting_as(bob).rows("select * from public.message_tombstones") == []
    staff.value("select public.decide_message(%s, 'approve', 'fine')", sent)
    assert db.acting_as(bob).sees(conversation) == ["please"]


def test_a_mute_can_be_for_one_conversation(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, bob, staff, conversation = people
    other = db.conversation(bob, ann, title="other")
    restrict(staff, ann, "mute", conversation=conversation)
    with refused("VG103"):
        db.acting_as(ann).send(conversation, "here")
    db.acting_as(ann).send(other, "there")
    assert (
        db.acting_as(ann).value("select public.can_user_send_message(%s, %s)", ann, conversation)
        is False
    )
    assert (
        db.acting_as(ann).value("select public.can_user_send_message(%s, %s)", ann, other) is True
    )


def test_an_end_binds_by_the_clock_and_the_record_follows(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, _, staff, conversation = people
    made = restrict(staff, ann, "mute", "600 milliseconds")
    with refused("VG103"):
        db.acting_as(ann).send(conversation, "too early")
    until = db.owner().value("select expires_at from vigil.restrictions where id = %s", made)
    while db.owner().value("select clock_timestamp() < %s", until):
        time.sleep(0.05)
    db.acting_as(ann).send(conversation, "in time, with no worker at all")
    assert db.events("restriction.expired") == []
    assert db.worker().value("select vigil.next_due()") == until
    due = db.worker().rows("select * from vigil.run_due(10)")
    assert [(d["kind"], d["subject_id"]) for d in due] == [("restriction.expired", made)]
    assert due[0]["lateness_ms"] > 0
    assert db.worker().rows("select * from vigil.run_due(10)") == [], "once"
    (event,) = db.events("restriction.expired")
    assert (event["actor"], event["subject"]) == (None, ann), "nobody acted when the time came"


def test_lifting_keeps_history_with_its_own_actor_and_reason(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, _, staff, conversation = people
    made = restrict(staff, ann, "mute")
    preview = staff.value("select public.lift_restriction(%s, 'sorry', dry_run => true)", made)
    assert preview["dry_run"] is True
    with refused("VG103"):
        db.acting_as(ann).send(conversation, "still muted")
    staff.value("select public.lift_restriction(%s, 'sorry')", made)
    db.acting_as(ann).send(conversation, "free")
    with refused("VG207"):
        staff.value("select public.lift_restriction(%s, 'again')", made)
    row = staff.rows("select * from public.list_restrictions(%s, false)", ann)[0]
    assert (row["lift_reason"], row["reason"], row["lifted_at"] is None) == (
        "sorry",
        "because",
        False,
    )
    assert [e["kind"] for e in db.events("restriction.created", "restriction.lifted")] == [
        "restriction.created",
        "restriction.lifted",
    ]


def test_the_strictest_of_several_wins(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, _, staff, conversation = people
    restrict(staff, ann, "warn")
    restrict(staff, ann, "hold")
    lifted = restrict(staff, ann, "block")
    restrict(staff, ann, "mute")
    with refused("VG105"):
        db.acting_as(ann).send(conversation, "x")
    staff.value("select public.lift_restriction(%s, 'r')", lifted)
    with refused("VG103"):
        db.acting_as(ann).send(conversation, "x")


def test_who_may_restrict_whom(db: Database) -> None:
    member, auditor = db.member("ann"), db.member("aud", "auditor")
    mod, mod2, admin = (
        db.member("mia", "moderator"),
        db.member("moe", "moderator"),
        db.member("adi", "admin"),
    )
    for actor in (member, auditor):
        with refused("VG201"):
            restrict(db.acting_as(actor), member, "warn")
    for actor, target in ((mod, mod), (mod, mod2), (mod, admin), (admin, admin)):
        with refused("VG202"):
            restrict(db.acting_as(actor), target, "warn")
    restrict(db.acting_as(mod), auditor, "warn")
    restrict(db.acting_as(admin), mod, "warn")
    with refused("VG202", "nobody lifts their own"):
        made = db.owner().value("select id from vigil.restrictions where user_id = %s", mod)
        db.acting_as(mod).value("select public.lift_restriction(%s, 'me')", made)
    with refused("42501", "anon"):
        db.anonymous().value("select public.restrict_member(%s, 'warn', 'r')", member)


@pytest.mark.parametrize("duration", ["-5 hours", "0", "1000000000 hours", "101 years"])
def test_a_bad_duration_is_refused(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID], duration: str
) -> None:
    ann, _, staff, _ = people
    with refused("VG204"):
        restrict(staff, ann, "mute", duration)
    assert db.owner().value("select count(*) from vigil.restrictions") == 0


def test_other_bad_input_is_refused_and_leaves_nothing(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, _, staff, conversation = people
    cases: list[tuple[str, str, dict[str, object]]] = [
        ("VG209", "silence", {}), ("VG203", "shadow_ban", {}), ("VG209", "limit", {}), ("VG209", "mute", {"message_limit": 3}),
        ("VG205", "mute", {"conversation": uuid.uuid4()}),
        ("VG209", "shadow_ban", {"legal_basis": "b", "conversation": conversation}),
    ]  # fmt: skip
    for sqlstate, kind, extra in cases:
        with refused(sqlstate, kind):
            restrict(staff, ann, kind, **extra)
    with refused("VG205"):
        restrict(staff, uuid.uuid4(), "mute")
    with refused("VG209"):
        staff.value("select public.restrict_member(%s, 'mute', '  ')", ann)
    dry = staff.value(
        "select public.restrict_member(%s, 'mute', 'r', '1 hour', dry_run => true)", ann
    )
    assert (dry["dry_run"], dry["restriction_id"]) == (True, None)
    assert db.owner().value("select count(*) from vigil.restrictions") == 0
    assert db.events("restriction.created") == []


def test_once_a_restriction_has_committed_nothing_admitted_earlier_commits(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, _, staff, conversation = people
    sender = db.acting_as(ann)
    committed: list[str] = []

    def impose() -> None:
        restrict(staff, ann, "mute")
        committed.append("restriction")

    with sender.transaction() as conn:
        conn.execute(
            "insert into public.messages (conversation_id, content) values (%s, 'admitted')",
            [conversation],
        )
        thread = threading.Thread(target=impose)
        thread.start()
        deadline = time.monotonic() + 10
        watcher = db.owner()
        while time.monotonic() < deadline:
            if (
                watcher.value(
                    "select count(*) from pg_locks where locktype = 'advisory' and not granted"
                )
                == 1
            ):
                break
            time.sleep(0.01)
        else:
            pytest.fail("the restriction did not wait for the send")
        committed.append("message")
    thread.join(10)
    assert committed == ["message", "restriction"]
    with refused("VG103"):
        sender.send(conversation, "later")


def test_a_back_end_that_writes_the_table_issues_a_real_restriction(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, _, staff, conversation = people
    db.service().run(
        "insert into public.user_restrictions (user_id, restriction_type, duration_hours, reason) values (%s, 'mute', 2, 'old tool')",
        ann,
    )
    with refused("VG103"):
        db.acting_as(ann).send(conversation, "x")
    assert db.acting_as(ann).value("select duration_hours from public.user_restrictions") == 2
    (row,) = staff.rows("select * from public.list_restrictions(%s)", ann)
    assert row["reason"] == "old tool"
    with refused("42501"):
        db.acting_as(ann).run("delete from public.user_restrictions")
    with refused("VG110"):
        db.owner().run("update public.user_restrictions set expires_at = now()")
    with refused("VG402"):
        db.owner().run("delete from public.user_restrictions")
    with refused("VG402"):
        db.owner().run("delete from vigil.restrictions")


def test_reading_and_starting_come_back_by_the_clock_too(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, bob, staff, conversation = people
    db.acting_as(bob).send(conversation, "earlier")
    made = restrict(staff, ann, "block", "600 milliseconds")
    member = db.acting_as(ann)
    assert member.sees(conversation) == []
    with refused("VG112"):
        member.value("select public.start_conversation(%s)", [bob])
    until = db.owner().value("select expires_at from vigil.restrictions where id = %s", made)
    while db.owner().value("select clock_timestamp() <= %s", until):
        time.sleep(0.05)
    assert member.sees(conversation) == ["earlier"]
    member.value("select public.start_conversation(%s)", [bob])


def test_the_internal_reason_is_told_to_nobody(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, _, staff, _ = people
    restrict(staff, ann, "mute", "1 day", public_reason="be kind")
    member = db.acting_as(ann)
    assert member.column("select reason from public.user_restrictions") == ["be kind"]
    (body,) = member.column("select body from public.notices")
    assert "be kind" in body
    assert "because" not in body


def test_a_back_end_that_writes_restrictions_obeys_their_rules(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, _, _, conversation = people
    aud = db.member("aud", "auditor")
    insert = "insert into public.user_restrictions (user_id, restriction_type, duration_hours) values (%s, 'mute', %s)"
    with refused("VG202", "staff"):
        db.service().run(insert, aud, 1)
    for hours in (0, -1):
        with refused("VG204"):
            db.service().run(insert, ann, hours)
    with refused("VG204"):
        db.service().run(
            "insert into public.user_restrictions (user_id, restriction_type, expires_at) values (%s, 'mute', '2001-01-01')",
            ann,
        )
    db.service().run(insert, ann, 1)
    with refused("VG103"):
        db.acting_as(ann).send(conversation, "muted")
    with refused("VG110"):
        db.owner().run("update public.user_restrictions set expires_at = now()")


def test_a_restriction_in_one_conversation_binds_there_alone(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, bob, staff, conversation = people
    other = db.conversation(ann, bob, title="other")
    restrict(staff, ann, "block", conversation=conversation)
    with refused("VG105"):
        db.acting_as(ann).send(conversation, "x")
    db.acting_as(ann).send(other, "x")
    db.acting_as(bob).send(other, "y")
    assert db.acting_as(ann).sees(other) == ["x", "y"]


def test_a_duration_lies_above_zero_and_a_lifted_restriction_binds_no_more(
    db: Database, people: tuple[uuid.UUID, uuid.UUID, Session, uuid.UUID]
) -> None:
    ann, bob, staff, _ = people
    for duration in ("0 seconds", "-1 hour"):
        with refused("VG204"):
            restrict(staff, ann, "mute", duration)
    made = restrict(staff, ann, "mute")
    start = "select public.start_conversation(%s)"
    with refused("VG112"):
        db.acting_as(ann).value(start, [bob])
    staff.value("select public.lift_restriction(%s, 'r')", made)
    db.acting_as(ann).value(start, [bob])
