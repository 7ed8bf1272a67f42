"""A banned member and an unrestricted twin do everything a client can do; their answers and screens never differ."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.integration.test_shadow_ban import TIME, UUID, ban, observe, told
from tests.support.database import Database, Session


class Life:
    """One member's day: each act is answered, and everything they can see is kept."""

    def __init__(self, db: Database, banned: bool) -> None:
        self.db = db
        self.me, self.bob, self.cid, self.dan, self.eve = (
            db.member(name) for name in ("ann", "bob", "cid", "dan", "eve")
        )
        me = self.me
        self.direct = db.conversation(me, self.bob)
        self.group = db.conversation(me, self.bob, self.cid, title="group")
        self.wary = db.conversation(me, self.eve)
        self.old = db.acting_as(me).send(self.direct, "before by me")
        self.older = db.acting_as(me).send(self.group, "before by me too")
        self.question = db.acting_as(self.bob).send(self.direct, "before by bob")
        self.topic = db.acting_as(self.bob).send(self.group, "before in the group")
        for member, wish in ((self.dan, "nobody"), (self.eve, "help_connections")):
            db.acting_as(member).run(
                "insert into public.messaging_preferences (user_id, can_receive_from) values (%s, %s)",
                member, wish,
            )  # fmt: skip
        if banned:
            ban(db, me)
        self.member: Session = db.acting_as(me)
        self.made: dict[str, Any] = {}

    def answer(self, name: str, query: str, *args: Any) -> Any:
        """The rows, or each field of the refusal; ids, times and waits without their values."""
        try:
            rows = self.member.rows(query, *args)
        except psycopg.Error as error:
            d = error.diag
            return [d.sqlstate, d.message_primary, d.message_detail, "".join(c for c in d.message_hint or "" if not c.isdigit())]  # fmt: skip
        if rows and isinstance(first := next(iter(rows[0].values())), uuid.UUID):
            self.made[name] = first
        return [
            {k: TIME.sub("time", UUID.sub("id", str(v))) for k, v in row.items()} for row in rows
        ]

    def acts(self, judge: bool) -> Iterator[tuple[str, Any]]:
        """Each act by name, with how it was answered."""
        gone = uuid.uuid4()
        send = "select id, status, moderation_status from public.send_message(%s, %s, %s, %s)"
        steps: list[tuple[str, str, list[Any]]] = [
            ("send", send, [self.direct, "hello", "t1", None]),
            ("send again", send, [self.direct, "other text", "t1", None]),
            ("insert", "insert into public.messages (conversation_id, content) values (%s, 'spam') returning *", [self.group]),
            ("upsert", "insert into public.messages (conversation_id, content, client_message_id) values (%s, 'x', 't1') on conflict (sender_id, client_message_id) do nothing returning id", [self.direct]),
            ("bad", send, [self.group, "bad", None, None]),
            ("reply to bob", send, [self.group, "reply", None, self.topic]),
            ("reply to oneself", send, [self.group, "reply", None, self.older]),
            ("read up to", "select public.mark_messages_read(%s, %s, %s)", [self.me, self.direct, self.question]),
            ("read", "select public.mark_messages_read(%s, %s)", [self.me, self.direct]),
            ("read a group", "select public.mark_messages_read(%s, %s)", [self.me, self.group]),
            ("read again", "select public.mark_messages_read(%s, %s)", [self.me, self.group]),
            ("type", "select public.set_typing(%s)", [self.group]),
            ("type in private", "select public.set_typing(%s)", [self.direct]),
            ("type elsewhere", "select public.set_typing(%s)", [gone]),
            ("appear", "select public.update_user_presence(%s, 'online', %s, %s)", [self.me, self.group, self.group]),
            ("appear wrongly", "select public.update_user_presence(%s, 'asleep')", [self.me]),
            ("find the direct one", "select public.start_conversation(%s) = %s as same", [[self.bob], self.direct]),
            ("start with cid", "select public.start_conversation(%s)", [[self.cid]]),
            ("start with nobody's friend", "select public.start_conversation(%s)", [[self.dan]]),
            ("start with nobody", "select public.start_conversation(%s)", [[gone]]),
            ("start a group", "select public.start_conversation(%s, 'mine')", [[self.bob, self.eve]]),
            ("write to eve", send, [self.wary, "hello", None, None]),
            ("add", "select public.add_participant(%s, %s)", [self.group, self.eve]),
            ("add again", "select public.add_participant(%s, %s)", [self.group, self.eve]),
            ("remove", "select public.remove_participant(%s, %s)", [self.group, self.eve]),
            ("remove again", "select public.remove_participant(%s, %s)", [self.group, self.eve]),
            ("add by hand", "insert into public.conversation_participants (conversation_id, user_id) values (%s, %s) returning role", [self.group, self.dan]),
            ("edit what was before", "select public.edit_message(%s, 'edited') ->> 'status'", [self.old]),
            ("edit to nothing", "select public.edit_message(%s, ' ')", [self.older]),
            ("delete what was before", "select public.delete_message(%s)", [self.older]),
            ("delete it again", "select public.delete_message(%s)", [self.older]),
            ("edit the deleted", "select public.edit_message(%s, 'x')", [self.older]),
            ("edit another's", "select public.edit_message(%s, 'x')", [self.topic]),
            ("reply to nothing", send, [self.group, "reply", None, gone]),
            ("send nowhere", send, [gone, "hello", None, None]),
            ("report", "insert into public.message_reports (message_id, report_reason) values (%s, 'rude') returning status", [self.topic]),
            ("report oneself", "insert into public.message_reports (message_id, report_reason) values (%s, 'rude')", [self.old]),
            ("set slow mode", "select public.set_slow_mode(%s, 1)", [self.group]),
            ("block", "insert into public.user_blocks (blocker_id, blocked_id) values (%s, %s)", [self.me, self.bob]),
            ("write to the blocked", send, [self.direct, "hello", None, None]),
            ("unblock", "delete from public.user_blocks", []),
        ]  # fmt: skip
        for name, query, args in steps:
            yield name, self.answer(name, query, *args)
        if judge:
            self.db.settle({"bad": "remove", "spam": "hold"})
            yield "judged", told(self.db, self.me)
        mine = self.made
        later = [
            ("write to cid", send, [mine["start with cid"], "hello", None, None]),
            ("find cid again", "select public.start_conversation(%s) = %s as same", [[self.cid], mine["start with cid"]]),
            ("rename the spoken", "update public.conversations set title = 'x' where id = %s returning title", [mine["start with cid"]]),
            ("rename the silent", "update public.conversations set title = 'y' where id = %s returning title", [mine["start a group"]]),
            ("reply to the bad", send, [self.group, "reply", None, mine["bad"]]),
            ("edit", "select public.edit_message(%s, 'edited') ->> 'status'", [mine["send"]]),
            ("delete", "select public.delete_message(%s)", [mine["insert"]]),
            ("unmark by hand", "update public.messages set status = 'read' where id = %s returning status", [self.question]),
            ("close", "select public.close_conversation(%s)", [mine["start a group"]]),
            ("write into the closed", send, [mine["start a group"], "hello", None, None]),
            ("leave", "select public.leave_conversation(%s)", [self.group]),
            ("write after leaving", send, [self.group, "hello", None, None]),
            ("acknowledge nothing", "select public.acknowledge_notice(%s)", [gone]),
        ]  # fmt: skip
        for name, query, args in later:
            yield name, self.answer(name, query, *args)
        if judge:
            self.db.settle()
        self.db.owner().run("update vigil.settings set messages_per_minute = 12")
        for n in range(12):
            yield f"send fast {n}", self.answer("fast", send, self.direct, f"fast {n}", None, None)
        self.db.owner().run("update vigil.settings set edit_window = '1 microsecond', messages_per_minute = null")  # fmt: skip
        yield "edit too late", self.answer("late", "select public.edit_message(%s, 'x')", self.old)
        self.db.owner().run("update vigil.settings set edit_window = '1 day'")
        yield "told", told(self.db, self.me)


