"""Postgres text values as JSON text, the way `to_jsonb` would write them.

Common types are converted here; for the others (arrays, ranges, composites, odd dates) the caller
asks the database, so that no second implementation of their syntax exists.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from vigil_cli.local.realtime.serializer import dumps

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")
_TIMESTAMPTZ = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def _boolean(text: str) -> str | None:
    return {"t": "true", "f": "false"}.get(text)


def _number(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else dumps(text)


def _timestamp(text: str) -> str | None:
    return f'"{text.replace(" ", "T", 1)}"' if _TIMESTAMP.fullmatch(text) else None


def _timestamptz(text: str) -> str | None:
    return f'"{text.replace(" ", "T", 1)}:00"' if _TIMESTAMPTZ.fullmatch(text) else None


def _document(text: str) -> str:
    return text


def _bytea(text: str) -> str:
    return dumps(text.removeprefix("\\x"))


_CONVERTERS: dict[int, Callable[[str], str | None]] = {
    16: _boolean,
    17: _bytea,
    18: dumps,  # "char"
    19: dumps,  # name
    20: _number,
    21: _number,
    23: _number,
    25: dumps,  # text
    26: _number,  # oid
    114: _document,  # json
    700: _number,
    701: _number,
    1042: dumps,  # bpchar
    1043: dumps,  # varchar
    1082: dumps,  # date
    1114: _timestamp,
    1184: _timestamptz,
    1700: _number,
    2950: dumps,  # uuid
    3802: _document,  # jsonb
}


def to_json(type_oid: int, text: str | None) -> str | None:
    """The value as JSON text, or None when only the database can say."""
    if text is None:
        return "null"
    converter = _CONVERTERS.get(type_oid)
    return converter(text) if converter else None
