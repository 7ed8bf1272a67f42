"""The database measured in: members, messages that exist, and the peers' tables."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from tests.support.database import Database

SEND_TRIGGERS = (
    "select tgname::text from pg_trigger where tgrelid = 'public.messages'::regclass"
    " and tgname ~ '^(zzz_)?vigil_' and tgtype & 4 > 0"
)
ANNOUNCE = "vigil_900_announce_messages"
TEXT = "Can you bring the heater at six, and the blue folder?"
FLAGGED_EVERY = 50


@dataclass
class World:
    """One conversation with a backlog of messages; every 50th has a word the filter flags."""

    db: Database
    owner: psycopg.Connection[dict[str, Any]]
    sender: uuid.UUID
    other: uuid.UUID
    conversation: uuid.UUID

    @classmethod
    def make(cls, db: Database, backlog: int) -> World:
        sender, other = db.member("sender"), db.member("other")
        world = cls(db, db.connect("postgres"), sender, other, db.conversation(sender, other))
        for table in ("jobs", "verdicts", "events", "cases"):
            world.owner.execute(
                f"create table vigil.bare_{table} (like vigil.{table} including all)"
            )
        world.guards_off()
        world.owner.execute(
            "insert into public.messages (conversation_id, sender_id, content)"
            " select %s, %s, case when n %% %s = 0 then 'a grumble: ' || %s else %s end"
            " from generate_series(1, %s) n",
            [world.conversation, sender, FLAGGED_EVERY, TEXT, TEXT, backlog],
        )
        world.guards_on()
        world.owner.execute("vacuum analyze public.messages")
        return world

    def backlog(self, queue: str, size: int, keep_all: bool) -> None:
        """Fill one queue with a job for each message, in an otherwise fresh state."""
        self.owner.execute(
            "truncate vigil.jobs, vigil.leases, vigil.verdicts, vigil.cases,"
            " vigil.bare_jobs, vigil.bare_verdicts, vigil.bare_cases, vigil.bare_events"
        )
        self.owner.execute("update vigil.settings set keep_all_verdicts = %s", [keep_all])
        self.owner.execute(
            f"insert into vigil.{queue} (kind, subject_id)"
            " select 'message', id from public.messages order by created_at, id limit %s",
            [size],
        )
        self.owner.execute(f"vacuum analyze vigil.{queue}")

    def guards_on(self) -> None:
        self._switch("enable", ())

    def guards_off(self, keeping: tuple[str, ...] = ()) -> None:
        """Vigil's own triggers alone: foreign keys, indexes, policies and grants stay."""
        self._switch("disable", keeping)

    def _switch(self, how: str, keeping: tuple[str, ...]) -> None:
        for row in self.owner.execute(SEND_TRIGGERS).fetchall():
            if row["tgname"] not in keeping:
                self.owner.execute(
                    sql.SQL("alter table public.messages {} trigger {}").format(
                        sql.SQL(how), sql.Identifier(row["tgname"])
                    )
                )
