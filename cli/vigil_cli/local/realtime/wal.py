"""The pgoutput stream (protocol version 1, text values), decoded without a database.

Values stay text. A column whose TOASTed value did not change is not in the stream and is left
out of the tuple, unless the old tuple (replica identity full) supplies it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
Row = dict[str, str | None]


class WalFormatError(ValueError):
    """The bytes are not pgoutput version 1; the slot was made with other options."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the stream describes it; `key` when it is part of the replica identity."""

    name: str
    type_oid: int
    key: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as it was when the change was written."""

    oid: int
    schema: str
    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One row change of a committed transaction."""

    kind: str
    relation: Relation
    new: Row | None
    old: Row | None
    committed_at: str

    @property
    def size(self) -> int:
        """Bytes of all values, the measure of the payload limit."""
        rows = (self.new or {}, self.old or {})
        return sum(len(value) for row in rows for value in row.values() if value)


@dataclass(slots=True)
class Decoder:
    """Remembers relations between batches, as the stream describes each only once per session."""

    relations: dict[int, Relation] = field(default_factory=dict)

    def decode(self, messages: Iterable[bytes]) -> Iterator[Change]:
        """The changes of whole transactions, in commit order."""
        committed_at = ""
        for message in messages:
            reader = _Reader(message)
            kind = reader.take(1)
            if kind == b"B":
                reader.skip(8)
                committed_at = _timestamp(reader.int64())
            elif kind == b"R":
                relation = _relation(reader)
                self.relations[relation.oid] = relation
            elif kind in (b"I", b"U", b"D"):
                yield self._change(kind, reader, committed_at)
            elif kind not in (b"C", b"O", b"Y", b"T", b"M"):
                raise WalFormatError(f"unknown pgoutput message {kind!r}")

    def _change(self, kind: bytes, reader: _Reader, committed_at: str) -> Change:
        oid = reader.uint32()
        relation = self.relations.get(oid)
        if relation is None:
            raise WalFormatError(f"a change of relation {oid} came before its description")
        old: Row | None = None
        new: Row | None = None
        part = reader.take(1)
        if part in (b"K", b"O"):
            old = _row(reader, relation, keys_only=part == b"K")
            part = reader.take(1) if kind == b"U" else b""
        if part == b"N":
            new = _row(reader, relation, keys_only=False)
        if kind == b"U" and new is not None:
            if old is None:
                old = {c.name: new[c.name] for c in relation.columns if c.key and c.name in new}
            else:
                for name, value in old.items():
                    new.setdefault(name, value)
        name = {b"I": "INSERT", b"U": "UPDATE", b"D": "DELETE"}[kind]
        return Change(name, relation, new, old, committed_at)


class _Reader:
    """A cursor over one message that refuses to run past its end."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._data):
            raise WalFormatError("a pgoutput message ends too early")
        part = self._data[self._position : end]
        self._position = end
        return part

    def skip(self, count: int) -> None:
        self.take(count)

    def uint16(self) -> int:
        return int.from_bytes(self.take(2))

    def uint32(self) -> int:
        return int.from_bytes(self.take(4))

    def int64(self) -> int:
        value: int = struct.unpack("!q", self.take(8))[0]
        return value

    def text(self) -> str:
        end = self._data.find(b"\0", self._position)
        if end < 0:
            raise WalFormatError("a pgoutput string has no end")
        part = self._data[self._position : end]
        self._position = end + 1
        return part.decode()


def _relation(reader: _Reader) -> Relation:
    oid = reader.uint32()
    schema, name = reader.text(), reader.text()
    reader.skip(1)
    columns = []
    for _ in range(reader.uint16()):
        key = reader.take(1) == b"\x01"
        column_name = reader.text()
        type_oid = reader.uint32()
        reader.skip(4)
        columns.append(Column(column_name, type_oid, key))
    return Relation(oid, schema or "pg_catalog", name, tuple(columns))


def _row(reader: _Reader, relation: Relation, *, keys_only: bool) -> Row:
    row: Row = {}
    count = reader.uint16()
    for column in relation.columns[:count]:
        mark = reader.take(1)
        if mark == b"t":
            row[column.name] = reader.take(reader.uint32()).decode()
        elif mark == b"n":
            if column.key or not keys_only:
                row[column.name] = None
        elif mark != b"u":
            raise WalFormatError(f"unknown value mark {mark!r}")
    return row


def _timestamp(microseconds: int) -> str:
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
