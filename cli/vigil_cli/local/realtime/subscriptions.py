"""Subscriptions to table changes: checked against the catalogue once, then kept in memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import psycopg
from psycopg import sql

from vigil_cli.local.realtime.auth import Access
from vigil_cli.local.realtime.bindings import Wanted
from vigil_cli.local.realtime.catalog import Table, TableColumn, load_tables, published_tables
from vigil_cli.local.realtime.database import Connection
from vigil_cli.local.realtime.filters import (
    IS_VALUES,
    MAX_IN_VALUES,
    OPERATORS,
    PATTERN_OPERATORS,
    Filter,
)

_EXACT_TYPES = frozenset({20, 21, 23, 25, 1043, 2950})


class NotSubscribableError(Exception):
    """The database refuses the subscription; trying again without a change is of no use."""


class Subscriber(Protocol):
    """The channel that receives changes."""

    def push_change(self, ids: Sequence[int], kind: str, data_json: str) -> None:
        """Send one change to the client."""
        ...


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter checked against its column. `equals` holds the texts that satisfy a plain one."""

    column: str
    query: str
    operand: str
    negated: bool
    nullness: bool
    judges_null: bool
    equals: frozenset[str] | None

    def decide(self, value: str | None) -> bool | None:
        """The outcome if it is known without the database."""
        if self.nullness:
            return (value is None) is not self.negated
        if value is None and not self.judges_null:
            return False
        if self.equals is None or value is None:
            return None
        return (value in self.equals) is not self.negated


@dataclass(frozen=True, slots=True, eq=False)
class Subscription:
    """One binding of one channel on one table."""

    subscriber: Subscriber
    binding_id: int
    oid: int
    event: str
    conditions: tuple[Condition, ...]
    selected: frozenset[str] | None
    access: Access

    def wants(self, kind: str) -> bool:
        """Whether changes of that kind were asked for."""
        return self.event in ("*", kind)


class Registry:
    """Every live subscription, by table."""

    def __init__(self) -> None:
        self._by_table: dict[int, list[Subscription]] = {}
        self._by_subscriber: dict[Subscriber, list[Subscription]] = {}

    def on(self, oid: int) -> Sequence[Subscription]:
        """The subscriptions on one table."""
        return self._by_table.get(oid, ())

    def replace(self, subscriber: Subscriber, subscriptions: Iterable[Subscription]) -> None:
        """Make these the subscriber's only subscriptions, with no moment in between."""
        self.remove(subscriber)
        kept = list(subscriptions)
        if kept:
            self._by_subscriber[subscriber] = kept
        for subscription in kept:
            self._by_table.setdefault(subscription.oid, []).append(subscription)

    def remove(self, subscriber: Subscriber) -> None:
        """Forget the subscriber."""
        for oid in {s.oid for s in self._by_subscriber.pop(subscriber, [])}:
            left = [s for s in self._by_table[oid] if s.subscriber is not subscriber]
            if left:
                self._by_table[oid] = left
            else:
                del self._by_table[oid]


async def prepare(
    conn: Connection,
    publication: str,
    subscriber: Subscriber,
    wanted: Sequence[tuple[int, Wanted]],
    access: Access,
) -> list[Subscription]:
    """Check all bindings in the database; raises NotSubscribableError with the server's text."""
    published = await published_tables(conn, publication)
    tables = await load_tables(conn, [table.oid for table in published], [access.role])
    prepared = []
    for binding_id, want in wanted:
        chosen = [
            tables[entry.oid]
            for entry in published
            if want.schema in (None, entry.schema)
            and want.table in (None, entry.name)
            and entry.oid in tables
        ]
        if not chosen:
            raise NotSubscribableError(
                "Unable to subscribe to changes with given parameters. Please check Realtime is "
                f"enabled for the given connect parameters: {want.describe()}"
            )
        for table in chosen:
            try:
                conditions = [await _condition(conn, table, f, access.role) for f in want.filters]
                _check_selected(table, want.select, access.role)
                await conn.execute("select %s::regrole", [sql_identifier(access.role)])
            except (psycopg.DatabaseError, UnicodeError) as exc:
                if isinstance(exc, psycopg.OperationalError):
                    raise
                raise NotSubscribableError(_failure(want, exc)) from exc
            selected = frozenset(want.select) if want.select else None
            prepared.append(
                Subscription(
                    subscriber,
                    binding_id,
                    table.oid,
                    want.event,
                    tuple(conditions),
                    selected,
                    access,
                )
            )
    return prepared


