"""What people expect of messaging: pages, threads, receipts, search, one conversation per pair, quiet hours."""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

import psycopg
import pytest

from tests.support.database import Database, Session, refused


def page(session: Session, call: str, *args: Any) -> list[dict[str, Any]]:
    """Rows of a paging call, and each as a client holds it: JSON."""
    return session.column(f"select to_jsonb(r) from {call} as r", *args)


def events(db: Database, *names: str) -> list[tuple[str, str, dict[str, Any]]]:
    """What was sent on private topics: (topic, event, payload), oldest first, without Realtime's own id."""
    return [
        (r["topic"], r["event"], {k: v for k, v in r["payload"].items() if k != "id"})
        for r in db.superuser().rows(
            "select topic, event, payload from realtime.messages where event = any(%s)"
            " order by inserted_at, id",
            list(names),
        )
    ]


def prefer(db: Database, member: uuid.UUID, **wishes: Any) -> None:
    names = ", ".join(wishes)
    marks = ", ".join(["%s"] * len(wishes))
    db.acting_as(member).run(
        f"insert into public.messaging_preferences (user_id, {names}) values (%s, {marks})"
        f" on conflict (user_id) do update set ({names}) = row({marks})",
        member, *wishes.values(), *wishes.values(),
    )  # fmt: skip


