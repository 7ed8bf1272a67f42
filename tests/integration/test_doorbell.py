"""Ringing on a private topic: off by default, switched by the owner, heard by one role alone."""

from __future__ import annotations

from tests.support.database import Database, refused

ON = "select vigil.ring_privately(true)"
OFF = "select vigil.ring_privately(false)"
RINGS = "select topic, event, payload - 'id' as payload, private from realtime.messages where topic like 'vigil:%%'"


def hears(db: Database, topic: str) -> bool:
    """Whether Realtime would let the doorbell's role join: a probe row, seen with the topic set."""
    superuser = db.superuser()
    superuser.run(
        "insert into realtime.messages (topic, extension) values (%s, 'broadcast')", topic
    )
    with superuser.transaction() as conn:
        conn.execute("select set_config('realtime.topic', %s, true)", [topic])
        conn.execute("set local role vigil_doorbell")
        return conn.execute("select from realtime.messages").fetchone() is not None


def test_it_rings_once_per_statement_and_says_nothing(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    db.acting_as(ann).send(conversation, "unheard")
    assert db.superuser().rows(RINGS) == [], "by default nothing is written"
    db.owner().run(ON)
    db.owner().run(
        "insert into public.messages (conversation_id, sender_id, content)"
        " select %s, %s, c from unnest('{a secret,another}'::text[]) c", conversation, ann,
    )  # fmt: skip
    ring = {"topic": "vigil:doorbell", "event": "ring", "payload": {}, "private": True}
    assert db.superuser().rows(RINGS) == [ring]
    db.owner().run(OFF)
    db.acting_as(ann).send(conversation, "unheard again")
    assert db.superuser().rows(RINGS) == [ring]


def test_the_doorbell_hears_its_topic_alone_and_only_while_it_is_on(db: Database) -> None:
    with refused("42501"):
        hears(db, "vigil:doorbell")
    db.owner().run(ON)
    db.owner().run(ON)
    assert hears(db, "vigil:doorbell")
    ann = db.member("ann")
    assert not hears(db, f"user:{ann}")
    assert not hears(db, "room:1")
    assert not hears(db, "vigil:other")
    db.owner().run(OFF)
    with refused("42501"):
        hears(db, "vigil:doorbell")


def test_a_project_that_refuses_the_grant_is_told_and_left_as_it_was(db: Database) -> None:
    db.superuser().run("revoke usage on schema realtime from postgres cascade")
    db.superuser().run("grant usage on schema realtime to postgres")
    with refused("VG302"):
        db.owner().run(ON)
    assert not db.superuser().value(
        "select has_table_privilege('vigil_doorbell', 'realtime.messages', 'select')"
    )
    assert db.superuser().rows("select from pg_trigger where tgname = 'vigil_900_ring_doorbell'") == []  # fmt: skip


def test_members_and_staff_cannot_switch_it(db: Database) -> None:
    for person in (db.member("ann"), db.member("ada", staff="admin")):
        with refused("42501"):
            db.acting_as(person).run(ON)
