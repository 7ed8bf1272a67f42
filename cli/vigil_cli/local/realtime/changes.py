"""Row changes to the subscribers who may see them.

For each change, as Supabase does: the role's column privileges cut the row, filters are compared
with the new row (the old one of a DELETE), and on a table with row-level security an INSERT or
UPDATE reaches a subscriber only if the row, as it is now, is visible to that role with those
claims. A DELETE is not checked, and carries the primary key only when row-level security is on.
All questions of a batch share round trips; none can spoil another (see `examiner`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
import structlog

from vigil_cli.local.realtime.catalog import Table, load_tables
from vigil_cli.local.realtime.examiner import Examiner, Question
from vigil_cli.local.realtime.generated import complete
from vigil_cli.local.realtime.serializer import dumps
from vigil_cli.local.realtime.subscriptions import Registry, Subscription
from vigil_cli.local.realtime.values import to_json
from vigil_cli.local.realtime.wal import Change, Row

log = structlog.get_logger()

NO_PRIMARY_KEY = "Error 400: Bad Request, no primary key"
UNAUTHORIZED = "Error 401: Unauthorized"
TOO_LARGE = "Error 413: Payload Too Large"
_KEPT_VALUE_BYTES = 64


@dataclass(slots=True)
class _Work:
    """One change on its way: who still may get it, and what was asked about it."""

    change: Change
    table: Table
    too_large: bool
    candidates: list[Subscription]
    refused: dict[str, str] = field(default_factory=dict)
    filters: dict[Subscription, list[Question]] = field(default_factory=dict)
    values: dict[tuple[bool, str], Question] = field(default_factory=dict)
    visible: dict[Subscription, Question] = field(default_factory=dict)

    @property
    def matched(self) -> Row:
        """The row that filters are compared with."""
        row = self.change.old if self.change.kind == "DELETE" else self.change.new
        return row or {}


class ChangeFeed:
    """Delivers each batch in commit order; used by the log reader alone."""

    def __init__(self, registry: Registry, examiner: Examiner, max_record_bytes: int) -> None:
        self._registry = registry
        self._examiner = examiner
        self._max_record_bytes = max_record_bytes

    async def deliver(self, changes: Sequence[Change]) -> None:
        """Send the changes to whoever subscribed and may see them."""
        wanted = [c for c in changes if self._subscriptions(c)]
        if not wanted:
            return
        try:
            works, answers = await self._examine(wanted)
        except psycopg.OperationalError as exc:
            # The slot has given this batch away: a connection lost meanwhile must not cost it.
            log.warning("realtime.examiner_lost", reason=str(exc).strip())
            await self._examiner.close()
            works, answers = await self._examine(wanted)
        for work in works:
            self._send(work, answers)

    async def _examine(
        self, changes: Sequence[Change]
    ) -> tuple[list[_Work], dict[Question, str | None]]:
        """Ask everything about the changes; nothing is sent yet, so it can be done again."""
        roles = {s.access.role for c in changes for s in self._subscriptions(c)}
        conn = await self._examiner.connection()
        tables = await load_tables(conn, {c.relation.oid for c in changes}, roles)
        changes = await complete(changes, tables, self._examiner)
        works = [
            self._begin(c, tables[c.relation.oid]) for c in changes if c.relation.oid in tables
        ]
        answers = await self._examiner.ask(
            [q for w in works for q in (*w.values.values(), *_flatten(w.filters.values()))]
        )
        for work in works:
            work.candidates = [
                s
                for s in work.candidates
                if all(answers[q] == "true" for q in work.filters.get(s, ()))
            ]
            _ask_visibility(work)
        seen = await self._examiner.ask([q for w in works for q in w.visible.values()])
        for work in works:
            work.candidates = [
                s
                for s in work.candidates
                if s not in work.visible or seen[work.visible[s]] == "true"
            ]
        return works, answers

    def _subscriptions(self, change: Change) -> list[Subscription]:
        return [s for s in self._registry.on(change.relation.oid) if s.wants(change.kind)]

    def _begin(self, change: Change, table: Table) -> _Work:
        """Decide what needs no database, and note what must be asked."""
        work = _Work(change, table, change.size > self._max_record_bytes, [])
        for subscription in self._subscriptions(change):
            role = subscription.access.role
            if role not in work.refused and change.kind != "DELETE":
                if not table.primary_key:
                    work.refused[role] = NO_PRIMARY_KEY
                elif any(role not in column.roles for column in table.primary_key):
                    work.refused[role] = UNAUTHORIZED
            if role in work.refused or _passes(work, subscription):
                work.candidates.append(subscription)
        if any(s.access.role not in work.refused for s in work.candidates):
            self._ask_values(work)
        return work

    def _ask_values(self, work: _Work) -> None:
        for is_old, row in ((False, work.change.new), (True, work.change.old)):
            for column in work.change.relation.columns:
                text = (row or {}).get(column.name)
                now = work.table.column(column.name)
                if text is None or now is None or to_json(column.type_oid, text) is not None:
                    continue
                query = f"select to_jsonb(($1)[1]::{now.type_sql})::text"
                work.values[is_old, column.name] = Question(query, (text,))

    def _send(self, work: _Work, answers: dict[Question, str | None]) -> None:
        """One frame for each channel and each view of the row, with all ids of that channel."""
        views: dict[tuple[str, frozenset[str] | None], str] = {}
        frames: dict[tuple[int, str, frozenset[str] | None], list[Subscription]] = {}
        for subscription in work.candidates:
            role = subscription.access.role
            view = (role, None if role in work.refused else subscription.selected)
            frames.setdefault((id(subscription.subscriber), *view), []).append(subscription)
        for (_, *rest), subscriptions in frames.items():
            role, selected = subscriptions[0].access.role, rest[1]
            assert selected is None or isinstance(selected, frozenset)
            if (role, selected) not in views:
                views[role, selected] = _data_json(work, role, selected, answers)
            subscriptions[0].subscriber.push_change(
                list(dict.fromkeys(s.binding_id for s in subscriptions)),
                work.change.kind,
                views[role, selected],
            )


def _passes(work: _Work, subscription: Subscription) -> bool:
    """False when a filter is known not to match; what is unknown becomes a question."""
    row = work.matched
    for condition in subscription.conditions:
        if condition.column not in row:
            return False
        value = row[condition.column]
        decided = condition.decide(value)
        if decided is False:
            return False
        if decided is None:
            question = Question(condition.query, (value, condition.operand))
            work.filters.setdefault(subscription, []).append(question)
    return True


def _ask_visibility(work: _Work) -> None:
    if work.change.kind == "DELETE" or not work.table.row_security:
        return
    row = work.change.new or {}
    keys = tuple(row.get(column.name) for column in work.table.primary_key)
    query = work.table.visible_query() if keys else ""
    for subscription in work.candidates:
        access = subscription.access
        if access.role not in work.refused:
            work.visible[subscription] = Question(query, keys, access.role, access.claims_json)


def _data_json(
    work: _Work, role: str, selected: frozenset[str] | None, answers: dict[Question, str | None]
) -> str:
    change, table = work.change, work.table
    head = {
        "schema": change.relation.schema,
        "table": change.relation.name,
        "commit_timestamp": change.committed_at,
        "type": change.kind,
    }
    parts = [f"{dumps(key)}:{dumps(value)}" for key, value in head.items()]
    refusal = work.refused.get(role)
    allowed = {
        column.name: column
        for column in table.columns
        if role in column.roles and (selected is None or column.name in selected or column.primary)
    }
    if refusal:
        allowed = {}
    columns = [{"name": c.name, "type": c.type_name} for c in allowed.values()]
    parts.append(f'"columns":{dumps(columns)}')
    if change.kind != "DELETE":
        parts.append(f'"record":{_record(work, allowed, answers, is_old=False)}')
    if change.kind != "INSERT":
        if change.kind == "DELETE" and table.row_security:
            allowed = {name: column for name, column in allowed.items() if column.primary}
        parts.append(f'"old_record":{_record(work, allowed, answers, is_old=True)}')
    errors = [refusal] if refusal else [TOO_LARGE] if work.too_large else None
    parts.append(f'"errors":{dumps(errors)}')
    return "{" + ",".join(parts) + "}"


def _record(
    work: _Work, allowed: Iterable[str], answers: dict[Question, str | None], *, is_old: bool
) -> str:
    row = (work.change.old if is_old else work.change.new) or {}
    names = set(allowed)
    fields = []
    for column in work.change.relation.columns:
        if column.name not in row or column.name not in names:
            continue
        text = row[column.name]
        if work.too_large and text is not None and len(text.encode()) > _KEPT_VALUE_BYTES:
            continue
        question = work.values.get((is_old, column.name))
        json_text = answers.get(question) if question else to_json(column.type_oid, text)
        # A value Postgres cannot read back, as after a change of its type, stays text.
        fields.append(f"{dumps(column.name)}:{json_text or dumps(text)}")
    return "{" + ",".join(fields) + "}"


def _flatten(groups: Iterable[list[Question]]) -> Iterator[Question]:
    for group in groups:
        yield from group
