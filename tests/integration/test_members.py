"""Conversations, stays, blocks, preferences and presence between members."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg

from tests.support.database import Database, refused


def test_a_member_sees_what_was_said_during_each_of_their_stays(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    group = db.conversation(ann, bob, title="group")
    owner = db.acting_as(ann)
    for step in ("before", "add", "during", "remove", "between", "add", "again", "leave", "after"):
        if step == "add":
            owner.run("select public.add_participant(%s, %s)", group, cid)
        elif step == "remove":
            owner.run("select public.remove_participant(%s, %s)", group, cid)
        elif step == "leave":
            db.acting_as(cid).run("select public.leave_conversation(%s)", group)
        else:
            owner.send(group, step)
    assert db.acting_as(cid).sees(group) == ["during", "again"]
    assert db.acting_as(bob).sees(group) == ["before", "during", "between", "again", "after"]
    with refused("VG101"):
        db.acting_as(cid).send(group, "still me")
    assert (
        db.owner().value(
            "select count(*) from public.conversation_participants where user_id = %s", cid
        )
        == 2
    )


def test_nobody_adds_themselves_or_others_where_they_have_no_say(db: Database) -> None:
    ann, bob, eve = db.member("ann"), db.member("bob"), db.member("eve")
    direct, group = db.conversation(ann, bob), db.conversation(ann, bob, title="g")
    db.acting_as(ann).send(direct, "x")
    insert = (
        "insert into public.conversation_participants (conversation_id, user_id) values (%s, %s)"
    )
    for actor, target in ((eve, direct), (eve, group), (bob, group)):
        with refused("VG101"):
            db.acting_as(actor).run(insert, target, eve)
        with refused("VG101"):
            db.acting_as(actor).run("select public.add_participant(%s, %s)", target, eve)
    with refused("VG101", "spoken in already"):
        db.acting_as(ann).run(insert, direct, eve)
    for statement in (
        "update public.conversation_participants set left_at = now()",
        "delete from public.conversation_participants",
    ):
        with refused("42501"):
            db.acting_as(ann).run(statement)
    with refused("VG110"):
        db.owner().run("update public.conversation_participants set joined_at = '2001-01-01'")
    with refused("VG402"):
        db.owner().run("delete from public.conversation_participants")


def test_a_legacy_client_starts_a_conversation_by_inserts(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    member = db.acting_as(ann)
    made = member.value(
        "insert into public.conversations (title, created_by) values (null, %s) returning id", ann
    )
    returned = member.column(
        "insert into public.conversation_participants (conversation_id, user_id) values (%s, %s), (%s, %s) returning user_id",
        made,
        ann,
        made,
        bob,
    )
    assert returned == [ann, bob]
    assert db.owner().value("select kind from public.conversations") == "direct"
    member.run(
        "insert into public.conversation_participants (conversation_id, user_id) values (%s, %s)",
        made,
        cid,
    )
    assert db.owner().value("select kind from public.conversations") == "group"
    member.send(made, "hi all")
    assert db.acting_as(cid).sees(made) == ["hi all"]
    with refused("42501"):
        member.run("insert into public.conversations (created_by) values (%s)", bob)


def test_a_block_binds_both_ways_in_direct_conversations_and_is_not_told(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    direct, group = db.conversation(ann, bob), db.conversation(ann, bob, cid)
    for who in (ann, bob):
        db.acting_as(who).run("select public.update_user_presence(%s, 'online')", who)
    assert len(db.acting_as(bob).rows("select * from public.user_presence")) == 2
    db.acting_as(ann).run(
        "insert into public.user_blocks (blocker_id, blocked_id, kind) values (%s, %s, 'block')",
        ann,
        bob,
    )
    for who in (ann, bob):
        with refused("VG106"):
            db.acting_as(who).send(direct, "x")
        db.acting_as(who).send(group, "groups are unchanged")
        assert db.acting_as(who).column("select user_id from public.user_presence") == [who]
    assert db.acting_as(bob).rows("select * from public.user_blocks") == []
    with refused("VG106"):
        db.acting_as(bob).value("select public.start_conversation(%s)", [ann])
    with refused("42501"):
        db.acting_as(bob).run(
            "insert into public.user_blocks (blocker_id, blocked_id, kind) values (%s, %s, 'block')",
            ann,
            cid,
        )
    assert db.acting_as(bob).run("delete from public.user_blocks") == 0
    db.acting_as(ann).run("delete from public.user_blocks")
    db.acting_as(bob).send(direct, "friends again")


def test_preferences_are_enforced_and_private(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    direct = db.conversation(ann, bob)
    save = (
        "insert into public.messaging_preferences (user_id, can_receive_from) values (%s, %s)"
        " on conflict (user_id) do update set can_receive_from = excluded.can_receive_from"
    )
    db.acting_as(bob).run(save, bob, "nobody")
    with refused("VG106"):
        db.acting_as(ann).send(direct, "x")
    db.acting_as(bob).run(save, bob, "help_connections")
    with refused("VG106"):
        db.acting_as(ann).send(direct, "x")
    db.acting_as(bob).send(direct, "I write first")
    db.acting_as(ann).send(direct, "now we are connected")
    assert db.acting_as(ann).rows("select * from public.messaging_preferences") == []
    with refused("42501"):
        db.acting_as(ann).run(save, bob, "anyone")


def test_presence_never_shows_a_conversation_the_viewer_is_not_in(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    with_bob, with_cid = db.conversation(ann, bob), db.conversation(ann, cid)
    show = "select public.update_user_presence(%s, 'online', %s, %s)"
    db.acting_as(ann).run(show, ann, with_cid, with_cid)
    assert db.acting_as(bob).rows("select * from public.user_presence") == []
    assert db.acting_as(cid).column(
        "select is_typing_in_conversation from public.user_presence"
    ) == [with_cid]
    db.acting_as(bob).run(show, bob, with_cid, with_cid)
    assert db.acting_as(bob).rows(
        "select current_conversation_id as c, is_typing_in_conversation as t from public.user_presence"
    ) == [{"c": None, "t": None}]
    with refused("42501"):
        db.acting_as(bob).run(show, ann, with_bob, with_bob)
    with refused("42501"):
        db.acting_as(bob).run("update public.user_presence set status = 'busy'")
    with refused("VG209"):
        db.acting_as(bob).run("select public.update_user_presence(%s, 'dancing')", bob)


def test_the_title_is_fixed_once_somebody_has_spoken(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    group = db.conversation(ann, bob, title="first")
    db.acting_as(ann).run("update public.conversations set title = 'second' where id = %s", group)
    assert (
        db.acting_as(bob).run(
            "update public.conversations set title = 'bob was here' where id = %s", group
        )
        == 0
    )
    db.acting_as(bob).send(group, "hi")
    with refused("VG110"):
        db.acting_as(ann).run(
            "update public.conversations set title = 'third' where id = %s", group
        )
    with refused("42501"):
        db.acting_as(ann).run(
            "update public.conversations set status = 'closed' where id = %s", group
        )
    with refused("VG110"):
        db.service().run("update public.conversations set status = 'closed' where id = %s", group)
    with refused("42501"):
        db.acting_as(ann).run("delete from public.conversations where id = %s", group)


def test_profiles_are_seen_by_people_who_share_a_conversation(db: Database) -> None:
    ann, bob, eve = db.member("ann"), db.member("bob"), db.member("eve")
    db.conversation(ann, bob)
    assert set(db.acting_as(ann).column("select id from public.profiles")) == {ann, bob}
    assert db.acting_as(eve).column("select id from public.profiles") == [eve]
    db.acting_as(ann).run("update public.profiles set location = 'Town' where id = %s", ann)
    assert (
        db.acting_as(eve).run("update public.profiles set location = 'x' where id = %s", ann) == 0
    )
    with refused("42501"):
        db.acting_as(ann).run("update public.profiles set anonymised_at = now()")
    with refused("VG110"):
        db.service().run("update public.profiles set id = gen_random_uuid() where id = %s", ann)


def test_a_deleted_account_sends_and_starts_nothing_though_its_token_lives(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    db.superuser().run("delete from auth.users where id = %s", ann)
    with refused("VG105"):
        db.acting_as(ann).send(conversation, "still here")
    with refused("VG112"):
        db.acting_as(ann).value("select public.start_conversation(%s)", [bob])
    with refused("VG105"):
        db.acting_as(ann).run("update public.profiles set name = 'back' where id = %s", ann)
    with refused("VG106"):
        db.acting_as(bob).value("select public.start_conversation(%s)", [ann])


def test_no_answer_tells_whether_a_member_exists(db: Database) -> None:
    """A stranger's id and an absent one: blocking, starting, adding and sending to them look the same."""
    ann, stranger, absent = db.member("ann"), db.member("stranger"), uuid.uuid4()
    nobody = (
        "insert into public.messaging_preferences (user_id, can_receive_from) values (%s, 'nobody')"
    )
    db.acting_as(stranger).run(nobody, stranger)
    member = db.acting_as(ann)
    group = db.conversation(ann, db.member("bob"), title="g")
    calls: dict[str, tuple[Any, ...]] = {
        "insert into public.user_blocks (blocker_id, blocked_id, kind) values (%s, %s, 'block')": (
            ann,
        ),
        "select public.start_conversation(array[%s]::uuid[])": (),
        "select public.add_participant(%s, %s)": (group,),
        "insert into public.conversation_participants (conversation_id, user_id) values (%s, %s)": (
            group,
        ),
        "select * from public.profiles where id = %s": (),
        "select public.get_unread_message_count(%s)": (),
    }
    for call, before in calls.items():
        answers = []
        for person in (stranger, absent):
            try:
                answers.append((member.run(call, *before, person), None, None))
            except psycopg.Error as error:
                answers.append((0, error.sqlstate, error.diag.message_primary))
        assert answers[0] == answers[1], call


