"""What the catalogue of a migrated database offers to break: a new guard is sabotaged without being listed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.support.database import Database, Session
from tests.support.sabotages import ALL, REDUNDANT, Redundant, Sabotage

WIDE = f"{ALL}/test_wide_open.py"
PRIVILEGES = f"{ALL}/test_privileges.py"
CATALOGUE = f"{ALL}/test_catalogue.py"
CONSTRAINTS = f"{ALL}/test_constraints.py"
_OURS = "('public'::regnamespace, 'vigil'::regnamespace)"
_VERBS = {"r": "select", "a": "insert", "w": "update", "d": "delete", "*": "all"}


def offered(db: Database) -> Iterator[Sabotage | Redundant]:
    """Every sabotage that the schema offers, and what would change nothing, with the reason."""
    owner = db.owner()
    for found in (
        *_policies(owner), *_triggers(owner), *_constraints(owner), *_tables(owner), *_functions(owner),
    ):  # fmt: skip
        reason = REDUNDANT.get(found.name)
        yield found if reason is None else Redundant(found.name, reason)


def without_each_operand(expression: str) -> Iterator[tuple[str, str]]:
    """Each operand of AND and OR in a deparsed expression, and the expression as if it were not there."""
    levels: list[list[Any]] = [
        [0, []]
    ]  # where a parenthesis opened, and the connectives directly inside
    spans: list[tuple[int, int, str]] = []
    quoted = False
    for at, sign in enumerate(expression):
        if sign == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif sign == "(":
            levels.append([at + 1, []])
        elif sign == ")":
            begin, cuts = levels.pop()
            edges = [begin, *(edge for cut in cuts for edge in cut[:2]), at]
            if cuts:
                spans += [(a, b, cuts[0][2]) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        elif match := re.match(r" (AND|OR) ", expression[at:]):
            levels[-1][1].append((at, at + match.end(), match[1]))
    for begin, end, connective in sorted(spans):
        neutral = "true" if connective == "AND" else "false"
        yield expression[begin:end], expression[:begin] + neutral + expression[end:]


def _policies(owner: Session) -> Iterator[Sabotage | Redundant]:
    policies = owner.rows(
        "select p.polname::text as name, p.polrelid::regclass::text as relation, p.polcmd::text as verb,"
        " p.polpermissive as permissive, pg_get_expr(p.polqual, p.polrelid) as qual,"
        " pg_get_expr(p.polwithcheck, p.polrelid) as checked"
        " from pg_policy p where p.polname like 'vigil\\_%%' order by 2, 1"
    )
    for p in policies:
        yield Sabotage(
            f"drop policy {p['name']}",
            f"drop policy {p['name']} on {p['relation']}",
            WIDE,
            p["relation"],
        )
        alter = f"alter policy {p['name']} on {p['relation']}"
        for clause, text in (("using", p["qual"]), ("with check", p["checked"])):
            if text is None:
                continue
            if p["permissive"] and text != "true":
                name = f"weaken policy {p['name']} {clause}"
                if _restricted_alike(policies, p, clause):
                    yield Redundant(name, "a restrictive guard of the same verb says the same")
                else:
                    yield Sabotage(name, f"{alter} {clause} (true)", WIDE, p["relation"])
            if not p["permissive"]:
                seen: list[str] = []
                for operand, rest in without_each_operand(f"({text})"):
                    name = f"policy {p['name']} {clause} without {' '.join(operand.split())}"
                    seen.append(name)
                    if seen.count(name) > 1:
                        name += f" ({seen.count(name)})"
                    yield Sabotage(name, f"{alter} {clause} {rest}", WIDE, p["relation"])


def _restricted_alike(
    policies: list[dict[str, Any]], permissive: dict[str, Any], clause: str
) -> bool:
    key = "qual" if clause == "using" else "checked"
    return any(
        guard[key] in (permissive[key], "false")
        for guard in policies
        if not guard["permissive"]
        and guard["relation"] == permissive["relation"]
        and guard["verb"] in (permissive["verb"], "*")
    )


# Where a trigger's absence shows first; the others show in test_wide_open.
_SHOWS_IN = {
    "note_stay": "test_members", "note_participants": "test_shadow_ban", "guard_participant": "test_members",
    "keep_participant": "test_members", "guard_conversation": "test_restrictions",
    "guard_conversation_update": "test_members", "note_report": "test_decisions", "guard_report": "test_decisions",
    "guard_report_update": "test_decisions", "announce_messages": "test_sending", "forget_send": "test_sending",
    "refuse_foreign_sender": "test_sending", "guard_message_update": "test_sending", "guard_send": "test_sending",
    "guard_preferences": "test_messaging", "note_profile": "test_audit_log", "guard_profile": "test_members",
    "guard_user_restriction": "test_restrictions", "refuse_members": "test_restrictions",
    "note_settings": "test_audit_log", "keep_all_events": "test_audit_log", "keep_events": "test_audit_log",
    "note_account": "test_adoption",
}  # fmt: skip


def _triggers(owner: Session) -> Iterator[Sabotage | Redundant]:
    for t in owner.rows(
        "select t.tgname::text as name, t.tgrelid::regclass::text as relation, pg_get_triggerdef(t.oid) as text"
        " from pg_trigger t where t.tgname ~ '^(zzz_)?vigil_' and t.tgparentid = 0 order by 2, 1"
    ):
        on = f"{t['name']} on {t['relation']}"
        shows = _SHOWS_IN.get(t["name"].split("_vigil_")[-1].removeprefix("vigil_")[4:])
        first = f"{ALL}/{shows}.py" if shows else WIDE
        yield Sabotage(
            f"disable trigger {on}",
            f"alter table {t['relation']} disable trigger {t['name']}",
            first,
            t["relation"],
        )
        before, when, after = t["text"].partition(" WHEN ")
        condition, _, call = after.rpartition(" EXECUTE ")
        for operand, rest in without_each_operand(condition):
            yield Sabotage(
                f"trigger {on} without {' '.join(operand.split())}",
                f"{before.replace('CREATE', 'CREATE OR REPLACE', 1)}{when}{rest} EXECUTE {call}",
                first,
                t["relation"],
            )


def _constraints(owner: Session) -> Iterator[Sabotage | Redundant]:
    for c in owner.rows(
        "select c.conname::text as name, c.conrelid::regclass::text as relation, c.contype::text as kind"
        f" from pg_constraint c where c.connamespace in {_OURS} and c.contype in ('c', 'f', 'u', 'p')"
        # Keys that the database itself makes up guard nothing: nobody chooses them.
        " and not (c.contype = 'p' and exists ("
        "   select from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum"
        "   where a.attrelid = c.conrelid and array[a.attnum] = c.conkey"
        "     and (a.attidentity <> '' or pg_get_expr(d.adbin, d.adrelid) like '%%gen_random_uuid()')))"
        " order by 2, 1"
    ):
        # Without its index, a statement with ON CONFLICT fails at once, which notices too.
        sql = f"alter table {c['relation']} drop constraint {c['name']} cascade"
        yield Sabotage(f"drop constraint {c['name']} on {c['relation']}", sql, CONSTRAINTS)
    for i in owner.rows(
        "select i.indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indrelid"
        f" where c.relnamespace in {_OURS} and i.indisunique"
        " and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u'))"
        " order by 1"
    ):
        yield Sabotage(f"drop unique index {i['name']}", f"drop index {i['name']}", CONSTRAINTS)
    for a in owner.rows(
        "select a.attrelid::regclass::text as relation, a.attname::text as name"
        " from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind = 'r'"
        f" where c.relnamespace in {_OURS} and a.attnum > 0 and a.attnotnull and not a.attisdropped"
        " and a.attidentity = '' and not exists (select from pg_constraint k where k.conrelid = a.attrelid"
        "   and k.contype = 'p' and a.attnum = any (k.conkey)) order by 1, 2"
    ):
        yield Sabotage(
            f"allow null {a['relation']}.{a['name']}",
            f"alter table {a['relation']} alter column {a['name']} drop not null",
            CONSTRAINTS,
        )


def _tables(owner: Session) -> Iterator[Sabotage | Redundant]:
    for schema_role in ("anon", "authenticated", "service_role", "vigil_doorbell"):
        yield Sabotage(
            f"grant usage on vigil to {schema_role}",
            f"grant usage on schema vigil to {schema_role}",
            CATALOGUE,
        )
    for t in owner.rows(
        "select c.oid::regclass::text as name, c.relnamespace::regnamespace::text as schema from pg_class c"
        f" where c.relnamespace in {_OURS} and c.relkind = 'r' order by 1"
    ):
        name = f"{t['schema']}.{t['name'].rpartition('.')[2]}"
        off = f"disable row level security of {name}"
        if t["schema"] == "vigil":
            yield Redundant(off, "no role but the owner holds any privilege on it")
        else:
            yield Sabotage(off, f"alter table {name} disable row level security", WIDE)
        wanted = [("select", "anon"), ("select", "authenticated")]
        if t["schema"] == "public":
            wanted += [
                (verb, role)
                for role in ("authenticated", "service_role")
                for verb in ("insert", "update", "delete")
            ]
        for verb, role in wanted:
            held = "select has_table_privilege(%s, %s, %s)"
            if not owner.value(held, role, name, verb):
                yield Sabotage(
                    f"grant {verb} on {name} to {role}",
                    f"grant {verb} on {name} to {role}",
                    PRIVILEGES,
                )


def _functions(owner: Session) -> Iterator[Sabotage | Redundant]:
    for f in owner.rows(
        "select p.oid::regprocedure::text as name, n.nspname::text as schema,"
        " has_function_privilege('anon', p.oid, 'execute') as anon,"
        " has_function_privilege('authenticated', p.oid, 'execute') as authenticated"
        " from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        f" where p.pronamespace in {_OURS} and (p.prosecdef or n.nspname = 'public')"
        " and p.prorettype <> 'trigger'::regtype order by n.nspname, 1"
    ):
        name = f"{f['schema']}.{f['name'].rpartition(f['schema'] + '.')[2]}"
        for role in ("anon", "authenticated"):
            # Without USAGE on the schema, which is a guard of its own.
            if not f[role]:
                yield Sabotage(
                    f"grant execute on {name} to {role}",
                    f"grant execute on function {name} to {role}",
                    PRIVILEGES,
                )
        if f["schema"] == "public":
            yield Sabotage(
                f"security definer {name}", f"alter function {name} security definer", CATALOGUE
            )