# Everything is looked at after these; after every act would cost minutes and show nothing more.
LOOKED_AT = (
    "insert", "reply to oneself", "read again", "appear", "start a group", "remove", "delete it again", "unblock",
    "judged", "find cid again", "delete", "write after leaving", "told",
)  # fmt: skip


def live(db: Database, banned: bool, judge: bool) -> list[tuple[str, Any, Any]]:
    life = Life(db, banned)
    return [
        (name, answer, observe(life.member, life.me, life.direct) if name in LOOKED_AT else None)
        for name, answer in life.acts(judge)
    ]


@pytest.mark.parametrize("judge", [False, True], ids=["unjudged", "judged"])
def test_nothing_a_member_can_do_tells_that_they_are_banned(db: Database, judge: bool) -> None:
    free, shadowed = live(db, False, judge), live(db, True, judge)
    for twin, banned in zip(free, shadowed, strict=True):
        assert banned[:2] == twin[:2]
        for surface, seen in (twin[2] or {}).items():
            assert banned[2][surface] == seen, (twin[0], surface)
    refusals = {answer[0] for _, answer, _ in free if isinstance(answer, list) and answer and isinstance(answer[0], str)}  # fmt: skip
    assert {
        "VG101",
        "VG102",
        "VG106",
        "VG113",
        "VG114",
        "VG115",
        "VG205",
        "VG207",
        "VG209",
    } <= refusals


def test_nothing_of_that_day_reaches_the_others(db: Database) -> None:
    """The same acts; what the others see changes by what is listed in docs/visibility.md alone."""
    life = Life(db, banned=True)
    texts = "select content from public.messages order by created_at"
    others = {name: db.acting_as(who) for name, who in (("bob", life.bob), ("cid", life.cid), ("eve", life.eve), ("dan", life.dan))}  # fmt: skip
    tables = ("profiles", "user_presence", "message_receipts", "notices", "user_restrictions")
    before = {n: {t: s.rows(f"select * from public.{t}") for t in tables} for n, s in others.items()}  # fmt: skip
    first = {n: s.column("select id from public.conversations") for n, s in others.items()}
    stays = {n: len(s.rows("select * from public.conversation_participants where left_at is null")) for n, s in others.items()}  # fmt: skip
    list(life.acts(judge=True))
    # Edited and deleted under the ban: gone from the others' screens.
    kept = {"bob": ["before by bob", "before in the group"], "cid": ["before in the group"], "eve": [], "dan": []}  # fmt: skip
    assert {n: s.column(texts) for n, s in others.items()} == kept
    for name, session in others.items():
        for table in tables:
            seen = session.rows(f"select * from public.{table}")
            if (name, table) != (
                "cid",
                "profiles",
            ):  # who shared the group alone with ann loses hers
                assert seen == before[name][table], (name, table)
        assert session.column("select id from public.conversations") == first[name]
        now = len(session.rows("select * from public.conversation_participants where left_at is null"))  # fmt: skip
        assert now == stays[name] - (1 if name in ("bob", "cid") else 0), "ann has left the group"
        assert session.rows("select * from public.search_messages('hello or spam or edited or reply')") == []  # fmt: skip
    heard = {(event, *keys) for who in (life.bob, life.cid, life.eve, life.dan) for event, keys in told(db, who)}  # fmt: skip
    assert {event for event, *_ in heard} == {"message_hidden", "message_deleted"}
