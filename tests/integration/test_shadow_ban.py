"""A shadow-banned member notices nothing, and nothing they do reaches anybody."""

from __future__ import annotations

import re
import uuid
from typing import Any

from tests.support.database import Database, Session

UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:[\d.]+[-+:\d]*")


def ban(db: Database, member: uuid.UUID) -> uuid.UUID:
    staff = db.acting_as(db.member("mia", "moderator"))
    made = staff.value(
        "select public.restrict_member(%s, 'shadow_ban', 'spam ring', legal_basis => 'terms 4')",
        member,
    )
    return uuid.UUID(made["restriction_id"])


def observe(member: Session, me: uuid.UUID, conversation: uuid.UUID) -> dict[str, Any]:
    """Everything a member can read, with ids and times made comparable."""
    names: dict[str, str] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, uuid.UUID):
            return names.setdefault(str(value), f"id{len(names)}")
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, list):
            return [plain(v) for v in value]
        if hasattr(value, "isoformat"):
            return "time"
        return TIME.sub("time", UUID.sub("id", value)) if isinstance(value, str) else value

    plain(me), plain(conversation)
    tables = (
        "messages", "conversations", "conversation_participants", "profiles", "message_reports", "user_restrictions",
        "user_presence", "user_blocks", "message_tombstones", "notices", "messaging_preferences",
    )  # fmt: skip
    seen: dict[str, Any] = {}
    for table in tables:
        # Stays and presence of others begin at one moment: by name, or two twins would differ in the order alone.
        by_name = (
            f"user_id = '{me}' desc, (select p.name from public.profiles p where p.id = user_id)"
        )
        order = {
            "user_presence": by_name,
            "conversation_participants": f"joined_at, {by_name}",
        }.get(table, "created_at")
        rows = member.rows(f"select * from public.{table} order by {order}")
        seen[table] = [{k: plain(v) for k, v in row.items()} for row in rows]
        seen[f"{table} count"] = member.value(f"select count(*) from public.{table}")
    conversations = member.rows(
        "select created_at = last_message_at as untouched, created_at = updated_at as still from public.conversations"
        " order by created_at"
    )
    seen["conversation times"] = conversations
    seen["unread"] = member.value("select public.get_unread_message_count(%s)", me)
    seen["may send"] = member.value("select public.can_user_send_message(%s, %s)", me, conversation)
    seen["whoami"] = plain(member.value("select public.whoami()"))
    calls = {
        "list_conversations": "select * from public.list_conversations()",
        "list_messages": "select c.id, m.content from public.conversations c, public.list_messages(c.id) m order by m.created_at",
        "threads": "select m.content, t.content as in_thread from public.messages m, public.get_message_thread(m.id, {me}) t order by m.created_at, t.created_at",
        "search": "select w.word, m.content, m.moderation_status from unnest('{{hello,spam,edited,bad,before,reply}}'::text[]) as w (word), public.search_messages(w.word) m order by 1, m.created_at",
        "reply_count": "select m.content, m.reply_count from public.messages m order by m.created_at",
        "receipts": "select message_id, user_id from public.message_receipts order by read_at, message_id",
    }
    for name, call in calls.items():
        rows = member.rows(call.format(me=f"'{me}'"))
        for row in rows:
            row.get("people", []).sort(key=lambda person: str(person["name"]))
        seen[name] = [{k: plain(v) for k, v in row.items()} for row in rows]
    return seen


def told(db: Database, me: uuid.UUID) -> list[tuple[str, list[str]]]:
    """What arrived on a member's own private topic: events, and which keys they had."""
    rows = db.superuser().rows(
        "select event, payload from realtime.messages where topic = %s order by inserted_at, id",
        f"user:{me}",
    )
    return [(row["event"], sorted(row["payload"])) for row in rows]


def script(db: Database, banned: bool, judge: bool) -> list[dict[str, Any]]:
    """What one member does while the others are passive; returns all they observe, step by step."""
    me, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(me, bob)
    db.acting_as(bob).send(conversation, "before")
    if banned:
        ban(db, me)
    member = db.acting_as(me)
    seen = [observe(member, me, conversation)]
    first = member.send(conversation, "hello")
    seen.append(observe(member, me, conversation))
    returned = member.rows(
        "select content, status, moderation_status from public.send_message(%s, 'bad', 'c1')",
        conversation,
    )
    second = member.send(conversation, "reply", parent_message_id=first)
    seen.append({"returned": returned} | observe(member, me, conversation))
    if judge:
        db.settle({"bad": "remove"})
    seen.append(observe(member, me, conversation))
    member.run(
        "select public.update_user_presence(%s, 'online', %s, %s)", me, conversation, conversation
    )
    member.value("select public.mark_messages_read(%s, %s)", me, conversation)
    started = member.value("select public.start_conversation(%s, 'new group')", [bob])
    member.send(started, "in the new one")
    member.run("select public.delete_message(%s)", second)
    member.value("select public.edit_message(%s, 'edited')", first)
    if judge:
        db.settle()
    seen.append(observe(member, me, conversation))
    seen.append({"told": told(db, me)})
    return seen


def test_a_banned_member_observes_what_an_unrestricted_twin_observes(db: Database) -> None:
    for judge in (False, True):
        twin = script(db, banned=False, judge=judge)
        banned = script(db, banned=True, judge=judge)
        for step, (free, shadowed) in enumerate(zip(twin, banned, strict=True)):
            assert shadowed == free, f"step {step}"


