"""The `filter` of a postgres_changes binding: `column=op.value`, joined by commas.

Parsing happens here. Comparing is left to Postgres, because only it knows a type's ordering,
collation and input syntax; equality of types whose text form is canonical is the one exception.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

OPERATORS = {
    "eq": "=",
    "neq": "<>",
    "lt": "<",
    "lte": "<=",
    "gt": ">",
    "gte": ">=",
    "in": "= any",
    "like": "~~",
    "ilike": "~~*",
    "is": "is",
    "match": "~",
    "imatch": "~*",
    "isdistinct": "is distinct from",
}
PATTERN_OPERATORS = frozenset({"like", "ilike", "match", "imatch"})
IS_VALUES = frozenset({"null", "true", "false", "unknown"})
MAX_IN_VALUES = 100
_HEAD = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^=,"]+?)\s*=\s*(not\.)?([a-z]+)\.', re.IGNORECASE)


class FilterError(ValueError):
    """The filter text cannot be understood."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. `values` has one element except for `in`."""

    column: str
    operator: str
    values: tuple[str, ...]
    negated: bool = False

    @property
    def value(self) -> str:
        """The operand as one text; a Postgres array literal for `in`."""
        if self.operator != "in":
            return self.values[0]
        quoted = (v.replace("\\", "\\\\").replace('"', '\\"') for v in self.values)
        return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def parse(text: str) -> tuple[Filter, ...]:
    """All conditions of a filter text; blanks mean none. Raises FilterError."""
    if not text.strip():
        return ()
    conditions: list[Filter] = []
    position = 0
    while True:
        head = _HEAD.match(text, position)
        if head is None or head[3].lower() not in OPERATORS:
            raise FilterError(text)
        column = _unquote(head[1]) if head[1].startswith('"') else head[1]
        operator = head[3].lower()
        if operator == "in":
            values, position = _list(text, head.end())
        else:
            value, position = _operand(text, head.end(), ends=",")
            values = (value,)
        if operator == "is":
            values = (values[0].strip().lower(),)
        conditions.append(Filter(column, operator, values, bool(head[2])))
        rest = text[position:].lstrip()
        if not rest:
            return tuple(conditions)
        if not rest.startswith(","):
            raise FilterError(text)
        position = text.index(",", position) + 1


def _list(text: str, position: int) -> tuple[tuple[str, ...], int]:
    if not text.startswith("(", position):
        raise FilterError(text)
    values: list[str] = []
    position += 1
    if text.startswith(")", position):
        return (), position + 1
    while True:
        value, position = _operand(text, position, ends=",)")
        values.append(value)
        if position >= len(text):
            raise FilterError(text)
        position += 1
        if text[position - 1] == ")":
            return tuple(values), position


def _operand(text: str, position: int, *, ends: str) -> tuple[str, int]:
    """One value, quoted with backslash escapes or plain, and where it ends."""
    if text.startswith('"', position):
        end = position + 1
        while end < len(text) and text[end] != '"':
            end += 2 if text[end] == "\\" else 1
        if end >= len(text):
            raise FilterError(text)
        return _unquote(text[position : end + 1]), end + 1
    end = position
    while end < len(text) and text[end] not in ends:
        end += 1
    return text[position:end], end


def _unquote(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)
