"""What each API role may do at all, before any policy is asked."""

from __future__ import annotations

from tests.support.database import Database, refused

API_ROLES = ("anon", "authenticated", "service_role", "vigil_doorbell", "vigil_worker")
# On whole tables; what is granted on single columns is judged where members write.
HELD = {
    "authenticated": {
        "select": "conversation_participants conversations message_receipts message_reports message_tombstones messages messaging_preferences"
        " notices profiles user_blocks user_presence user_restrictions",
        "insert": "messaging_preferences",
        "update": "messaging_preferences",
        "delete": "user_blocks",
    },
    "service_role": {
        "select": "conversation_participants conversations message_receipts message_reports message_tombstones messages messaging_preferences"
        " notices profiles user_blocks user_presence user_restrictions",
        "insert": "conversation_participants conversations message_reports messages messaging_preferences profiles user_restrictions",
        "update": "conversations messages messaging_preferences profiles",
    },
}  # fmt: skip


def test_each_role_holds_the_verbs_its_clients_need_and_no_more(db: Database) -> None:
    held = {
        (row["role"], row["verb"], row["name"])
        for row in db.owner().rows(
            "select r.rolname::text as role, v.verb, c.oid::regclass::text as name"
            " from pg_class c, pg_roles r, unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'trigger']) v (verb)"
            " where c.relnamespace in ('public'::regnamespace, 'vigil'::regnamespace) and c.relkind in ('r', 'v', 'm')"
            " and r.rolname = any (%s) and has_table_privilege(r.oid, c.oid, v.verb)",
            list(API_ROLES),
        )
    }
    assert held == {
        (role, verb, table)
        for role, verbs in HELD.items()
        for verb, tables in verbs.items()
        for table in tables.split()
    }


def test_a_role_may_execute_what_a_policy_or_a_public_function_calls_and_nothing_else(
    db: Database,
) -> None:
    owner = db.owner()
    called = (
        "select distinct f.oid::regprocedure::text from pg_depend d join pg_proc f on f.oid = d.refobjid"
        " and d.refclassid = 'pg_proc'::regclass and f.pronamespace = 'vigil'::regnamespace"
        " where d.classid = %s::regclass and not exists (select from pg_proc own where own.oid = d.objid"
        " and d.classid = 'pg_proc'::regclass and own.pronamespace <> 'public'::regnamespace)"
    )
    by_policies = set(owner.column(called, "pg_policy"))
    by_members = by_policies | set(owner.column(called, "pg_proc"))
    assert len(by_members) > len(by_policies) > 10
    for role, needed in (
        ("anon", by_policies),
        ("service_role", by_policies | {"vigil.notification_targets(uuid)"}),
        ("authenticated", by_members - {"vigil.notification_targets(uuid)"}),
    ):
        may = owner.column(
            "select p.oid::regprocedure::text from pg_proc p where p.pronamespace = 'vigil'::regnamespace"
            " and p.proname <> 'is_acting' and has_function_privilege(%s, p.oid, 'execute')",
            role,
        )
        assert set(may) == needed, role


def test_nobody_but_the_owner_acts_as_the_server(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    sent = db.acting_as(ann).send(db.conversation(ann, bob), "x")
    hide = "update public.messages set moderation_status = 'hidden' where id = %s"
    with refused("VG110"), db.service().transaction() as conn:
        conn.execute("select set_config('vigil.acting', 'on', true)")
        conn.execute(hide, [sent])
