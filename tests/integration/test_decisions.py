"""Hiding, removing, approving: states, tombstones, notices, cases, reading."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.support.database import Database, refused


def test_hiding_and_removing_reach_those_who_saw_it_and_nobody_else(db: Database) -> None:
    ann, bob, late = db.member("ann"), db.member("bob"), db.member("late")
    group = db.conversation(ann, bob, title="group")
    sent = db.acting_as(bob).send(group, "bad")
    db.acting_as(ann).run("select public.add_participant(%s, %s)", group, late)
    staff = db.acting_as(db.member("mia", "moderator"))
    preview = staff.value("select public.decide_message(%s, 'hide', 'r', dry_run => true)", sent)
    assert preview == {"message_id": str(sent), "from": "approved", "to": "hidden", "dry_run": True}
    assert db.acting_as(ann).sees(group) == ["bad"]
    staff.value("select public.decide_message(%s, 'hide', 'insult')", sent)
    assert db.acting_as(ann).sees(group) == []
    assert db.acting_as(bob).sees(group) == ["bad"], "the author keeps sight of their own"
    assert db.acting_as(ann).rows("select message_id, kind from public.message_tombstones") == [
        {"message_id": sent, "kind": "hidden"}
    ]
    for other in (bob, late):
        assert db.acting_as(other).rows("select * from public.message_tombstones") == []
    announced = db.superuser().rows(
        "select topic, event, payload from realtime.messages where event = 'message_hidden'"
    )
    assert [a["topic"] for a in announced] == [f"user:{ann}"]
    assert set(announced[0]["payload"]) <= {"id", "message_id", "conversation_id"}
    staff.value("select public.decide_message(%s, 'approve', 'mistake')", sent)
    assert db.acting_as(ann).sees(group) == ["bad"]
    staff.value("select public.decide_message(%s, 'remove', 'after all')", sent)
    assert db.acting_as(bob).column("select kind from public.notices") == ["message.removed"]
    kinds = [e["kind"] for e in db.events("message.hidden", "message.approved", "message.removed")]
    assert kinds == ["message.hidden", "message.approved", "message.removed"]


@pytest.mark.parametrize(("first", "then", "sqlstate"), [
    ("remove", "approve", "VG206"), ("remove", "hide", "VG206"), ("hide", "hide", "VG207"), ("remove", "remove", "VG207"),
])  # fmt: skip
def test_forbidden_transitions(db: Database, first: str, then: str, sqlstate: str) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    sent = db.acting_as(ann).send(db.conversation(ann, bob), "x")
    staff = db.acting_as(db.member("mia", "moderator"))
    staff.value("select public.decide_message(%s, %s, 'r')", sent, first)
    with refused(sqlstate):
        staff.value("select public.decide_message(%s, %s, 'r')", sent, then)
    with refused("VG205"):
        staff.value("select public.decide_message(%s, 'hide', 'r')", uuid.uuid4())
    with refused("VG201"):
        db.acting_as(bob).value("select public.decide_message(%s, 'hide', 'r')", sent)


def test_a_pending_message_leaves_no_trace_when_it_is_removed(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    db.owner().run("update vigil.settings set moderation_mode = 'pre'")
    db.acting_as(ann).send(conversation, "bad")
    good = db.acting_as(ann).send(conversation, "good")
    assert db.acting_as(bob).sees(conversation) == []
    assert db.acting_as(bob).value("select public.get_unread_message_count(%s)", bob) == 0
    db.settle({"bad": "remove"})
    assert db.acting_as(bob).sees(conversation) == ["good"]
    assert db.acting_as(bob).rows("select * from public.message_tombstones") == []
    topics = db.superuser().rows(
        "select topic, payload ->> 'message_id' as message from realtime.messages where event = 'message_approved'"
    )
    assert topics == [{"topic": f"user:{bob}", "message": str(good)}]


def test_where_messages_wait_a_doubtful_one_goes_on_waiting(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    db.owner().run("update vigil.settings set moderation_mode = 'pre'")
    ids = {text: db.acting_as(ann).send(conversation, text) for text in ("ok", "too long to judge")}
    db.settle({"too long to judge": "flag"})
    assert db.acting_as(bob).sees(conversation) == ["ok"]
    edit = db.acting_as(ann).value("select public.edit_message(%s, 'doubtful')", ids["ok"])[
        "edit_id"
    ]
    db.settle({"doubtful": "flag"})
    assert db.acting_as(bob).sees(conversation) == ["ok"]
    staff = db.acting_as(db.member("mia", "moderator"))
    assert {str(r["subject_id"]) for r in staff.rows("select * from public.list_cases()")} == {
        str(ids["too long to judge"]),
        edit,
    }
    staff.value("select public.decide_message(%s, 'approve', 'read it')", ids["too long to judge"])
    assert db.acting_as(bob).sees(conversation) == ["ok", "too long to judge"]


def test_every_verdict_does_what_it_says_and_opens_cases(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    ids = {
        text: db.acting_as(ann).send(conversation, text)
        for text in ("ok", "flag", "hold", "remove")
    }
    db.settle({text: text for text in ("flag", "hold", "remove")})
    states = {
        r["content"]: r["moderation_status"]
        for r in db.acting_as(ann).rows("select content, moderation_status from public.messages")
    }
    assert states == {"ok": "approved", "flag": "approved", "hold": "hidden", "remove": "removed"}
    assert db.acting_as(bob).sees(conversation) == ["ok", "flag"]
    staff = db.acting_as(db.member("mia", "moderator"))
    assert {r["subject_id"] for r in staff.rows("select * from public.list_cases()")} == {
        ids["flag"],
        ids["hold"],
    }
    assert db.owner().value("select count(*) from vigil.verdicts") == 3
    assert db.owner().value("select count(*) from vigil.jobs") == 0
    row = db.acting_as(bob).rows(
        "select is_flagged, flagged_reason from public.messages where id = %s", ids["flag"]
    )[0]
    assert row == {"is_flagged": False, "flagged_reason": None}, (
        "nobody learns of a flag from the row"
    )


def test_a_persons_decision_stands_against_a_later_verdict(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    sent = db.acting_as(ann).send(conversation, "borderline")
    staff = db.acting_as(db.member("mia", "moderator"))
    staff.value("select public.decide_message(%s, 'hide', 'wait')", sent)
    staff.value("select public.decide_message(%s, 'approve', 'fine')", sent)
    db.settle(default="remove")
    assert db.acting_as(bob).sees(conversation) == ["borderline"]


def test_staff_read_text_through_an_open_case_only_and_each_reading_is_recorded(
    db: Database,
) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    sent = db.acting_as(ann).send(conversation, "private words")
    mod, auditor = (
        db.acting_as(db.member("mia", "moderator")),
        db.acting_as(db.member("aud", "auditor")),
    )
    assert mod.sees(conversation) == []
    shown = mod.value("select public.show_message(%s)", sent)
    assert (shown["content"], bool(shown["content_withheld"])) == (None, True)
    assert "private words" not in json.dumps(shown)
    assert db.events("message.viewed") == []
    db.acting_as(bob).run(
        "insert into public.message_reports (message_id, report_reason) values (%s, 'rude')", sent
    )
    assert auditor.value("select public.show_message(%s)", sent)["content"] is None
    assert mod.value("select public.show_message(%s)", sent)["content"] == "private words"
    assert len(db.events("message.viewed")) == 1
    mod.value("select public.decide_message(%s, 'hide', 'rude indeed')", sent)
    assert mod.value("select public.show_message(%s)", sent)["content"] is None, (
        "the case has closed"
    )
    assert db.acting_as(bob).rows("select status, reviewed_by from public.message_reports") == [
        {"status": "resolved", "reviewed_by": None}
    ]
    with refused("VG201"):
        db.acting_as(bob).value("select public.show_message(%s)", sent)


def test_reports_of_what_the_reporter_cannot_see_are_refused_like_absent_ones(db: Database) -> None:
    ann, bob, eve = db.member("ann"), db.member("bob"), db.member("eve")
    conversation = db.conversation(ann, bob)
    sent = db.acting_as(ann).send(conversation, "hidden from eve")
    insert = "insert into public.message_reports (message_id, report_reason) values (%s, 'spam')"
    for reporter, target in ((eve, sent), (eve, uuid.uuid4()), (ann, sent)):
        with refused("VG113"):
            db.acting_as(reporter).run(insert, target)
    db.acting_as(bob).run(insert, sent)
    with refused("23505"):
        db.acting_as(bob).run(insert, sent)
    assert db.acting_as(ann).rows("select * from public.message_reports") == [], (
        "the author never learns"
    )
    db.service().run("insert into public.message_reports (message_id, reported_by, report_reason) values (%s, %s, 'x')",
                     db.acting_as(ann).send(conversation, "again"), bob)  # fmt: skip
    with refused("VG113"):
        db.service().run(
            "insert into public.message_reports (message_id, reported_by, report_reason) values (%s, %s, 'x')",
            sent,
            eve,
        )
    with refused("VG110", "the status follows the decision"):
        db.owner().run("update public.message_reports set status = 'resolved'")
    assert db.owner().value("select count(*) from vigil.cases") == 2


def test_an_edit_is_a_new_submission(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    sent = db.acting_as(ann).send(conversation, "v1")
    db.settle()
    assert (
        db.acting_as(ann).value("select public.edit_message(%s, 'v2')", sent)["status"] == "pending"
    )
    assert db.acting_as(bob).sees(conversation) == ["v1"]
    db.settle({"v2": "approve"})
    assert db.acting_as(bob).sees(conversation) == ["v2"]
    db.acting_as(ann).value("select public.edit_message(%s, 'v3 bad')", sent)
    db.settle({"v3 bad": "remove"})
    assert db.acting_as(bob).sees(conversation) == ["v2"]
    held = db.acting_as(ann).value("select public.edit_message(%s, 'v4 doubtful')", sent)["edit_id"]
    db.settle({"v4 doubtful": "hold"})
    assert db.acting_as(bob).sees(conversation) == ["v2"]
    staff = db.acting_as(db.member("mia", "moderator"))
    staff.value("select public.decide_message(%s, 'approve', 'fine')", held)
    assert db.acting_as(bob).sees(conversation) == ["v4 doubtful"]
    assert db.owner().column(
        "select previous from vigil.edits where state = 'accepted' order by created_at"
    ) == ["v1", "v2"]
    with refused("VG113"):
        db.acting_as(bob).value("select public.edit_message(%s, 'mine now')", sent)
    staff.value("select public.decide_message(%s, 'hide', 'no')", sent)
    with refused("VG114"):
        db.acting_as(ann).value("select public.edit_message(%s, 'v5')", sent)


def test_titles_and_names_are_filtered_like_messages(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    made = db.acting_as(ann).value("select public.start_conversation(%s, 'rude title')", [bob])
    db.acting_as(bob).run("update public.profiles set name = 'rude name' where id = %s", bob)
    assert db.owner().column("select kind from vigil.jobs order by kind") == ["name", "title"]
    db.settle({"rude title": "remove", "rude name": "hold"})
    assert (
        db.acting_as(ann).value("select title from public.conversations where id = %s", made)
        is None
    )
    assert db.acting_as(ann).value("select name from public.profiles where id = %s", bob) is None
    assert db.owner().column("select subject_kind from vigil.cases order by 1") == ["name", "title"]


def test_what_was_gone_already_is_not_announced_again(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    hidden, deleted = (db.acting_as(ann).send(conversation, text) for text in ("one", "two"))
    staff = db.acting_as(db.member("mia", "moderator"))
    decide = "select public.decide_message(%s, %s, 'r')"
    staff.value(decide, hidden, "hide")
    for message in (hidden, deleted):
        db.acting_as(ann).run("select public.delete_message(%s)", message)
    staff.value(decide, deleted, "remove")
    assert db.owner().column("select kind from public.message_tombstones order by created_at") == [
        "hidden",
        "deleted",
    ]
    staff.value(decide, hidden, "approve")
    assert "message_approved" not in db.superuser().column("select event from realtime.messages")


def test_an_edit_obeys_what_a_send_obeys(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    sent, gone = (db.acting_as(ann).send(conversation, text) for text in ("v1", "x"))
    edit = "select public.edit_message(%s, 'v2')"
    member = db.acting_as(ann)
    member.run("select public.delete_message(%s)", gone)
    with refused("VG114"):
        member.value(edit, gone)
    other = db.acting_as(ann)
    other.conn.execute("set default_transaction_isolation = 'repeatable read'")
    with refused("VG109"):
        other.value(edit, sent)
    staff = db.acting_as(db.member("mia", "moderator"))
    staff.value("select public.restrict_member(%s, 'hold', 'r')", ann)
    proposed = member.value(edit, sent)["edit_id"]
    db.settle()
    assert db.acting_as(bob).sees(conversation) == ["v1"], "a held member's edit waits for a person"
    with refused("VG206"):
        staff.value("select public.decide_message(%s, 'hide', 'r')", proposed)
    staff.value("select public.decide_message(%s, 'approve', 'r', dry_run => true)", proposed)
    assert db.acting_as(bob).sees(conversation) == ["v1"]
    staff.value("select public.decide_message(%s, 'approve', 'r')", proposed)
    with refused("VG207"):
        staff.value("select public.decide_message(%s, 'remove', 'r')", proposed)
    assert db.owner().column("select subject_id from vigil.decisions") == [uuid.UUID(proposed)]
    assert staff.rows("select * from public.list_cases()") == []
    staff.value("select public.restrict_member(%s, 'mute', 'r')", ann)
    with refused("VG103"):
        member.value(edit, sent)


def test_an_edit_dies_with_its_message(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    deleted, hidden = (db.acting_as(ann).send(conversation, text) for text in ("one", "two"))
    db.settle()
    staff = db.acting_as(db.member("mia", "moderator"))
    for message in (deleted, hidden):
        db.acting_as(ann).value("select public.edit_message(%s, 'new')", message)
    db.acting_as(ann).run("select public.delete_message(%s)", deleted)
    staff.value("select public.decide_message(%s, 'hide', 'r')", hidden)
    db.settle()
    assert set(db.owner().column("select content from public.messages")) == {"", "two"}
    assert set(db.owner().column("select state from vigil.edits")) == {"superseded"}


def test_an_edit_that_was_replaced_is_never_published(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    sent = db.acting_as(ann).send(conversation, "v1")
    db.settle()
    for text in ("v2", "v3"):
        db.acting_as(ann).value("select public.edit_message(%s, %s)", sent, text)
    assert [e["actor"] for e in db.events("edit.proposed")] == [ann, ann]
    db.owner().run(
        "update vigil.jobs set run_at = now() - interval '1 hour' where id = (select max(id) from vigil.jobs)"
    )
    worker = db.worker()
    for _ in range(2):
        (job,) = worker.rows("select * from vigil.claim_jobs('w', 1, 60)")
        worker.value(
            "select vigil.settle_jobs('w', %s, %s, '[]', 'test')", job["lease_id"], [job["job_id"]]
        )
    assert db.acting_as(bob).sees(conversation) == ["v3"]
    (event,) = db.events("message.edited")
    assert (event["actor"], event["detail"]["message"]) == (ann, str(sent))
