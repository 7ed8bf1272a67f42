"""Asks the database as a viewer, the way PostgREST and Realtime do, and forgets what was done."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.leaks.world import Subject, Viewer, World

NOTHING, ROW, TEXT, PRIVATE = "nothing", "a row", "the text", "private text"


@dataclass(frozen=True, slots=True)
class Answer:
    """All that a client can tell apart: the rows, or each field of the refusal."""

    rows: str = ""
    count: int = 0
    refusal: tuple[str | None, ...] = ()

    @property
    def sqlstate(self) -> str | None:
        return self.refusal[0] if self.refusal else None

    def without(self, *ids: uuid.UUID) -> Answer:
        """The same with these ids unnamed, so that two answers compare."""
        rows, parts = self.rows, list(self.refusal)
        for each in map(str, ids):
            rows = rows.replace(each, "it")
            parts = [p and p.replace(each, "it") for p in parts]
        return Answer(rows, self.count, tuple(parts))


class Stage:
    """One connection; every scene on it is rolled back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._conn = world.db.superuser().conn

    @contextmanager
    def scene(self) -> Iterator[None]:
        with self._conn.transaction(force_rollback=True):
            yield

    def ask(self, viewer: Viewer, query: str, *args: Any) -> Answer:
        """One statement as the viewer; a refusal undoes it alone."""
        claims: dict[str, Any] = {"role": viewer.role}
        if viewer.role == "authenticated":
            claims |= {"sub": str(self.world.id_of(viewer)), "aud": "authenticated"}
        try:
            with self._conn.transaction():
                self._conn.execute(
                    "select set_config('request.jwt.claims', %s, true), set_config('role', %s, true)",
                    [json.dumps(claims), viewer.role],
                )
                cursor = self._conn.execute(query, args or None)
                rows = cursor.fetchall() if cursor.description else []
                return Answer(json.dumps(rows, default=str), cursor.rowcount)
        except psycopg.Error as error:
            d = error.diag
            return Answer(
                refusal=(d.sqlstate, d.message_primary, d.message_detail, d.message_hint,
                         d.constraint_name, d.column_name)
            )  # fmt: skip
        finally:
            self._conn.execute("reset role")

    def look(self, query: str, *args: Any) -> Answer:
        """What is really there, whoever may see it."""
        rows = self._conn.execute(query, args or None).fetchall()
        return Answer(json.dumps(rows, default=str), len(rows))


def shown(answer: Answer, subject: Subject) -> str:
    """How much of the message an answer gives away."""
    if answer.sqlstate:
        return answer.sqlstate
    if any(text in answer.rows for text in subject.private):
        return PRIVATE
    if subject.text and subject.text in answer.rows:
        return TEXT
    return ROW if str(subject.id) in answer.rows else NOTHING


def told_apart(real: Answer, absent: Answer, subject: Subject, stranger: uuid.UUID) -> str:
    """What the answer gives away beside that for an id which nobody has."""
    if real.without(subject.id) == absent.without(stranger):
        return "42501" if real.sqlstate == "42501" else NOTHING
    shows = shown(real, subject)
    return ROW if shows == NOTHING else shows