def test_the_server_owns_every_column_of_a_conversation_but_the_title(db: Database) -> None:
    ann, bob, chosen = db.member("ann"), db.member("bob"), uuid.uuid4()
    with refused("VG101", "a stay needs a conversation of one's own"):
        db.acting_as(bob).run(
            "insert into public.conversation_participants (conversation_id, user_id) values (%s, %s)",
            chosen,
            bob,
        )
    db.service().run(
        "insert into public.conversations (id, created_by, status, created_at, last_message_at)"
        " values (%s, %s, 'closed', '2001-01-01', '2001-01-01')", chosen, ann,
    )  # fmt: skip
    row = db.owner().rows("select * from public.conversations")[0]
    assert row["id"] != chosen
    assert (row["status"], row["created_at"] == row["last_message_at"]) == ("active", True)
    assert row["created_at"].year > 2001
    for column, value in {
        "id": "gen_random_uuid()", "created_by": f"'{bob}'", "status": "'closed'", "kind": "'group'",
        "created_at": "'2001-01-01'", "last_message_at": "now() + interval '1 day'",
    }.items():  # fmt: skip
        with refused("VG110", column):
            db.owner().run(f"update public.conversations set {column} = {value}")


def test_a_stay_is_as_the_server_says(db: Database) -> None:
    ann, bob, chosen = db.member("ann"), db.member("bob"), uuid.uuid4()
    made = db.acting_as(ann).value("insert into public.conversations default values returning id")
    db.service().run(
        "insert into public.conversation_participants (id, conversation_id, user_id, joined_at, left_at, role)"
        " values (%s, %s, %s, '2001-01-01', '2002-01-01', 'moderator')", chosen, made, bob,
    )  # fmt: skip
    row = db.owner().rows("select * from public.conversation_participants")[0]
    assert (row["id"] == chosen, row["left_at"], row["role"]) == (False, None, "member")
    assert row["joined_at"].year > 2001