def test_nothing_a_banned_member_does_reaches_anybody(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    db.acting_as(bob).send(conversation, "before the ban")
    ban(db, ann)
    member, other = db.acting_as(ann), db.acting_as(bob)
    before = {
        t: other.rows(f"select * from public.{t}")
        for t in ("conversations", "conversation_participants", "messages")
    }
    sent = member.send(conversation, "spam")
    member.run(
        "select public.update_user_presence(%s, 'online', %s, %s)", ann, conversation, conversation
    )
    started = member.value("select public.start_conversation(%s, 'come here')", [bob])
    member.send(started, "more spam")
    db.settle({"spam": "hold"})
    assert {t: other.rows(f"select * from public.{t}") for t in before} == before
    assert other.rows("select * from public.user_presence") == []
    assert other.rows("select * from public.message_tombstones") == []
    assert other.value("select public.get_unread_message_count(%s)", bob) == 0
    assert other.rows("select * from public.get_message_thread(%s, %s)", sent, bob) == []
    assert (
        db.superuser().rows("select * from realtime.messages where topic = %s", f"user:{bob}") == []
    )
    topics = db.superuser().column("select distinct topic from realtime.messages")
    assert f"user:{bob}" not in topics


def test_ending_a_ban_publishes_nothing_and_a_moderator_may_release(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    restriction = ban(db, ann)
    sent = db.acting_as(ann).send(conversation, "during")
    staff = db.acting_as(db.member("moe", "moderator"))
    staff.value("select public.lift_restriction(%s, 'appeal')", restriction)
    db.acting_as(ann).send(conversation, "after")
    assert db.acting_as(bob).sees(conversation) == ["after"]
    db.settle()
    assert db.acting_as(bob).sees(conversation) == ["after"], "a filter's approval releases nothing"
    staff.value("select public.decide_message(%s, 'approve', 'harmless')", sent)
    assert db.acting_as(bob).sees(conversation) == ["during", "after"]


def test_the_ban_is_nowhere_a_member_can_look(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    db.conversation(ann, bob)
    ban(db, ann)
    for who in (db.acting_as(ann), db.acting_as(bob)):
        assert who.rows("select * from public.user_restrictions") == []
        assert who.rows("select * from public.notices") == []
    assert db.superuser().rows("select * from realtime.messages") == []
    tables = db.owner().column(
        "select format('%I.%I', schemaname, tablename) from pg_publication_tables where pubname = 'supabase_realtime'"
    )
    assert sorted(tables) == [
        "public.conversations",
        "public.message_tombstones",
        "public.messages",
        "public.notices",
    ]


def test_a_receipt_in_a_direct_conversation_is_the_one_thing_that_reaches_the_sender(
    db: Database,
) -> None:
    """The residual of docs/visibility.md: both sides share the row, and an inbox that never clears would tell the target."""
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    db.acting_as(bob).send(conversation, "question")
    before = db.acting_as(bob).rows("select * from public.messages")[0]
    ban(db, ann)
    assert (
        db.acting_as(ann).value("select public.mark_messages_read(%s, %s)", ann, conversation) == 1
    )
    after = db.acting_as(bob).rows("select * from public.messages")[0]
    assert {k for k in after if after[k] != before[k]} == {"status", "read_at", "updated_at"}


def test_where_messages_wait_the_filters_approval_releases_nothing_shadowed(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    db.owner().run("update vigil.settings set moderation_mode = 'pre'")
    ban(db, ann)
    sent = db.acting_as(ann).send(conversation, "waiting and shadowed")
    db.settle()
    status = db.acting_as(ann).value(
        "select moderation_status from public.messages where id = %s", sent
    )
    assert status == "approved", "as an unrestricted twin would see"
    assert db.acting_as(bob).sees(conversation) == []
    assert db.superuser().rows("select * from realtime.messages") == []


def test_the_end_of_a_ban_is_told_to_nobody(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    staff = db.acting_as(db.member("moe", "moderator"))
    staff.value("select public.lift_restriction(%s, 'appeal')", ban(db, ann))
    staff.value(
        "select public.restrict_member(%s, 'shadow_ban', 'r', '1 day', legal_basis => 'b')", bob
    )
    db.owner().run(
        "update vigil.restrictions set created_at = now() - interval '2 days', expires_at = now() - interval '1 day'"
        " where user_id = %s", bob,
    )  # fmt: skip
    due = db.worker().rows("select * from vigil.run_due(10)")
    assert [row["kind"] for row in due] == ["restriction.expired"]
    assert db.superuser().rows("select * from realtime.messages") == []
    for who in (ann, bob):
        assert db.acting_as(who).rows("select * from public.user_restrictions") == []


def test_whom_a_banned_member_adds_is_nowhere_to_be_found(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    ban(db, ann)
    for who in (ann, bob):
        db.acting_as(who).run("select public.update_user_presence(%s, 'online')", who)
    started = db.acting_as(ann).value("select public.start_conversation(%s, 'come')", [bob])
    other = db.acting_as(bob)
    assert other.column("select id from public.profiles") == [bob]
    assert other.rows("select * from public.conversation_participants") == []
    assert other.rows("select * from public.conversations") == []
    db.acting_as(bob).run(
        "select public.update_user_presence(%s, 'online', %s, %s)", bob, started, started
    )
    shown = other.rows("select current_conversation_id as c, is_typing_in_conversation as t from public.user_presence")  # fmt: skip
    assert shown == [{"c": None, "t": None}], "the same as for a conversation that is not"


def test_reading_moves_no_list_for_what_only_its_author_sees(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    ban(db, ann)
    plain = db.acting_as(bob).send(conversation, "plain")
    db.acting_as(ann).send(conversation, "shadowed")
    mark = "select public.mark_messages_read(%s, %s)"
    moved = "select last_message_at = (select created_at from public.messages where id = %s) from public.conversations"
    db.acting_as(ann).value(mark, ann, conversation)
    assert db.owner().value(moved, plain)
    db.acting_as(bob).value(mark, bob, conversation)
    assert db.owner().value(moved, plain)
