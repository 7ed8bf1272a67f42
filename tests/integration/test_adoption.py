"""The migrations over an app that exists: no row lost, no old hole left."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.database import Database, Databases, migrate, refused

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
TABLES = (
    "profiles", "conversations", "conversation_participants", "messages", "message_reports",
    "messaging_preferences", "user_presence", "help_requests",
)  # fmt: skip


def person(n: int) -> uuid.UUID:
    return uuid.UUID(f"00000000-0000-4000-8000-{n:012}")


def conversation(n: int) -> uuid.UUID:
    return uuid.UUID(f"00000000-0000-4000-9000-{n:012}")


@pytest.fixture(scope="module")
def legacy(databases: Databases) -> str:
    """A template holding the app before adoption."""
    name = databases.template(
        "template_legacy", [(FIXTURES / "legacy.sql").read_text()], migrated=False
    )
    with psycopg.connect(databases.cluster.dsn(role="supabase_admin", dbname=name)) as conn:
        conn.execute((FIXTURES / "legacy_rows.sql").read_text())
    return name


@pytest.fixture
def before(databases: Databases, legacy: str) -> Iterator[Database]:
    database = databases.clone(legacy)
    yield database
    databases.drop(database)


@pytest.fixture
def adopted(before: Database) -> Database:
    migrate(before.dsn())
    return before


def test_no_row_is_lost(before: Database) -> None:
    owner = before.superuser()
    counts = {t: owner.value(f"select count(*) from public.{t}") for t in TABLES}
    contents = set(owner.column("select id::text || content from public.messages"))
    migrate(before.dsn())
    assert {t: owner.value(f"select count(*) from public.{t}") for t in TABLES} == counts
    assert set(owner.column("select id::text || content from public.messages")) == contents
    assert owner.value("select count(*) from vigil.restrictions") == 7
    # Moved out of members' sight, not lost.
    moved = owner.column("select name from vigil.legacy_values where kind = 'value'")
    assert {"flagged_reason", "reviewed_by", "created_by", "reason", "is_admin"} <= set(moved)


def test_the_old_holes_are_closed(adopted: Database) -> None:
    inside, outside = adopted.acting_as(person(1)), adopted.acting_as(person(2))
    first = conversation(1)
    assert len(inside.sees(first)) == 20
    assert outside.sees(first) == []
    for table in TABLES[:-1]:
        with refused("42501", f"anon reads {table}"):
            adopted.anonymous().rows(f"select * from public.{table}")
    assert outside.column("select id from public.conversations where id = %s", first) == []
    assert (
        outside.rows(
            "select * from public.conversation_participants where conversation_id = %s", first
        )
        == []
    )
    assert set(outside.column("select id from public.profiles")) == {person(2), person(22)}
    with refused("42501"):
        outside.run(
            "insert into public.conversation_participants (conversation_id, user_id, role, left_at) values (%s, %s, 'member', null)",
            first,
            person(2),
        )
    with refused("VG101"):
        outside.run(
            "insert into public.conversation_participants (conversation_id, user_id) values (%s, %s)",
            first,
            person(2),
        )
    with refused("42501"):
        outside.run("delete from public.messages")
    with refused("42501"):
        outside.run("update public.profiles set is_admin = true")
    with refused("VG201", "is_admin of the app is ignored"):
        inside.rows("select * from public.list_restrictions()")


def test_old_functions_trust_no_id_any_more(adopted: Database) -> None:
    for call in (
        "select public.mark_messages_read(%s, %s)", "select public.can_user_send_message(%s, %s)",
    ):  # fmt: skip
        with refused("42501"):
            adopted.acting_as(person(2)).run(call, person(1), conversation(1))
    with refused("42501"):
        adopted.acting_as(person(2)).run("select public.get_unread_message_count(%s)", person(1))
    left = adopted.owner().column(
        "select proname::text from pg_proc where pronamespace = 'public'::regnamespace and prosecdef"
    )
    assert left == ["is_admin"], "only the app's own definer, which vigil db status reports"
    assert (
        adopted.owner().value("select count(*) from vigil.legacy_values where kind = 'function'")
        == 3
    )


def test_what_depended_on_old_functions_is_back(adopted: Database) -> None:
    mine = adopted.acting_as(person(3))
    assert mine.column("select title from public.help_requests") == ["Help 3"]
    assert adopted.owner().column(
        "select polname from pg_policy where polrelid = 'public.help_requests'::regclass"
    )
    assert (
        adopted.owner().value(
            "select count(*) from pg_class where relname = 'my_unread' and relkind = 'v'"
        )
        == 1
    )


def test_findings_name_what_cannot_be_narrowed(adopted: Database) -> None:
    findings = {r["check_name"]: r for r in adopted.owner().rows("select * from vigil.inspect()")}
    assert "latest_messages" in findings["no view skips the policies"]["detail"]
    assert "is_admin" in findings["no definer of the app reads guarded tables"]["detail"]
    assert not findings["no view skips the policies"]["ok"]
    assert findings["old row contents are not published"]["ok"]
    assert findings["nothing private is published"]["ok"]
    assert findings["guards fire last"]["ok"]


def test_deleting_an_account_deletes_no_record(adopted: Database) -> None:
    owner = adopted.superuser()
    counts = {
        t: owner.value(f"select count(*) from public.{t}") for t in TABLES if t != "user_presence"
    }
    restrictions = owner.value("select count(*) from vigil.restrictions")
    owner.run("delete from auth.users where id = any(%s)", [person(n) for n in (1, 21, 30, 31)])
    assert {t: owner.value(f"select count(*) from public.{t}") for t in counts} == counts
    assert owner.value("select count(*) from vigil.restrictions") == restrictions
    row = owner.rows(
        "select name, location, anonymised_at from public.profiles where id = %s", person(1)
    )[0]
    assert (row["name"], row["location"], row["anonymised_at"] is None) == (None, None, False)
    assert len(adopted.events("account.deleted")) == 4
    with refused("VG105", "a token may outlive its account"):
        adopted.acting_as(person(1)).send(conversation(1), "still here?")


def test_old_restrictions_bind_and_a_shadow_ban_is_no_row_members_read(adopted: Database) -> None:
    told = {
        n: adopted.acting_as(person(n)).rows("select * from public.user_restrictions")
        for n in range(30, 37)
    }
    assert [n for n, rows in told.items() if not rows] == [32, 35]
    assert all(
        row["created_by"] is None and row["reason"] is None
        for rows in told.values()
        for row in rows
    )
    with refused("VG103"):
        adopted.acting_as(person(30)).send(conversation(10), "muted")
    with refused("VG105"):
        adopted.acting_as(person(31)).send(conversation(11), "blocked")
    adopted.acting_as(person(32)).send(conversation(12), "shadowed")
    assert "shadowed" in adopted.acting_as(person(32)).sees(conversation(12))
    assert "shadowed" not in adopted.acting_as(person(12)).sees(conversation(12))


def test_a_legacy_client_reports_with_its_old_column(adopted: Database) -> None:
    seen = adopted.acting_as(person(22)).value(
        "select id from public.messages where content = 'message 4 of Help 2'"
    )
    adopted.acting_as(person(22)).run(
        "insert into public.message_reports (message_id, reported_by, reason) values (%s, %s, 'rude')",
        seen,
        person(22),
    )
    assert adopted.acting_as(person(22)).column(
        "select report_reason from public.message_reports where message_id = %s", seen
    ) == ["rude"]


def test_a_trigger_of_the_app_that_sorts_last_is_reported(adopted: Database) -> None:
    owner = adopted.owner()
    owner.run("create function public.approve_all() returns trigger language plpgsql as"
              " $$begin new.moderation_status := 'approved'; return new; end$$")  # fmt: skip
    owner.run(
        "create trigger zzzz_approve before insert on public.messages for each row execute function public.approve_all()"
    )
    finding = {r["check_name"]: r for r in owner.rows("select * from vigil.inspect()")}[
        "guards fire last"
    ]
    assert not finding["ok"]
    assert "zzzz_approve" in finding["detail"]


def test_a_policy_an_app_adds_next_year_widens_nothing(adopted: Database) -> None:
    owner = adopted.owner()
    for table in TABLES[:-1]:
        owner.run(
            f"create policy wide on public.{table} for all to anon, authenticated using (true) with check (true)"
        )
        owner.run(f"grant all on public.{table} to anon, authenticated")
    stranger = adopted.acting_as(person(2))
    assert stranger.sees(conversation(1)) == []
    assert adopted.anonymous().rows("select * from public.messages") == []
    assert adopted.anonymous().rows("select * from public.profiles") == []
    with refused("VG110"):
        adopted.acting_as(person(1)).run(
            "update public.messages set moderation_status = 'approved', content = 'x' where sender_id = %s",
            person(1),
        )
    assert (
        stranger.run(
            "update public.messages set content = 'x' where conversation_id = %s", conversation(1)
        )
        == 0
    )
    assert stranger.run("delete from public.messages") == 0


def test_a_publication_for_all_tables_is_refused_with_what_to_do(before: Database) -> None:
    before.superuser().run("drop publication supabase_realtime")
    before.superuser().run("create publication supabase_realtime for all tables")
    with pytest.raises(psycopg.Error) as caught:
        migrate(before.dsn())
    assert caught.value.sqlstate == "VG302"
    assert "drop publication" in (caught.value.diag.message_hint or "")
    assert before.owner().value("select count(*) from pg_namespace where nspname = 'vigil'") == 0
