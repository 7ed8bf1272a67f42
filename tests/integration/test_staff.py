"""The staff: who appoints whom, what each role may call, and that every act has its reason and its record."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.support.database import Database, refused

AUDITORS = (
    "select * from public.list_staff()", "select * from public.find_member('ann')", "select * from public.list_restrictions()",
    "select * from public.list_terms()", "select * from public.list_jobs()", "select * from public.list_cases()",
    "select public.worker_status()", "select * from public.tail_audit()",
)  # fmt: skip


@pytest.mark.parametrize("call", AUDITORS)
def test_what_auditors_read_no_member_reads(db: Database, call: str) -> None:
    db.acting_as(db.member("aud", "auditor")).rows(call)
    with refused("VG201"):
        db.acting_as(db.member("ann")).rows(call)


def test_an_auditor_changes_nothing(db: Database) -> None:
    ann, bob, mia = db.member("ann"), db.member("bob"), db.member("mia", "moderator")
    auditor = db.acting_as(db.member("aud", "auditor"))
    sent = db.acting_as(ann).send(db.conversation(ann, bob), "x")
    made = db.acting_as(mia).value("select public.restrict_member(%s, 'mute', 'r')", bob)
    term = json.dumps([{"term": "x", "category": "c", "severity": "flag"}])
    for call, given in (
        ("select public.restrict_member(%s, 'warn', 'r')", ann),
        ("select public.lift_restriction(%s, 'r')", made["restriction_id"]),
        ("select public.decide_message(%s, 'hide', 'r')", sent),
        ("select public.add_terms(%s)", term),
        ("select public.remove_terms(%s)", []),
        ("select public.retry_jobs(%s)", None),
    ):
        with refused("VG201", call):
            auditor.value(call, given)


def test_admins_appoint_and_dismiss_with_a_reason_and_a_record(db: Database) -> None:
    boss, ann, gone = db.member("boss"), db.member("ann"), db.member("gone")
    db.owner().run("select vigil.bootstrap_admin(%s)", boss)
    db.superuser().run("delete from auth.users where id = %s", gone)
    admin = db.acting_as(boss)
    admin.value("select public.add_staff(%s, 'moderator', 'r', dry_run => true)", ann)
    assert db.owner().value("select count(*) from vigil.staff") == 1
    admin.value("select public.add_staff(%s, 'moderator', 'r')", ann)
    with refused("VG205", "an account that is gone"):
        admin.value("select public.add_staff(%s, 'moderator', 'r')", gone)
    with refused("VG201"):
        db.acting_as(ann).value("select public.add_staff(%s, 'admin', 'r')", ann)
    with refused("VG201"):
        db.acting_as(ann).value("select public.remove_staff(%s, 'r')", boss)
    with refused("VG202", "nobody demotes themselves"):
        admin.value("select public.add_staff(%s, 'auditor', 'r')", boss)
    db.owner().run("insert into vigil.staff (user_id, role) values (%s, 'admin')", db.member("two"))
    for call in ("add_staff(%s, 'auditor', 'r')", "remove_staff(%s, 'r')"):
        with refused("VG202", "nor with another admin there"):
            admin.value(f"select public.{call}", boss)
    with refused("VG209"):
        admin.value("select public.remove_staff(%s, '')", ann)
    admin.value("select public.remove_staff(%s, 'r', dry_run => true)", ann)
    assert db.owner().value("select role from vigil.staff where user_id = %s", ann) == "moderator"
    admin.value("select public.remove_staff(%s, 'r')", ann)
    assert db.owner().rows("select * from vigil.staff where user_id = %s", ann) == []
    acts = [
        (e["kind"], e["actor"], e["subject"]) for e in db.events("staff.added", "staff.removed")
    ]
    assert acts == [
        ("staff.added", None, boss),
        ("staff.added", boss, ann),
        ("staff.removed", boss, ann),
    ]


def test_a_deleted_account_is_on_no_staff_and_in_no_list(db: Database) -> None:
    mia, ann = db.member("mia", "moderator"), db.member("ann")
    db.acting_as(mia).run("select public.update_user_presence(%s, 'online')", mia)
    db.superuser().run("delete from auth.users where id = %s", mia)
    assert db.owner().rows("select * from vigil.staff") == []
    assert db.owner().rows("select * from public.user_presence") == []
    with refused("VG201", "a token may outlive its account"):
        db.acting_as(mia).value("select public.restrict_member(%s, 'mute', 'r')", ann)


def test_nobody_judges_themselves(db: Database) -> None:
    ann, mia = db.member("ann"), db.member("mia", "moderator")
    conversation = db.conversation(mia, ann)
    own = db.acting_as(mia).send(conversation, "mine")
    db.settle()
    db.acting_as(ann).run(
        "insert into public.message_reports (message_id, report_reason) values (%s, 'x')", own
    )
    staff = db.acting_as(mia)
    assert staff.value("select public.show_message(%s)", own)["content"] is None
    with refused("VG202"):
        staff.value("select public.decide_message(%s, 'approve', 'r')", own)
    edit = staff.value("select public.edit_message(%s, 'better')", own)["edit_id"]
    with refused("VG202"):
        staff.value("select public.decide_message(%s, 'approve', 'r')", edit)


def test_every_act_has_a_reason_and_a_dry_run_changes_nothing(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    staff = db.acting_as(db.member("mia", "moderator"))
    sent = db.acting_as(ann).send(db.conversation(ann, bob), "x")
    made = staff.value("select public.restrict_member(%s, 'mute', 'r')", bob)["restriction_id"]
    calls = {
        "restrict_member(%s, 'mute', %s": ann,
        "lift_restriction(%s, %s": made,
        "decide_message(%s, 'hide', %s": sent,
    }
    for call, given in calls.items():
        for reason in ("", "   ", None, "x" * 2001):
            with refused("VG209", call):
                staff.value(f"select public.{call})", given, reason)
        staff.value(f"select public.{call}, dry_run => true)", given, "r")
    assert db.owner().value("select count(*) from vigil.restrictions where lifted_at is null") == 1
    assert db.acting_as(bob).column("select content from public.messages") == ["x"]
    assert db.owner().value("select count(*) from vigil.decisions") == 0


def test_a_restriction_is_lifted_once_by_somebody_of_a_higher_role(db: Database) -> None:
    boss, mia, moe = db.member("boss", "admin"), db.member("mia", "moderator"), db.member("moe", "moderator")  # fmt: skip
    made = db.acting_as(boss).value("select public.restrict_member(%s, 'mute', 'r')", mia)["restriction_id"]  # fmt: skip
    lift = "select public.lift_restriction(%s, 'r')"
    for who in (mia, moe):
        with refused("VG202"):
            db.acting_as(who).value(lift, made)
    db.acting_as(boss).value(lift, made)
    (event,) = db.events("restriction.lifted")
    assert (event["actor"], event["subject"]) == (boss, mia)
    with refused("VG207"):
        db.acting_as(boss).value(lift, made)
    ended = db.acting_as(boss).value("select public.restrict_member(%s, 'mute', 'r', '1 day')", mia)["restriction_id"]  # fmt: skip
    db.owner().run(
        "update vigil.restrictions set created_at = created_at - interval '2 days', expires_at = now() - interval '1 day'"
        " where id = %s", ended,
    )  # fmt: skip
    with refused("VG207", "it ended by itself"):
        db.acting_as(boss).value(lift, ended)


def test_a_member_is_found_by_what_is_known_of_them_and_not_by_browsing(db: Database) -> None:
    ann = db.member("ann")
    for n in range(12):
        db.member(f"anna{n}")
    auditor = db.acting_as(db.member("aud", "auditor"))
    found = "select user_id from public.find_member(%s)"
    assert auditor.column(found, str(ann)) == [ann]
    assert len(auditor.column(found, "an")) == 10
    assert auditor.column(found, "a") == []
    with refused("VG209"):
        auditor.column(found, "")


def test_a_term_removed_on_trial_stays(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    staff = db.acting_as(db.member("mia", "moderator"))
    term = json.dumps([{"term": "zorgle", "category": "c", "severity": "block"}])
    staff.value("select public.add_terms(%s)", term)
    conversation = db.conversation(ann, bob)
    ids = staff.column("select term_id from public.list_terms()")
    staff.value("select public.remove_terms(%s, dry_run => true)", ids)
    with refused("VG107"):
        db.acting_as(ann).send(conversation, "zorgle")
    version = staff.value("select public.remove_terms(%s)", ids) and db.owner().value(
        "select version from vigil.terms_revision"
    )
    assert version == 2, "or the workers keep the old list"
    db.acting_as(ann).send(conversation, "zorgle")


def test_a_report_is_its_reporters_whatever_they_claim(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    sent = db.acting_as(ann).send(db.conversation(ann, bob, cid), "x")
    chosen = uuid.uuid4()
    db.service().run(
        "insert into public.message_reports (id, message_id, reported_by, report_reason, status, created_at)"
        " values (%s, %s, %s, 'x', 'resolved', '2001-01-01')", chosen, sent, bob,
    )  # fmt: skip
    row = db.owner().rows("select id, status, created_at from public.message_reports")[0]
    assert (row["id"] == chosen, row["status"], row["created_at"].year > 2001) == (
        False,
        "pending",
        True,
    )
    db.acting_as(cid).run(
        "insert into public.message_reports (message_id, reported_by, report_reason) values (%s, %s, 'x')",
        sent,
        cid,
    )
    assert [(e["actor"], e["subject"]) for e in db.events("report.opened")] == [
        (bob, ann),
        (cid, ann),
    ]
    assert [e["subject"] for e in db.events("case.opened")] == [ann]
    staff = db.acting_as(db.member("mia", "moderator"))
    staff.value("select public.decide_message(%s, 'hide', 'r')", sent)
    assert len(db.events("case.closed")) == 1
    assert set(db.owner().column("select status from public.message_reports")) == {"resolved"}