def test_only_a_groups_own_moderator_adds_and_removes_and_one_person_at_a_time(
    db: Database,
) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    direct, group = db.conversation(ann, bob), db.conversation(ann, bob, title="g")
    add = "select public.add_participant(%s, %s)"
    with refused("VG101", "a direct conversation stays one"):
        db.acting_as(ann).run(add, direct, cid)
    staff = db.acting_as(db.member("mia", "moderator"))
    restriction = staff.value("select public.restrict_member(%s, 'block', 'r')", cid)
    with refused("VG106", "who is blocked is not brought in"):
        db.acting_as(ann).run(add, group, cid)
    staff.value("select public.lift_restriction(%s, 'r')", restriction["restriction_id"])
    db.acting_as(ann).run(add, group, cid)
    with refused("VG101"):
        db.acting_as(cid).run("select public.remove_participant(%s, %s)", group, bob)
    db.acting_as(ann).run("select public.remove_participant(%s, %s)", group, cid)
    here = "select user_id from public.conversation_participants where conversation_id = %s and left_at is null"
    assert set(db.owner().column(here, group)) == {ann, bob}
    assert [(e["actor"], e["subject"]) for e in db.events("participant.left")] == [(ann, cid)]
    db.acting_as(ann).run("select public.leave_conversation(%s)", group)
    with refused("VG101", "a moderator who left"):
        db.acting_as(ann).run(add, group, cid)
    closing = db.conversation(ann, bob, title="closing")
    db.owner().run("alter table public.conversations disable trigger user")
    db.owner().run("update public.conversations set status = 'closed' where id = %s", closing)
    with refused("VG101", "closed"):
        db.acting_as(ann).run(add, closing, cid)


