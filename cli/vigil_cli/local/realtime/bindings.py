"""The `postgres_changes` entries of a join: parsed, numbered, and echoed as they came."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vigil_cli.local.realtime.filters import Filter, FilterError, parse
from vigil_cli.local.realtime.serializer import dumps

_EVENTS = frozenset({"INSERT", "UPDATE", "DELETE", "*"})
_ID_SPACE = 1 << 27


class BindingError(ValueError):
    """The entry cannot be subscribed to; the message is the one the server sends."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One entry as it came, with the id its events will carry."""

    id: int
    params: Any

    @property
    def echo(self) -> dict[str, Any]:
        """The entry as the client sent it, and its id: clients compare it field by field."""
        return {**self.params, "id": self.id}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an entry asks for. A schema or table of None means all of them."""

    event: str
    schema: str | None
    table: str | None
    filters: tuple[Filter, ...]
    select: tuple[str, ...] | None

    def describe(self) -> str:
        """The entry in the notation of the server's error messages."""
        filters = ", ".join(
            f'{{"{f.column}", "{"not." if f.negated else ""}{f.operator}", "{f.value}"}}'
            for f in self.filters
        )
        select = "nil" if self.select is None else dumps(list(self.select))
        return (
            f"[event: {self.event}, schema: {self.schema or '*'}, table: {self.table or '*'}, "
            f"filters: [{filters}], select: {select}]"
        )


def number(entries: Sequence[Any]) -> tuple[Binding, ...]:
    """Give each entry an id above 0: the same for equal entries, another for different ones."""
    taken: dict[int, str] = {}
    bindings = []
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        canonical = json.dumps(entry, sort_keys=True)
        digest = hashlib.sha256(canonical.encode()).digest()
        number_ = int.from_bytes(digest[:4]) % _ID_SPACE or 1
        while taken.setdefault(number_, canonical) != canonical:
            number_ = (number_ + 1) % _ID_SPACE or 1
        bindings.append(Binding(number_, entry))
    return tuple(bindings)


def understand(params: dict[str, Any]) -> Wanted:
    """What the entry means; raises BindingError with the server's own text."""
    schema, table = params.get("schema"), params.get("table")
    if not isinstance(schema, str) and not isinstance(table, str):
        raise BindingError(
            "No subscription params provided. Please provide at least a `schema` or `table` to "
            f"subscribe to: {_inspect(params)}"
        )
    schema = schema if isinstance(schema, str) and schema else "public"
    table = table if isinstance(table, str) and table else "*"
    select = params.get("select")
    if select is not None:
        if not isinstance(select, list) or not all(isinstance(name, str) for name in select):
            raise BindingError(f"Error parsing `select` params: {_inspect(select)}")
        if schema == "*" or table == "*":
            raise BindingError(
                "Column selection is not supported for wildcard subscriptions. Please provide "
                "a `schema` and a `table`."
            )
    event = params.get("event")
    event = event.upper() if isinstance(event, str) else "*"
    return Wanted(
        event=event if event in _EVENTS else "*",
        schema=None if schema == "*" else schema,
        table=None if table == "*" else table,
        filters=_filters(params),
        select=tuple(select) if select else None,
    )


def _filters(params: dict[str, Any]) -> tuple[Filter, ...]:
    if "filter" not in params:
        return ()
    text = params["filter"]
    if not isinstance(text, str):
        raise BindingError(f"Error parsing `filter` params: {_inspect(text)}")
    try:
        return parse(text)
    except FilterError as exc:
        parts = text.split("=", 1)
        raise BindingError(f"Error parsing `filter` params: {_inspect(parts)}") from exc


def _inspect(value: object) -> str:
    return json.dumps(value)