def sql_identifier(name: str) -> str:
    """The name as `::regrole` wants it."""
    return sql.Identifier(name).as_string(None)


async def _condition(conn: Connection, table: Table, wanted: Filter, role: str) -> Condition:
    column = table.column(wanted.column)
    if column is None or role not in column.roles:
        raise psycopg.errors.RaiseException(f"invalid column for filter {wanted.column}")
    if wanted.operator == "in" and len(wanted.values) > MAX_IN_VALUES:
        raise psycopg.errors.RaiseException(
            f"too many values for `in` filter. Maximum {MAX_IN_VALUES}"
        )
    if wanted.operator == "is" and wanted.value not in IS_VALUES:
        raise psycopg.errors.RaiseException(f"invalid value for `is` filter {wanted.value}")
    if wanted.operator in PATTERN_OPERATORS and not column.textual:
        raise psycopg.errors.RaiseException(
            f"operator {wanted.operator} needs a text column, {wanted.column} is not one"
        )
    query = _query(wanted, column)
    # Asking once with an absent value finds operands the type, or the pattern syntax, refuses.
    probe = query.replace("%", "%%").replace("($1)", "(%(args)s::text[])")
    left = "" if wanted.operator in PATTERN_OPERATORS else None
    await conn.execute(probe.encode(), {"args": [left, wanted.value]})
    return Condition(
        column=wanted.column,
        query=query,
        operand=wanted.value,
        negated=wanted.negated,
        nullness=wanted.operator == "is" and wanted.value in ("null", "unknown"),
        judges_null=wanted.operator in ("is", "isdistinct"),
        equals=await _exact_values(conn, wanted, column),
    )


def _query(wanted: Filter, column: TableColumn) -> str:
    kind = column.type_sql
    if wanted.operator == "is":
        expression = f"($1)[1]::{kind} is {wanted.value}"
    elif wanted.operator == "in":
        expression = f"($1)[1]::{kind} = any (($1)[2]::{kind}[])"
    elif wanted.operator in PATTERN_OPERATORS:
        expression = f"($1)[1] {OPERATORS[wanted.operator]} ($1)[2]"
    else:
        expression = f"($1)[1]::{kind} {OPERATORS[wanted.operator]} ($1)[2]::{kind}"
    return f"select ({'not ' if wanted.negated else ''}({expression}))::text"


async def _exact_values(
    conn: Connection, wanted: Filter, column: TableColumn
) -> frozenset[str] | None:
    """The column texts that satisfy an equality, where equal values have equal texts."""
    if wanted.operator not in ("eq", "in"):
        return None
    if column.type_oid not in _EXACT_TYPES or not column.deterministic:
        return None
    cursor = await conn.execute(
        sql.SQL("select v::{}::text from unnest(%s::text[]) v").format(sql.SQL(column.type_sql)),
        [list(wanted.values)],
    )
    return frozenset(row[0] for row in await cursor.fetchall())


def _check_selected(table: Table, select: Sequence[str] | None, role: str) -> None:
    for name in select or ():
        column = table.column(name)
        if column is None or role not in column.roles:
            raise psycopg.errors.RaiseException(f"invalid column for select {name}")


def _failure(want: Wanted, exc: Exception) -> str:
    state = getattr(exc, "sqlstate", None) or "22021"
    words = type(exc).__name__ if state != "22021" else "CharacterNotInRepertoire"
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", words).lower()
    first_line = (str(exc).splitlines() or [""])[0]
    return (
        "Unable to subscribe to changes with given parameters. An exception happened so please "
        f"check your connect parameters: {want.describe()}. Exception: "
        f"ERROR {state} ({name}) {first_line}"
    )