def test_who_left_knows_nothing_of_who_stays(db: Database) -> None:
    ann, bob, cid = db.member("ann"), db.member("bob"), db.member("cid")
    group = db.conversation(ann, bob, cid)
    for who in (ann, bob, cid):
        db.acting_as(who).run("select public.update_user_presence(%s, 'online')", who)
    db.acting_as(cid).run("select public.leave_conversation(%s)", group)
    for table, column in (("profiles", "id"), ("user_presence", "user_id")):
        assert db.acting_as(cid).column(f"select {column} from public.{table}") == [cid]
        assert set(db.acting_as(bob).column(f"select {column} from public.{table}")) == {ann, bob}
    with refused("VG209"):
        db.acting_as(ann).value("select public.start_conversation(%s)", [ann])


def test_a_notice_is_acknowledged_by_whom_it_is_for(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    staff = db.acting_as(db.member("mia", "moderator"))
    staff.value("select public.restrict_member(%s, 'warn', 'r')", ann)
    notice = db.acting_as(ann).value("select id from public.notices")
    with refused("VG205"):
        db.acting_as(bob).run("select public.acknowledge_notice(%s)", notice)
    db.acting_as(ann).run("select public.acknowledge_notice(%s)", notice)


def test_who_shows_no_typing_types_unseen(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    db.acting_as(ann).run(
        "insert into public.messaging_preferences (user_id, typing_indicators) values (%s, false)",
        ann,
    )
    db.acting_as(ann).run(
        "select public.update_user_presence(%s, 'online', null, %s)", ann, conversation
    )
    typing = "select is_typing_in_conversation from public.user_presence where user_id = %s"
    assert db.acting_as(bob).value(typing, ann) is None


def test_the_server_owns_what_a_profile_is(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    for assignment in ("anonymised_at = now()", "created_at = '2001-01-01'"):
        with refused("VG110", assignment):
            db.service().run(f"update public.profiles set {assignment} where id = %s", ann)
    with refused("VG108"):
        db.acting_as(ann).run("update public.profiles set name = repeat('x', 201)")
    db.superuser().run("delete from auth.users where id = %s", bob)
    with refused("VG105"):
        db.service().run("update public.profiles set name = 'x' where id = %s", bob)
    row = db.owner().rows(
        "select name, location, anonymised_at from public.profiles where id = %s", bob
    )[0]
    assert (row["name"], row["location"], row["anonymised_at"] is None) == (None, None, False)
    (event,) = db.events("account.deleted")
    assert event["subject"] == bob


def test_who_brought_whom_together_is_on_the_record(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    db.conversation(ann, bob)
    assert [(e["actor"], e["subject"]) for e in db.events("conversation.started")] == [(ann, ann)]
    added = {(e["actor"], e["subject"]) for e in db.events("participant.added")}
    assert added == {(ann, ann), (ann, bob)}


def test_a_token_without_a_member_sees_nothing_and_breaks_nothing(db: Database) -> None:
    db.conversation(db.member("ann"), db.member("bob"))
    session = db.acting_as(uuid.uuid4())
    session.claims = {"role": "authenticated", "sub": "a-service-of-the-app"}
    for table in ("messages", "conversations", "profiles", "notices"):
        assert session.rows(f"select * from public.{table}") == []
