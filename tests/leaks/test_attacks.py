"""Leaks that were found by asking like an attacker; each stays closed."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest

from tests.support.database import Database, Session, refused


def staff_act(db: Database, call: str, *args: Any) -> Any:
    return db.acting_as(db.member("mia", "moderator")).value(f"select public.{call}", *args)


def shadow_ban(db: Database, member: uuid.UUID) -> uuid.UUID:
    made = staff_act(
        db, "restrict_member(%s, 'shadow_ban', 'spam', legal_basis => 'terms 4')", member
    )
    return uuid.UUID(made["restriction_id"])


def answer(session: Session, query: str, *args: Any) -> tuple[Any, ...]:
    """What a client can tell apart: the number of rows, or every field of the refusal."""
    try:
        return (session.run(query, *args),)
    except psycopg.Error as error:
        return (
            error.sqlstate, error.diag.message_primary, error.diag.message_detail, error.diag.message_hint
        )  # fmt: skip


@pytest.mark.parametrize("state", ["pending", "hidden", "shadowed"])
def test_an_update_that_reads_no_column_reaches_no_invisible_row(db: Database, state: str) -> None:
    """Without WHERE, Postgres asks the UPDATE policies alone; a recipient could mark and count what is hidden from them."""
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    if state == "pending":
        db.owner().run("update vigil.settings set moderation_mode = 'pre'")
    if state == "shadowed":
        shadow_ban(db, ann)
    sent = db.acting_as(ann).send(conversation, "x")
    if state == "hidden":
        db.settle({"x": "hold"})
    for column in ("status = 'read'", "read_at = now()", "deleted_at = now()"):
        assert answer(db.acting_as(bob), f"update public.messages set {column}") == (0,)
    row = db.owner().rows("select read_at, deleted_at from public.messages where id = %s", sent)
    assert row == [{"read_at": None, "deleted_at": None}]


def test_a_creator_who_stays_outside_does_not_listen_in(db: Database) -> None:
    """Conversations without a stay of their creator are visible to them, so that `insert … returning` works."""
    eve, bob, cid = db.member("eve"), db.member("bob"), db.member("cid")
    conversation = db.acting_as(eve).value(
        "insert into public.conversations (created_by) values (%s) returning id", eve
    )
    for person in (bob, cid):
        assert db.acting_as(eve).value(
            "insert into public.conversation_participants (conversation_id, user_id)"
            " values (%s, %s) returning user_id", conversation, person
        ) == person  # fmt: skip
    db.acting_as(bob).send(conversation, "between us")
    assert db.acting_as(cid).sees(conversation) == ["between us"]
    assert db.acting_as(eve).sees(conversation) == []
    assert db.acting_as(eve).rows("select * from public.conversation_participants") == []
    with refused("VG101"):
        db.acting_as(eve).run(
            "insert into public.conversation_participants (conversation_id, user_id) values (%s, %s)",
            conversation, db.member("dan"),
        )  # fmt: skip


@pytest.mark.parametrize("state", ["pending", "shadowed"])
def test_what_a_creator_may_change_tells_nothing_of_messages_they_cannot_see(
    db: Database, state: str
) -> None:
    """The title is fixed and people come by RPC once somebody has spoken: somebody whom the creator can hear."""
    bob, ann, cid = db.member("bob"), db.member("ann"), db.member("cid")
    made = [
        db.acting_as(bob).value("select public.start_conversation(%s)", [person])
        for person in (ann, cid)
    ]
    if state == "shadowed":
        shadow_ban(db, ann)
    else:
        staff_act(db, "restrict_member(%s, 'hold', 'r')", ann)
    db.acting_as(ann).send(made[0], "unheard")
    dan = db.member("dan")
    for query, *args in (
        ("update public.conversations set title = 'new' where id = %s",),
        ("insert into public.conversation_participants (conversation_id, user_id) values (%s, %s)", dan),
    ):  # fmt: skip
        spoken, quiet = (answer(db.acting_as(bob), query, c, *args) for c in made)
        assert spoken == quiet == (1,)
    assert db.acting_as(dan).sees(made[0]) == []
    if state == "pending":
        waiting = db.owner().value("select id from public.messages")
        staff_act(db, "decide_message(%s, 'approve', 'r')", waiting)
        assert db.acting_as(bob).sees(made[0]) == ["unheard"]
        assert db.acting_as(dan).sees(made[0]) == [], "said before dan came"
    db.acting_as(bob).send(made[1], "heard")
    with refused("VG110"):
        db.acting_as(bob).run("update public.conversations set title = 'b' where id = %s", made[1])


def test_whom_a_banned_member_added_is_absent_to_everybody_else(db: Database) -> None:
    """Adding and removing somebody answers as if the banned member had added nobody."""
    ann, bob, cid, dan = (db.member(n) for n in ("ann", "bob", "cid", "dan"))
    group = db.conversation(ann, bob, title="g")
    db.acting_as(ann).send(group, "before")
    owner = db.connect()
    owner.execute("set vigil.acting = 'on'")
    owner.execute("update public.conversation_participants set role = 'moderator'")
    shadow_ban(db, ann)
    db.acting_as(ann).run("select public.add_participant(%s, %s)", group, cid)
    remove = "select public.remove_participant(%s, %s)"
    assert answer(db.acting_as(bob), remove, group, cid) == answer(
        db.acting_as(bob), remove, group, dan
    )
    stays = "select user_id from public.conversation_participants where left_at is null and user_id = %s"
    assert db.acting_as(ann).column(stays, cid) == [cid], "real to whoever added them"
    db.acting_as(bob).send(group, "between")
    db.acting_as(bob).run("select public.add_participant(%s, %s)", group, cid)
    for viewer in (ann, bob, cid):
        assert db.acting_as(viewer).column(stays, cid) == [cid]
    db.acting_as(bob).send(group, "after")
    assert db.acting_as(cid).sees(group) == ["after"]
    assert answer(db.acting_as(bob), remove, group, cid) == (1,)


def test_a_conversation_started_under_a_ban_opens_doors_for_its_starter_alone(db: Database) -> None:
    """`help_connections` counts another conversation shared with the sender: also one that only the sender sees."""
    outcomes = []
    for banned in (False, True):
        ann, bob = db.member("ann"), db.member("bob")
        direct = db.conversation(ann, bob)
        other = db.conversation(bob, ann, title="elsewhere")
        db.acting_as(bob).run(
            "insert into public.messaging_preferences (user_id, can_receive_from) values (%s, 'help_connections')",
            bob,
        )
        if banned:
            shadow_ban(db, ann)
        db.acting_as(ann).run("select public.start_conversation(%s, 'more')", [bob])
        db.acting_as(ann).run("select public.leave_conversation(%s)", other)
        outcomes.append(
            answer(db.acting_as(ann), "select public.send_message(%s, 'hi')", direct)
        )  # fmt: skip
    assert outcomes == [(1,), (1,)]


def test_a_receipt_that_is_withheld_leaves_no_trace(db: Database) -> None:
    """Marking by hand, with receipts switched off or a block between the two, changed updated_at and sent an event."""
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    one, two = db.conversation(ann, bob), db.conversation(ann, cid)
    db.acting_as(bob).run(
        "insert into public.messaging_preferences (user_id, read_receipts) values (%s, false)", bob
    )
    to_bob, to_cid = db.acting_as(ann).send(one, "x"), db.acting_as(ann).send(two, "y")
    db.acting_as(cid).run(
        "insert into public.user_blocks (blocker_id, blocked_id) values (%s, %s)", cid, ann
    )
    rows = "select xmin::text, * from public.messages order by content"
    before = db.acting_as(ann).rows(rows)
    for reader, message in ((bob, to_bob), (cid, to_cid)):
        for by_hand in ("read_at = now()", "status = 'read'"):
            db.acting_as(reader).run(f"update public.messages set {by_hand} where id = %s", message)
        db.acting_as(reader).run(
            "select public.mark_messages_read(%s, %s)", reader, one if reader == bob else two
        )
        unread = "select public.get_unread_message_count(%s)"
        assert db.acting_as(reader).value(unread, reader) == 0
    assert db.acting_as(ann).rows(rows) == before, (
        "the row is not even written: its event would tell"
    )
    assert (
        db.superuser().rows("select * from realtime.messages where event = 'messages_read'") == []
    )


def test_an_edit_under_a_shadow_ban_reaches_nobody(db: Database) -> None:
    """A member under a ban could have rewritten what they said before it; the others lose the message instead."""
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    sent = db.acting_as(ann).send(conversation, "friendly")
    restriction = shadow_ban(db, ann)
    db.acting_as(ann).run("select public.edit_message(%s, 'spam')", sent)
    assert db.acting_as(bob).sees(conversation) == ["friendly"]
    staff_act(db, "lift_restriction(%s, 'r')", restriction)
    db.settle()
    assert db.acting_as(ann).sees(conversation) == ["spam"], "as an unrestricted twin would see"
    assert db.acting_as(bob).sees(conversation) == []
    assert db.acting_as(bob).column("select message_id from public.message_tombstones") == [sent]
    assert db.acting_as(ann).rows("select * from public.message_tombstones") == []
    staff_act(db, "decide_message(%s, 'approve', 'r')", sent)
    assert db.acting_as(bob).sees(conversation) == ["spam"]


def test_the_event_of_a_receipt_speaks_of_ones_own_messages_alone(db: Database) -> None:
    """It carried the time of the newest message read, also to an author who had left before that was said."""
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    group = db.conversation(cid, ann, bob, title="g")
    db.acting_as(ann).send(group, "mine")
    mine = db.owner().value("select created_at from public.messages")
    db.acting_as(ann).run("select public.leave_conversation(%s)", group)
    db.acting_as(cid).send(group, "later")
    db.acting_as(bob).run("select public.mark_messages_read(%s, %s)", bob, group)
    up_to = db.superuser().value(
        "select (payload ->> 'up_to')::timestamptz from realtime.messages where topic = %s",
        f"user:{ann}",
    )
    assert up_to == mine


def test_a_blocked_author_hears_of_no_receipt(db: Database) -> None:
    """Under a `block` one reads one's own rows and nothing of others; the event was sent all the same."""
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    group = db.conversation(ann, bob, cid, title="g")
    db.acting_as(ann).send(group, "x")
    staff_act(db, "restrict_member(%s, 'block', 'r')", ann)
    db.acting_as(bob).run("select public.mark_messages_read(%s, %s)", bob, group)
    heard = "select event from realtime.messages where topic = %s"
    assert db.superuser().column(heard, f"user:{ann}") == ["restriction_changed"]