def test_pages_are_stable_while_others_write_and_end(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    for n in range(7):
        db.acting_as(ann).send(conversation, str(n))
    reader = db.acting_as(bob)
    call = "public.list_messages(%s, %s, %s)"
    first = page(reader, call, conversation, None, 3)
    assert [m["content"] for m in first] == ["6", "5", "4"]
    db.acting_as(ann).send(conversation, "new")
    second = page(reader, call, conversation, json.dumps(first[-1]), 3)
    third = page(reader, call, conversation, json.dumps(second[-1]), 3)
    assert [m["content"] for m in second + third] == ["3", "2", "1", "0"]
    assert page(reader, call, conversation, json.dumps(third[-1]), 3) == []
    # The row to continue from may have gone from sight meanwhile.
    db.acting_as(ann).run("select public.delete_message(%s)", first[-1]["id"])
    assert page(reader, call, conversation, json.dumps(first[-1]), 3) == second


@pytest.mark.parametrize(
    "key", ['{"created_at": "yesterday-ish", "id": "x"}', '{"created_at": "2026-01-01"}', '{"id": 7, "created_at": "2026-01-01"}']
)  # fmt: skip
def test_a_page_that_cannot_be_continued_is_refused(db: Database, key: str) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    with refused("VG209"):
        page(db.acting_as(ann), "public.list_messages(%s, %s)", conversation, key)
    for size in (0, -1, 1000, None):
        with refused("VG209"):
            page(db.acting_as(ann), "public.list_messages(%s, null, %s)", conversation, size)


def test_conversations_come_by_their_newest_visible_message(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    one, two = db.conversation(ann, bob), db.conversation(ann, cid)
    three = db.conversation(ann, bob, cid, title="g")
    for conversation, sender in ((two, cid), (one, bob), (three, bob), (one, bob)):
        db.acting_as(sender).send(conversation, f"in {conversation}")
    hidden = db.acting_as(cid).send(two, "bad")
    db.settle({"bad": "remove"})
    mine = page(db.acting_as(ann), "public.list_conversations()")
    assert [c["id"] for c in mine] == [str(one), str(three), str(two)]
    assert [c["unread"] for c in mine] == [2, 1, 1]
    assert mine[2]["last_message"]["content"] == f"in {two}"
    assert str(hidden) not in json.dumps(mine)
    assert {p["name"] for p in mine[1]["people"]} == {"ann", "bob", "cid"}
    assert mine[1]["people_count"] == 3
    pages = page(db.acting_as(ann), "public.list_conversations(null, 2)")
    pages += page(
        db.acting_as(ann), "public.list_conversations(%s, 2)", json.dumps(pages[-1], default=str)
    )
    assert [c["id"] for c in pages] == [c["id"] for c in mine]
    # The author sees their removed message, and so does their list.
    assert page(db.acting_as(cid), "public.list_conversations()")[0]["last_message"]["id"] == str(hidden)  # fmt: skip
    db.acting_as(ann).run("select public.mark_messages_read(%s, %s)", ann, one)
    assert page(db.acting_as(ann), "public.list_conversations()")[0]["unread"] == 0
    assert page(db.acting_as(db.member("eve")), "public.list_conversations()") == []


def test_a_thread_pages_and_counts_what_the_caller_sees(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    group = db.conversation(ann, bob, cid, title="g")
    root = db.acting_as(ann).send(group, "root")
    first = db.acting_as(bob).send(group, "r1", parent_message_id=root)
    second = db.acting_as(cid).send(group, "r2", parent_message_id=first)
    bad = db.acting_as(cid).send(group, "bad", parent_message_id=root)
    thread = page(db.acting_as(ann), "public.get_message_thread(%s, %s, null, 2)", root, ann)
    rest = page(
        db.acting_as(ann), "public.get_message_thread(%s, %s, %s, 9)", root, ann, json.dumps(thread[-1])
    )  # fmt: skip
    assert [m["content"] for m in thread + rest] == ["root", "r1", "r2", "bad"]
    assert {m["thread_id"] for m in rest} == {str(root)}
    count = "select m.reply_count from public.messages m where id = %s"
    assert db.acting_as(ann).value(count, root) == 3
    assert db.acting_as(ann).value(count, first) == 1
    db.settle({"bad": "remove"})
    assert db.acting_as(ann).value(count, root) == 2
    assert db.acting_as(cid).value(count, root) == 3, "its author still sees it"
    for parent, conversation in ((bad, group), (second, db.conversation(cid, ann))):
        with refused("VG113", because="hidden, or of another conversation"):
            db.acting_as(cid).send(conversation, "re", parent_message_id=parent)


def test_only_the_author_learns_who_read_a_message_of_a_group(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    group = db.conversation(ann, bob, cid, title="g")
    one = db.acting_as(ann).send(group, "one")
    two = db.acting_as(ann).send(group, "two")
    assert (
        db.acting_as(bob).value("select public.mark_messages_read(%s, %s, %s)", bob, group, one)
        == 1
    )
    read = "select message_id, user_id from public.message_receipts"
    assert db.acting_as(ann).rows(read) == [{"message_id": one, "user_id": bob}]
    for other in (bob, cid):
        assert db.acting_as(other).rows(read) == []
    assert db.acting_as(bob).value("select public.get_unread_message_count(%s)", bob) == 1
    assert db.acting_as(bob).value("select public.mark_messages_read(%s, %s)", bob, group) == 1
    assert db.acting_as(bob).value("select public.mark_messages_read(%s, %s)", bob, group) == 0
    assert [r["message_id"] for r in db.acting_as(ann).rows(read + " order by read_at")] == [
        one,
        two,
    ]
    assert [(topic, p["user_id"]) for topic, _, p in events(db, "messages_read")] == [
        (f"user:{ann}", str(bob)), (f"user:{ann}", str(bob))]  # fmt: skip
    with refused("42501"):
        db.acting_as(cid).run(
            "insert into public.message_receipts values (%s, %s, %s, %s)", one, cid, ann, group
        )


def test_a_wish_for_no_receipts_holds_both_ways(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    group, direct = db.conversation(ann, bob, cid, title="g"), db.conversation(ann, bob)
    prefer(db, bob, read_receipts=False)
    for conversation in (group, direct):
        db.acting_as(ann).send(conversation, "to bob")
        db.acting_as(bob).send(conversation, "from bob")
        for reader in (ann, bob):
            db.acting_as(reader).run(
                "select public.mark_messages_read(%s, %s)", reader, conversation
            )
    assert db.owner().rows("select * from public.message_receipts") == []
    assert db.owner().column("select read_at from public.messages where read_at is not null") == []
    mine = db.acting_as(bob).send(direct, "by hand")
    db.acting_as(ann).run("update public.messages set status = 'read' where id = %s", mine)
    assert (
        db.acting_as(bob).value("select read_at from public.messages where id = %s", mine) is None
    )
    db.acting_as(cid).run("select public.mark_messages_read(%s, %s)", cid, group)
    seen = db.acting_as(ann).column("select user_id from public.message_receipts")
    assert seen == [cid]
    prefer(db, ann, read_receipts=False)
    assert db.acting_as(ann).column("select user_id from public.message_receipts") == []


def test_search_finds_what_the_caller_may_see_and_nothing_else(db: Database) -> None:
    ann, bob, cid, eve = (db.member(n) for n in ("ann", "bob", "cid", "eve"))
    here, there = db.conversation(ann, bob), db.conversation(cid, eve)
    db.acting_as(ann).send(here, "the red heater is free")
    db.acting_as(bob).send(here, "a blue heater, hidden")
    db.acting_as(cid).send(there, "a green heater")
    db.settle({"a blue heater, hidden": "remove"})

    def found(who: uuid.UUID, query: str, *more: Any) -> list[str]:
        marks = ", %s" * len(more)
        return [
            m["content"]
            for m in page(db.acting_as(who), f"public.search_messages(%s{marks})", query, *more)
        ]

    assert found(ann, "heater") == ["the red heater is free"]
    assert found(bob, "heater") == ["a blue heater, hidden", "the red heater is free"]
    assert found(eve, '"green heater"') == ["a green heater"]
    assert found(ann, "heater -red") == []
    assert found(ann, "heater", there) == []
    assert found(ann, "heater", here) == ["the red heater is free"]
    for empty in ("", "  ", "!!", "-"):
        assert found(ann, empty) == []
    with refused("VG209"):
        found(ann, "x" * 201)


def test_two_who_start_at_once_share_one_direct_conversation(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    for _ in range(5):
        made: list[Any] = []
        gate = threading.Barrier(2)

        def start(
            me: uuid.UUID, other: uuid.UUID, made: list[Any] = made, gate: threading.Barrier = gate
        ) -> None:
            session = db.acting_as(me)
            gate.wait()
            made.append(session.value("select public.start_conversation(%s)", [other]))

        threads = [threading.Thread(target=start, args=pair) for pair in ((ann, bob), (bob, ann))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made[0] == made[1]
        # One who left starts anew.
        db.acting_as(ann).run("select public.leave_conversation(%s)", made[0])
    assert db.owner().value("select count(*) from public.conversations") == 5


def test_a_group_is_closed_by_its_moderator_and_never_without_one(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    group = db.conversation(ann, bob, cid, title="g")
    with refused("VG101"):
        db.acting_as(bob).run("select public.close_conversation(%s)", group)
    db.acting_as(ann).run("select public.leave_conversation(%s)", group)
    heirs = db.owner().column(
        "select user_id from public.conversation_participants where left_at is null and role = 'moderator'"
    )
    assert len(heirs) == 1
    assert heirs[0] in (bob, cid)
    db.acting_as(heirs[0]).run("select public.close_conversation(%s)", group)
    with refused("VG102"):
        db.acting_as(heirs[0]).send(group, "too late")
    assert [e["subject"] for e in db.events("participant.promoted")] == heirs
    assert len(db.events("conversation.closed")) == 1


def test_typing_reaches_those_who_may_know_and_binds_at_once(db: Database) -> None:
    ann, bob, cid, dan = (db.member(n) for n in ("ann", "bob", "cid", "dan"))
    group = db.conversation(ann, bob, cid, dan, title="g")
    prefer(db, dan, typing_indicators=False)
    typing = "select public.set_typing(%s)"

    def heard() -> set[str]:
        db.superuser().run("delete from realtime.messages")
        assert db.acting_as(ann).value(typing, group) in (None, "")
        return {topic for topic, _, _ in events(db, "typing")}

    assert heard() == {f"user:{bob}", f"user:{cid}"}
    _, _, payload = events(db, "typing")[0]
    assert payload == {"conversation_id": str(group), "user_id": str(ann), "is_typing": True}
    db.acting_as(bob).run(
        "insert into public.user_blocks (blocker_id, blocked_id) values (%s, %s)", bob, ann
    )
    assert heard() == {f"user:{cid}"}
    staff = db.acting_as(db.member("mia", "moderator"))
    restriction = staff.value(
        "select (public.restrict_member(%s, 'shadow_ban', 'r', legal_basis => 'b'))->>'restriction_id'",
        ann,
    )
    ghosts = heard()
    assert len(ghosts) == 1, "the same work"
    assert not ghosts & {f"user:{p}" for p in (ann, bob, cid, dan)}
    staff.run("select public.lift_restriction(%s, 'r')", restriction)
    assert heard() == {f"user:{cid}"}
    staff.run("select public.restrict_member(%s, 'mute', 'r', conversation => %s)", ann, group)
    assert heard() == set()
    db.acting_as(cid).value(typing, group)
    db.superuser().run("delete from realtime.messages")
    db.acting_as(db.member("eve")).value(typing, group)
    db.acting_as(cid).value(typing, uuid.uuid4())
    prefer(db, cid, typing_indicators=False)
    db.acting_as(cid).value(typing, group)
    assert events(db, "typing") == []


def test_presence_is_announced_when_it_changes_to_no_more_than_a_crowd(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    db.conversation(ann, bob)
    call = "select public.update_user_presence(%s, %s)"
    db.acting_as(ann).run(call, ann, "online")
    db.acting_as(ann).run(call, ann, "online")
    assert events(db, "presence") == [
        (f"user:{bob}", "presence", {"user_id": str(ann), "status": "online"})
    ]
    db.owner().run("update vigil.settings set live_audience_max = 0")
    db.acting_as(ann).run(call, ann, "away")
    assert len(events(db, "presence")) == 1


def test_edits_are_announced_and_have_an_end(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    sent = db.acting_as(ann).send(conversation, "frist")
    db.acting_as(ann).value("select public.edit_message(%s, 'first')", sent)
    db.settle()
    assert db.acting_as(bob).sees(conversation) == ["first"]
    assert events(db, "message_edited") == [
        (f"user:{bob}", "message_edited", {"message_id": str(sent), "conversation_id": str(conversation)})]  # fmt: skip
    db.owner().run("update vigil.settings set edit_window = '1 microsecond'")
    with refused("VG114"):
        db.acting_as(ann).value("select public.edit_message(%s, 'second')", sent)
    db.owner().run("update vigil.settings set edit_window = null")
    db.acting_as(ann).value("select public.edit_message(%s, 'second')", sent)


def test_a_push_reaches_nobody_who_may_not_see_or_does_not_want(db: Database) -> None:
    ann, bob, cid, dan, fay = (db.member(n) for n in ("ann", "bob", "cid", "dan", "fay"))
    group = db.conversation(ann, bob, cid, dan, fay, title="g")
    sent = db.acting_as(ann).send(group, "hello")
    targets = "select public.notification_targets(%s)"
    assert set(db.service().column(targets, sent)) == {bob, cid, dan, fay}
    db.acting_as(cid).run(
        "insert into public.user_blocks (blocker_id, blocked_id, kind) values (%s, %s, 'mute')",
        cid,
        ann,
    )
    prefer(db, dan, quiet_hours_start="00:00", quiet_hours_end="23:59:59.999999")
    # Her day is on the other side of the earth; the span runs over midnight and covers everything but one second of it.
    prefer(
        db,
        fay,
        quiet_hours_start="12:00:01",
        quiet_hours_end="12:00:00",
        time_zone="Pacific/Auckland",
    )
    assert set(db.service().column(targets, sent)) == {bob}
    db.settle({"hello": "remove"})
    assert db.service().column(targets, sent) == []
    with refused("42501"):
        db.acting_as(ann).run(targets, sent)
    with refused("VG209"):
        prefer(db, ann, time_zone="Middle/Earth")


def test_quiet_hours_follow_the_members_own_clock(db: Database) -> None:
    ann = db.member("ann")
    prefer(
        db, ann, quiet_hours_start="22:00", quiet_hours_end="07:00", time_zone="America/New_York"
    )
    quiet = "select vigil.is_quiet(%s, %s)"
    for moment, expected in (("2026-01-02 03:30+00", True), ("2026-01-02 02:30+00", False), ("2026-01-02 11:59+00", True), ("2026-01-02 12:00+00", False)):  # fmt: skip
        assert db.owner().value(quiet, ann, moment) is expected, moment


def test_slow_mode_is_set_by_a_groups_moderators(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    group = db.conversation(ann, bob, title="g")
    call = "select public.set_slow_mode(%s, %s)"
    with refused("VG101"):
        db.acting_as(bob).run(call, group, 30)
    for seconds in (0, -1, 86401):
        with refused("VG209"):
            db.acting_as(ann).run(call, group, seconds)
    db.acting_as(ann).run(call, group, 30)
    with refused("VG205"):
        db.acting_as(db.member("mia", "moderator")).run(call, uuid.uuid4(), 30)
    with pytest.raises(psycopg.Error):
        db.acting_as(bob).rows("select * from vigil.conversation_settings")


def send_at_once(
    db: Database, conversation: uuid.UUID, sender: uuid.UUID, times: int
) -> list[str | None]:
    """The answers to as many sends, all begun together: null or an SQLSTATE."""
    gate, answers = threading.Barrier(times), []

    def send(n: int) -> None:
        session = db.acting_as(sender)
        gate.wait()
        try:
            session.send(conversation, f"m{n}")
            answers.append(None)
        except psycopg.Error as error:
            answers.append(error.sqlstate)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers, key=str)


def test_a_member_stores_no_more_than_so_many_in_a_minute(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    here, there = db.conversation(ann, bob), db.conversation(ann, bob, title="g")
    db.owner().run("update vigil.settings set messages_per_minute = 3")
    db.acting_as(ann).send(there, "elsewhere counts too")
    assert send_at_once(db, here, ann, 6) == [None, None, *["VG115"] * 4]
    assert (
        db.acting_as(ann).value("select public.can_user_send_message(%s, %s)", ann, here) is False
    )
    db.acting_as(bob).send(here, "others are free")
    with refused("VG115", because="each row of a statement counts"):
        db.acting_as(bob).run(
            "insert into public.messages (conversation_id, content) select %s, n::text from generate_series(1, 3) n",
            here,
        )
    assert db.owner().value("select count(*) from public.messages where sender_id = %s", bob) == 1
    db.owner().run("alter table public.messages disable trigger user")
    db.owner().run(
        "update public.messages set created_at = created_at - interval '1 minute' where sender_id = %s",
        ann,
    )
    db.owner().run("alter table public.messages enable trigger user")
    db.acting_as(ann).send(here, "a minute later")


def test_slow_mode_lets_one_through_and_binds_its_moderators_not(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    group, other = db.conversation(ann, bob, title="g"), db.conversation(ann, bob)
    db.acting_as(ann).run("select public.set_slow_mode(%s, 60)", group)
    assert send_at_once(db, group, bob, 4) == [None, *["VG115"] * 3]
    assert send_at_once(db, group, ann, 3) == [None] * 3
    db.acting_as(bob).send(other, "elsewhere")
    with pytest.raises(psycopg.Error) as caught:
        db.acting_as(bob).send(group, "again")
    assert 50 < int(str(caught.value.diag.message_hint).split()[1]) <= 60
    db.acting_as(ann).run("select public.set_slow_mode(%s, null)", group)
    db.acting_as(bob).send(group, "at last")


def test_delivered_says_that_it_was_accepted_and_nothing_of_its_recipients(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    state = "select status from public.messages where id = %s"
    staff = db.acting_as(db.member("mia", "moderator"))
    staff.run("select public.restrict_member(%s, 'hold', 'r')", ann)
    held = db.acting_as(ann).send(conversation, "held")
    assert db.acting_as(ann).value(state, held) == "sent"
    staff.run("select public.decide_message(%s, 'approve', 'r')", held)
    assert db.acting_as(ann).value(state, held) == "delivered"
    assert (
        db.acting_as(bob).value(state, db.acting_as(bob).send(conversation, "free")) == "delivered"
    )
