"""Who may send, what is set by the server, and what is refused."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from tests.support.database import Database, refused


def test_both_members_of_a_direct_conversation_see_what_one_sends(db: Database) -> None:
    ann, bob, eve = db.member("ann"), db.member("bob"), db.member("eve")
    conversation = db.conversation(ann, bob)
    db.acting_as(ann).send(conversation, "hello")
    assert db.acting_as(ann).sees(conversation) == ["hello"]
    assert db.acting_as(bob).sees(conversation) == ["hello"]
    assert db.acting_as(eve).sees(conversation) == []
    with refused("42501", "anon has no grant"):
        db.anonymous().sees(conversation)


def test_a_stranger_and_an_absent_conversation_get_the_same_answer(db: Database) -> None:
    ann, bob, eve = db.member("ann"), db.member("bob"), db.member("eve")
    conversation = db.conversation(ann, bob)
    answers = []
    for target in (conversation, uuid.uuid4()):
        with pytest.raises(psycopg.Error) as caught:
            db.acting_as(eve).send(target, "let me in")
        answers.append(
            (
                caught.value.sqlstate,
                caught.value.diag.message_primary,
                caught.value.diag.message_detail,
            )
        )
    assert answers[0] == answers[1]
    assert answers[0][0] == "VG101"


def test_nobody_sends_as_another_and_cannot_probe_their_restrictions(db: Database) -> None:
    ann, bob, mia = db.member("ann"), db.member("bob"), db.member("mia", "moderator")
    conversation = db.conversation(ann, bob)
    db.acting_as(mia).value("select public.restrict_member(%s, 'mute', 'spam')", bob)
    for sender in (bob, mia, uuid.uuid4()):
        with refused("42501"):
            db.acting_as(ann).send(conversation, "as somebody else", sender_id=sender)
    with refused("42501", "system messages are the server's"):
        db.acting_as(ann).send(conversation, "system says", message_type="system")
    assert db.owner().value("select count(*) from public.messages") == 0


def test_the_server_sets_what_it_owns(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    sent = db.acting_as(ann).send(
        conversation, "x", status="read", moderation_status="removed", is_flagged=True,
        created_at="2001-01-01", recipient_id=ann,
    )  # fmt: skip
    row = db.owner().rows("select * from public.messages")[0]
    assert (row["id"], row["status"], row["moderation_status"], row["is_flagged"]) == (
        sent,
        "delivered",
        "approved",
        False,
    )
    assert row["recipient_id"] == bob
    assert row["created_at"].year > 2001
    with refused("42501", "the id is not the client's to choose"):
        db.acting_as(ann).send(conversation, "x", id=uuid.uuid4())
    chosen = uuid.uuid4()
    made = db.service().send(conversation, "by a back end", id=chosen, sender_id=ann)
    assert made != chosen


@pytest.mark.parametrize(
    ("content", "sqlstate"),
    [
        ("", "VG108"),
        ("  \n\t ", "VG108"),
        ("x" * 10_001, "VG108"),
        ("x" * 1_000_000, "VG108"),
        (None, "VG108"),
    ],
)
def test_a_badly_shaped_message_is_refused(
    db: Database, content: str | None, sqlstate: str
) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    with refused(sqlstate):
        db.acting_as(ann).run(
            "insert into public.messages (conversation_id, content) values (%s, %s)",
            conversation,
            content,
        )
    assert db.owner().value("select count(*) from public.messages") == 0
    assert db.owner().value("select count(*) from vigil.jobs") == 0


@pytest.mark.parametrize("status", ["encrypted", "failed"])
def test_encryption_would_skip_the_filter_and_is_refused(db: Database, status: str) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    with refused("VG111"):
        db.acting_as(ann).send(conversation, "gibberish", encryption_status=status)


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_another_isolation_level_is_refused(db: Database, level: str) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    session = db.acting_as(ann)
    session.conn.isolation_level = (
        psycopg.IsolationLevel.REPEATABLE_READ
        if level == "repeatable read"
        else psycopg.IsolationLevel.SERIALIZABLE
    )
    with refused("VG109"):
        session.send(conversation, "old snapshot")


def test_a_retry_returns_the_first_row_and_a_plain_duplicate_is_a_conflict(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    session = db.acting_as(ann)
    first = session.rows("select * from public.send_message(%s, 'hi', 'c-1')", conversation)[0]
    again = session.rows("select * from public.send_message(%s, 'changed', 'c-1')", conversation)[0]
    assert (again["id"], again["content"]) == (first["id"], "hi")
    with refused("23505"):
        session.send(conversation, "hi", client_message_id="c-1")
    with refused("42501", "an upsert would change content"):
        session.run(
            "insert into public.messages (conversation_id, content, client_message_id) values (%s, 'other', 'c-1')"
            " on conflict (sender_id, client_message_id) do update set content = excluded.content", conversation,
        )  # fmt: skip
    assert db.owner().column("select content from public.messages") == ["hi"]
    assert len(db.events("message.sent")) == 1


def test_a_message_a_job_and_an_event_are_one_transaction(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    session = db.acting_as(ann)
    with pytest.raises(RuntimeError), session.transaction() as conn:  # noqa: PT012
        conn.execute(
            "insert into public.messages (conversation_id, content) values (%s, 'never')",
            [conversation],
        )
        raise RuntimeError
    assert db.owner().value("select count(*) from vigil.jobs") == 0
    assert db.events("message.sent") == []
    sent = session.send(conversation, "now")
    assert db.owner().column("select subject_id from vigil.jobs") == [sent]
    (event,) = db.events("message.sent")
    assert (event["actor"], event["detail"]["message"]) == (ann, str(sent))


def test_replies_stay_in_their_thread_and_conversation(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    here, elsewhere = db.conversation(ann, bob), db.conversation(ann, cid)
    top = db.acting_as(bob).send(here, "top")
    reply = db.acting_as(ann).send(here, "reply", parent_message_id=top)
    second = db.acting_as(bob).send(here, "again", parent_message_id=reply)
    assert db.owner().value("select thread_id from public.messages where id = %s", second) == top
    for parent in (uuid.uuid4(), db.acting_as(cid).send(elsewhere, "secret")):
        with refused("VG113"):
            db.acting_as(bob).send(here, "peek", parent_message_id=parent)
    known = db.acting_as(ann).send(elsewhere, "ann may read this")
    with refused("VG113", "visible, but in another conversation"):
        db.acting_as(ann).send(here, "leak the id", parent_message_id=known)
    thread = db.acting_as(bob).column(
        "select content from public.get_message_thread(%s, %s)", top, bob
    )
    assert thread == ["top", "reply", "again"]
    with refused("42501"):
        db.acting_as(bob).rows("select * from public.get_message_thread(%s, %s)", top, ann)


def test_rows_are_never_deleted_or_rewritten_by_anybody(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    sent = db.acting_as(ann).send(conversation, "first")
    for who in (db.acting_as(ann), db.acting_as(bob), db.service()):
        with refused("42501"):
            who.run("delete from public.messages where id = %s", sent)
    with refused("VG402"):
        db.owner().run("delete from public.messages where id = %s", sent)
    with refused("VG402"):
        db.owner().run("truncate public.messages cascade")
    with refused("42501"):
        db.acting_as(ann).run("update public.messages set content = 'second' where id = %s", sent)
    for column, value in {
        "content": "x",
        "moderation_status": "removed",
        "sender_id": bob,
        "created_at": "2001-01-01",
    }.items():
        for who in (db.service(), db.owner()):
            with refused("VG110"):
                who.run(f"update public.messages set {column} = %s where id = %s", value, sent)
    assert db.acting_as(bob).sees(conversation) == ["first"]


def test_a_soft_delete_blanks_the_text_for_all_and_keeps_it_for_reports(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    by_update, by_call = (db.acting_as(ann).send(conversation, text) for text in ("one", "two"))
    with refused("VG110", "only the author deletes"):
        db.acting_as(bob).run(
            "update public.messages set deleted_at = now() where id = %s", by_update
        )
    db.acting_as(ann).run("update public.messages set deleted_at = now() where id = %s", by_update)
    db.acting_as(ann).run("select public.delete_message(%s)", by_call)
    assert db.acting_as(bob).sees(conversation) == []
    assert db.acting_as(ann).sees(conversation) == ["", ""]
    assert db.owner().column("select content from vigil.deleted_contents order by content") == [
        "one",
        "two",
    ]
    assert db.acting_as(bob).column("select kind from public.message_tombstones") == [
        "deleted",
        "deleted",
    ]
    assert db.acting_as(ann).column("select kind from public.message_tombstones") == []
    with refused("VG113"):
        db.acting_as(ann).run("select public.delete_message(%s)", by_call)


def test_receipts_are_written_by_the_recipient_alone_and_follow_their_wish(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    first = db.acting_as(ann).send(conversation, "one")
    assert db.acting_as(bob).value("select public.get_unread_message_count(%s)", bob) == 1
    with refused("VG110"):
        db.acting_as(ann).run(
            "update public.messages set status = 'read', read_at = now() where id = %s", first
        )
    db.acting_as(bob).run(
        "update public.messages set status = 'read', read_at = '2001-01-01' where id = %s", first
    )
    row = db.acting_as(ann).rows(
        "select status, read_at from public.messages where id = %s", first
    )[0]
    assert row["status"] == "read"
    assert row["read_at"].year > 2001
    db.acting_as(bob).run(
        "insert into public.messaging_preferences (user_id, read_receipts) values (%s, false)", bob
    )
    second = db.acting_as(ann).send(conversation, "two")
    assert (
        db.acting_as(bob).value("select public.mark_messages_read(%s, %s)", bob, conversation) == 1
    )
    assert db.acting_as(bob).value("select public.get_unread_message_count(%s)", bob) == 0
    assert (
        db.acting_as(ann).value("select status from public.messages where id = %s", second)
        == "delivered"
    )
    with refused("42501"):
        db.acting_as(ann).run("select public.mark_messages_read(%s, %s)", bob, conversation)


def test_the_server_owns_every_column_but_receipts_and_deletion(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    sent = db.acting_as(ann).send(db.conversation(ann, bob), "first")
    other = db.conversation(ann, cid)
    columns = {
        "id": "gen_random_uuid()", "conversation_id": f"'{other}'", "sender_id": f"'{bob}'", "recipient_id": "null",
        "content": "'x'", "message_type": "'system'", "parent_message_id": "id", "thread_id": "id",
        "encryption_status": "'failed'", "edited_at": "now()", "is_flagged": "true", "flagged_reason": "'x'",
        "moderation_status": "'hidden'", "client_message_id": "'c'", "created_at": "'2001-01-01'",
    }  # fmt: skip
    for column, value in columns.items():
        with refused("VG110", column):
            db.owner().run(f"update public.messages set {column} = {value} where id = %s", sent)


def test_a_message_is_deleted_once_and_by_its_author_alone(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    sent = db.acting_as(ann).send(db.conversation(ann, bob), "x")
    with refused("VG113"):
        db.acting_as(bob).run("select public.delete_message(%s)", sent)
    delete = "update public.messages set deleted_at = '2001-01-01' where id = %s"
    db.acting_as(ann).run(delete, sent)
    with refused("VG110"):
        db.acting_as(ann).run("update public.messages set deleted_at = now() where id = %s", sent)
    row = db.owner().rows("select content, deleted_at from public.messages")[0]
    assert (row["content"], row["deleted_at"].year > 2001) == ("", True)
    (event,) = db.events("message.deleted")
    assert event["actor"] == ann


def test_nobody_but_the_recipient_marks_as_read_and_in_a_group_nobody_does(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    direct, group = db.conversation(ann, bob), db.conversation(ann, bob, cid)
    own, told = db.acting_as(bob).send(direct, "mine"), db.acting_as(ann).send(group, "all")
    db.acting_as(ann).send(direct, "yours")
    read = "update public.messages set status = 'read', read_at = now() where id = %s"
    with refused("VG110", "no recipient, no session"):
        db.service().run(read, told)
    mark = "select public.mark_messages_read(%s, %s)"
    assert db.acting_as(bob).value(mark, bob, direct) == 1
    assert db.owner().value("select status from public.messages where id = %s", own) == "delivered"
    db.acting_as(cid).value(mark, cid, group)
    unread = "select public.get_unread_message_count(%s)"
    assert db.acting_as(cid).value(unread, cid) == 0
    assert db.acting_as(bob).value(unread, bob) == 1, "each has a mark of their own"
    db.acting_as(bob).value(mark, bob, group)
    assert db.owner().value("select status from public.messages where id = %s", told) == "delivered"


def test_who_shows_no_receipts_reads_in_private_and_never_backwards(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    db.acting_as(bob).run(
        "insert into public.messaging_preferences (user_id, read_receipts) values (%s, false)", bob
    )
    first, second = (db.acting_as(ann).send(conversation, text) for text in ("one", "two"))
    read = "update public.messages set status = 'read', read_at = now() where id = %s"
    shown = "select c.last_message_at, (select max(read_at) from public.messages) from public.conversations c"
    before = db.owner().rows(shown)
    unread = "select public.get_unread_message_count(%s)"
    for message in (second, first):
        db.acting_as(bob).run(read, message)
        assert db.acting_as(bob).value(unread, bob) == 0
    assert db.owner().rows(shown) == before


def test_a_retry_never_answers_with_somebody_elses_message(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    call = "select content from public.send_message(%s, %s, 'token')"
    assert db.acting_as(ann).value(call, conversation, "of ann") == "of ann"
    assert db.acting_as(bob).value(call, conversation, "of bob") == "of bob"


def test_what_a_statement_remembers_of_its_sender_cannot_be_forged(db: Database) -> None:
    ann, bob, mia = db.member("ann"), db.member("bob"), db.member("mia", "moderator")
    conversation = db.conversation(ann, bob)
    db.acting_as(ann).send(conversation, "before")
    db.acting_as(mia).value("select public.restrict_member(%s, 'mute', 'spam')", ann)
    forged = f"({ann},{conversation},,{bob},10000,0,t)"
    session = db.acting_as(ann)
    with refused("VG103"), session.transaction() as conn:
        conn.execute("select set_config('vigil.send_memo', %s, true)", [forged])
        conn.execute(
            "insert into public.messages (conversation_id, content) values (%s, 'forged')",
            [conversation],
        )
    with refused("VG103", "set between the start of the statement and its row"):
        session.run(
            "insert into public.messages (conversation_id, content)"
            " select %s, 'forged ' || set_config('vigil.send_memo', %s, true)", conversation, forged,
        )  # fmt: skip
    with refused("42501", "its digest is out of reach"):
        session.run("select setval('vigil.send_memo', 1)")


def test_what_one_statement_remembered_serves_no_other(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    group = db.conversation(ann, bob, cid)
    insert = "insert into public.messages (conversation_id, content) values (%s, %s)"
    with refused("VG101"), db.acting_as(ann).transaction() as conn:
        conn.execute(insert, [group, "still here"])
        row = conn.execute("select current_setting('vigil.send_memo') as memo").fetchone()
        assert row is not None
        assert row["memo"], "something was remembered"
        conn.execute("select public.leave_conversation(%s)", [group])
        conn.execute("select set_config('vigil.send_memo', %s, true)", [row["memo"]])
        conn.execute(insert, [group, "after leaving"])


def test_a_batch_is_judged_row_by_row(db: Database) -> None:
    ann, bob, mia = db.member("ann"), db.member("bob"), db.member("mia", "moderator")
    here, there = db.conversation(ann, bob), db.conversation(ann, mia)
    db.acting_as(mia).value("select public.restrict_member(%s, 'mute', 'spam')", bob)
    insert = (
        "insert into public.messages (conversation_id, sender_id, content)"
        " select c, s, t from unnest(%s::uuid[], %s::uuid[], %s::text[]) as x (c, s, t)"
    )
    with refused("VG103", "another sender"):
        db.service().run(insert, [here, here], [ann, bob], ["one", "two"])
    with refused("VG101", "another conversation"):
        db.service().run(insert, [there, here, there], [ann, mia, ann], ["one", "two", "three"])
    with refused("VG108", "another text"):
        db.acting_as(ann).run(insert, [here] * 3, [ann] * 3, ["one", "two", " "])
    db.acting_as(ann).run(insert, [here, here, there], [ann] * 3, ["one", "two", "three"])
    sent = db.owner().rows("select recipient_id, content from public.messages order by created_at")
    assert [(row["content"], row["recipient_id"]) for row in sent] == [
        ("one", bob),
        ("two", bob),
        ("three", mia),
    ]
    db.acting_as(mia).value(
        "select public.restrict_member(%s, 'limit', 'much', message_limit => 5)", ann
    )
    with refused("VG104", "the third of this statement is one too many"):
        db.acting_as(ann).run(insert, [here] * 3, [ann] * 3, ["four", "five", "six"])
    db.acting_as(ann).run(insert, [here] * 2, [ann] * 2, ["four", "five"])
