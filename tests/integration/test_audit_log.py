"""Every act is on the record, and the record does not change."""

from __future__ import annotations

import json
import uuid

import psycopg
import pytest

from tests.support.database import Database, refused


def test_acts_record_who_for_whom_with_what_and_why(db: Database) -> None:
    ann, mia, boss = db.member("ann"), db.member("mia", "moderator"), db.member("boss", "admin")
    staff = db.acting_as(mia)
    staff.headers["x-vigil-tool"] = "vigil-cli/9"
    batch = uuid.uuid4()
    staff.value(
        "select public.restrict_member(%s, 'mute', 'spam', '1 hour', batch => %s, on_behalf_of => %s)",
        ann,
        batch,
        boss,
    )
    (row,) = [
        r
        for r in db.acting_as(boss).rows("select * from public.tail_audit()")
        if r["kind"] == "restriction.created"
    ]
    assert (row["actor"], row["subject"], row["tool"], row["batch"]) == (
        mia,
        ann,
        "vigil-cli/9",
        batch,
    )
    assert row["on_behalf_of"] == "boss"
    assert (row["detail"]["reason"], row["detail"]["type"]) == ("spam", "mute")


def test_nobody_changes_or_removes_an_event(db: Database) -> None:
    db.member("mia", "moderator")
    db.owner().run("select vigil.bootstrap_admin(%s)", db.member("adi"))
    count = db.owner().value("select count(*) from vigil.events")
    assert count > 0
    statements = (
        "update vigil.events set body2 = '{}'",
        "delete from vigil.events",
        "truncate vigil.events",
    )
    for statement in statements:
        for who in (
            db.acting_as(db.member("eve", "admin")),
            db.service(),
            db.worker(),
            db.anonymous(),
        ):
            with refused("42501"):
                who.run(statement)
        with refused("VG401"):
            db.owner().run(statement)
    replica = db.superuser()
    replica.run("set session_replication_role = replica")
    for statement in statements:
        with refused("VG401", "also where ordinary triggers are off"):
            replica.run(statement)
    assert db.owner().value("select count(*) from vigil.events") == count


def test_an_act_that_fails_leaves_no_event_and_an_event_that_fails_no_act(db: Database) -> None:
    ann = db.member("ann")
    staff = db.acting_as(db.member("mia", "moderator"))
    with pytest.raises(RuntimeError), staff.transaction() as conn:  # noqa: PT012
        conn.execute("select public.restrict_member(%s, 'mute', 'r')", [ann])
        raise RuntimeError
    assert db.events("restriction.created") == []
    db.owner().run(
        "alter table vigil.events add constraint no_more check (kind <> 'restriction.created') not valid"
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        staff.value("select public.restrict_member(%s, 'mute', 'r')", ann)
    assert db.owner().value("select count(*) from vigil.restrictions") == 0
    assert db.owner().value("select count(*) from public.notices") == 0


def test_events_hold_pseudonyms_and_salts_and_no_content(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    sent = db.acting_as(ann).send(conversation, "my secret words")
    staff = db.acting_as(db.member("mia", "moderator"))
    db.settle({"my secret words": "hold"})
    staff.value("select public.decide_message(%s, 'remove', 'policy')", sent)
    staff.value("select public.restrict_member(%s, 'warn', 'policy')", ann)
    rows = db.owner().rows("select * from vigil.events")
    people = [str(ann), str(bob), "ann", "bob", "secret"]
    for row in rows:
        text = row["body0"] + row["body1"] + row["body2"]
        assert not [p for p in people if p in text], row["kind"]
        assert json.loads(row["body0"]).keys() >= {"ref"}
    salts = [row[f"salt{n}"] for row in rows for n in range(3)]
    assert len(set(salts)) == len(salts)
    assert {len(s) for s in salts} == {32}
    kinds = {row["kind"] for row in rows}
    known = set(db.owner().column("select name from vigil.event_kinds"))
    assert kinds <= known


def test_every_event_kind_in_the_code_is_in_the_catalogue(db: Database) -> None:
    used = db.owner().column(
        "select distinct m[1] from pg_proc p, regexp_matches(p.prosrc, 'record\\(''([a-z]+\\.[a-z_]+)''', 'g') m"
        " where p.pronamespace = 'vigil'::regnamespace"
    )
    known = set(db.owner().column("select name from vigil.event_kinds"))
    assert len(used) > 10
    assert set(used) <= known


def test_a_changed_setting_is_on_the_record(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    db.owner().run("update vigil.settings set moderation_mode = 'pre'")
    db.owner().run("insert into vigil.conversation_settings values (%s, 'post')", conversation)
    first, second = (e["detail"] for e in db.events("settings.changed"))
    assert (first["before"], first["after"]) == (
        {"moderation_mode": "post"},
        {"moderation_mode": "pre"},
    )
    assert second["after"] == {"conversation_id": str(conversation), "moderation_mode": "post"}
