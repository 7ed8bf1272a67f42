"""An app that grants everything and allows everything widens nothing: what each guard refuses by itself."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from tests.support.database import Database, Databases, Session, refused

TABLES = (
    "profiles", "conversations", "conversation_participants", "messages", "message_reports", "user_restrictions",
    "messaging_preferences", "user_presence", "user_blocks", "message_tombstones", "notices",
)  # fmt: skip
KEPT = (
    "public.profiles", "public.conversations", "public.conversation_participants", "public.messages",
    "public.message_reports", "public.user_restrictions", "public.message_tombstones", "public.notices",
    "vigil.restrictions",
)  # fmt: skip


@dataclass
class World:
    db: Database
    ann: uuid.UUID
    bob: uuid.UUID
    conversation: uuid.UUID
    eve: uuid.UUID
    stranger: Session


@pytest.fixture(scope="module")
def world(databases: Databases) -> Iterator[World]:
    """Rows in every table, then everything granted and allowed to the API roles."""
    db = databases.clone(databases.template("template_vigil"))
    ann, bob, eve = db.member("ann"), db.member("bob"), db.member("eve")
    staff = db.acting_as(db.member("mia", "moderator"))
    conversation = db.conversation(ann, bob)
    sent = db.acting_as(ann).send(conversation, "hello")
    db.acting_as(bob).run(
        "insert into public.message_reports (message_id, report_reason) values (%s, 'x')", sent
    )
    hidden = db.acting_as(ann).send(conversation, "hidden")
    staff.value("select public.decide_message(%s, 'hide', 'r')", hidden)
    staff.value("select public.restrict_member(%s, 'warn', 'r')", ann)
    for who, other in ((ann, bob), (bob, ann)):
        db.acting_as(who).run("insert into public.messaging_preferences (user_id) values (%s)", who)
        db.acting_as(who).run("select public.update_user_presence(%s, 'online')", who)
        db.acting_as(who).run(
            "insert into public.user_blocks (blocker_id, blocked_id, kind) values (%s, %s, 'mute')",
            who,
            other,
        )
    owner = db.owner()
    for table in TABLES:
        assert owner.value(f"select count(*) from public.{table}") > 0
        owner.run(f"grant all on public.{table} to anon, authenticated")
        owner.run(
            f"create policy wide on public.{table} for all to public using (true) with check (true)"
        )
    yield World(db, ann, bob, conversation, eve, db.acting_as(eve))
    databases.drop(db)


@pytest.mark.parametrize("table", TABLES)
def test_strangers_read_change_and_delete_nothing(world: World, table: str) -> None:
    own = 1 if table == "profiles" else 0
    anonymous = world.db.anonymous()
    assert len(world.stranger.rows(f"select * from public.{table}")) == own
    assert anonymous.rows(f"select * from public.{table}") == []
    column = world.db.owner().value(
        "select attname::text from pg_attribute where attrelid = %s::regclass and attnum > 0 order by attnum limit 1",
        f"public.{table}",
    )
    for who in (world.stranger, anonymous):
        assert (
            who.run(
                f"update public.{table} set {column} = {column} where not ({column} = '{world.eve}')"
            )
            == 0
        )
        assert who.run(f"delete from public.{table} where not ({column} = '{world.eve}')") == 0


INSERTS = {
    "conversations": "insert into public.conversations (created_by) values ('{ann}')",
    "profiles": "insert into public.profiles (id, name) values (gen_random_uuid(), 'x')",
    "user_restrictions": "insert into public.user_restrictions (user_id, restriction_type) values ('{bob}', 'mute')",
    "messaging_preferences": "insert into public.messaging_preferences (user_id) values ('{ann}') on conflict do nothing",
    "user_presence": "insert into public.user_presence (user_id) values ('{eve}')",
    "user_blocks": "insert into public.user_blocks (blocker_id, blocked_id, kind) values ('{ann}', '{bob}', 'block')",
    "message_tombstones": "insert into public.message_tombstones (message_id, conversation_id, sender_id, message_created_at, kind)"
    " values (gen_random_uuid(), '{conversation}', '{ann}', now(), 'removed')",
    "notices": "insert into public.notices (user_id, kind, body) values ('{eve}', 'x', 'forged')",
    "messages": "insert into public.messages (conversation_id, sender_id, content) values ('{conversation}', '{ann}', 'forged')",
}  # fmt: skip


@pytest.mark.parametrize("table", INSERTS)
def test_nobody_inserts_for_another_or_into_the_servers_tables(world: World, table: str) -> None:
    statement = INSERTS[table].format(
        ann=world.ann, bob=world.bob, eve=world.eve, conversation=world.conversation
    )
    before = world.db.owner().value(f"select count(*) from public.{table}")
    for who in (world.stranger, world.db.anonymous()):
        with pytest.raises(psycopg.Error) as caught:
            who.run(statement)
        assert caught.value.sqlstate in ("42501", "VG101"), caught.value
    assert world.db.owner().value(f"select count(*) from public.{table}") == before


def test_one_does_not_rewrite_what_the_server_says_about_oneself(world: World) -> None:
    ann = world.db.acting_as(world.ann)
    for statement in (
        "update public.user_restrictions set expires_at = now()",
        "update public.notices set acknowledged_at = now()",
        "update public.user_presence set status = 'busy'",
        "update public.conversation_participants set role = 'moderator'",
        "update public.message_tombstones set kind = 'deleted'",
        "delete from public.user_presence",
        "delete from public.messages",
        "delete from public.notices",
        "update public.message_reports set status = 'resolved'",
    ):
        try:
            changed = ann.run(statement)
        except psycopg.Error as error:
            assert error.sqlstate in ("42501", "VG402"), statement  # noqa: PT017
        else:
            assert changed == 0, statement


def test_bob_changes_no_title_while_silenced_and_no_foreign_profile(world: World) -> None:
    bob = world.db.acting_as(world.bob)
    assert bob.run("update public.profiles set name = 'x' where id = %s", world.ann) == 0
    group = world.db.conversation(world.ann, world.bob, title="group")
    assert bob.run("update public.conversations set title = 'by bob' where id = %s", group) == 1, (
        "the app allows it"
    )
    staff = world.db.acting_as(world.db.member("moe", "moderator"))
    staff.value("select public.restrict_member(%s, 'mute', 'r')", world.bob)
    assert (
        bob.run("update public.conversations set title = 'while muted' where id = %s", group) == 0
    )
    assert (
        world.stranger.run("update public.conversations set title = 'x' where id = %s", group) == 0
    )


@pytest.mark.parametrize("table", KEPT)
def test_the_owner_deletes_and_truncates_no_record(world: World, table: str) -> None:
    owner = world.db.owner()
    before = owner.value(f"select count(*) from {table}")
    assert before > 0
    with refused("VG402"):
        owner.run(f"delete from {table}")
    with pytest.raises(psycopg.Error) as caught:
        owner.run(f"truncate {table}")
    assert caught.value.sqlstate in ("VG402", "0A000"), "0A000: a foreign key refuses even earlier"
    with refused("VG402"):
        owner.run(f"truncate {table} cascade")
    assert owner.value(f"select count(*) from {table}") == before


def test_every_profile_has_its_pseudonym_from_the_start(world: World) -> None:
    missing = "select p.id from public.profiles p left join vigil.subjects s on s.user_id = p.id where s.user_id is null"
    world.db.member("new")
    assert world.db.owner().rows(missing) == []


def test_private_topics_stay_private_whatever_the_app_allows(world: World) -> None:
    """Realtime asks with probe rows: it inserts them, then selects as the role with the topic set."""
    owner = world.db.owner()
    owner.run(
        "create policy wide on realtime.messages for all to public using (true) with check (true)"
    )
    superuser = world.db.superuser()

    def rights(member: uuid.UUID, topic: str) -> tuple[bool, bool]:
        superuser.run(
            "insert into realtime.messages (topic, extension) values (%s, 'broadcast')", topic
        )
        session = world.db.acting_as(member)
        with session.transaction() as conn:
            conn.execute("select set_config('realtime.topic', %s, true)", [topic])
            read = bool(
                conn.execute("select 1 from realtime.messages where topic = %s", [topic]).fetchall()
            )
        try:
            with session.transaction() as conn:
                conn.execute("select set_config('realtime.topic', %s, true)", [topic])
                conn.execute(
                    "insert into realtime.messages (topic, extension) values (%s, 'broadcast')",
                    [topic],
                )
        except psycopg.errors.InsufficientPrivilege:
            return read, False
        return read, True

    assert rights(world.ann, f"user:{world.ann}") == (True, False)
    assert rights(world.eve, f"user:{world.ann}") == (False, False)
    assert rights(world.eve, "vigil:doorbell") == (False, False)
    assert rights(world.eve, "room:1") == (True, True), "the app's own topics are the app's"
