"""Reads the write-ahead log: one temporary slot, polled, with both publications in it.

The slot is read with `pg_logical_slot_get_binary_changes` and not over a replication connection:
psycopg has no replication protocol, a consumed batch needs no acknowledgement of its own, and
Supabase polls every 100 ms too. An idle poll only compares a log position. When the database goes
away the slot goes with it; a new one starts where the database is then, and the gap is announced.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence

import psycopg
import structlog

from vigil_cli.local.realtime.catalog import (
    PublishedTable,
    existing_publications,
    published_tables,
)
from vigil_cli.local.realtime.config import GatewayConfig
from vigil_cli.local.realtime.database import Connection, connect
from vigil_cli.local.realtime.wal import Change, Decoder, WalFormatError

log = structlog.get_logger()

_BATCH = 500
_CATALOG_SECONDS = 1.0
_MARK_BYTES = 4_000_000
_MARKABLE_VERSION = 160000
_GET = (
    "select data from pg_catalog.pg_logical_slot_get_binary_changes("
    "%s, null, %s, 'proto_version', '1', 'publication_names', %s)"
)


class LogReader:
    """Hands every committed change to `consume`, in order, while it is live."""

    def __init__(
        self,
        config: GatewayConfig,
        consume: Callable[[Sequence[Change]], Awaitable[None]],
        renewed: Callable[[], None],
    ) -> None:
        self._config = config
        self._consume = consume
        self._renewed = renewed
        self.live = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled; a failure costs the changes of the gap, never the reader."""
        first = True
        while True:
            try:
                async with await connect(self._config) as conn:
                    await self._read(conn, announce=not first)
            except (psycopg.Error, WalFormatError, OSError) as exc:
                log.warning(
                    "realtime.log_lost",
                    reason=str(exc).strip(),
                    hint="reading starts again by itself; look at the database's log if it repeats",
                )
            except Exception:
                log.exception("realtime.log_reader_failed")
            finally:
                first = False
                self.live.clear()
            await asyncio.sleep(self._config.reconnect_seconds)

    async def _read(self, conn: Connection, *, announce: bool) -> None:
        """Open a slot and poll it until the database or the set of publications changes."""
        wanted = (self._config.changes_publication, self._config.messages_publication)
        publications = await existing_publications(conn, wanted)
        if len(publications) < len(wanted):
            absent = ", ".join(sorted(set(wanted) - set(publications)))
            log.warning("realtime.publication_absent", absent=absent)
        while not publications:
            await asyncio.sleep(self._config.reconnect_seconds)
            publications = await existing_publications(conn, wanted)
        slot = f"vigil_realtime_{uuid.uuid4().hex}"
        await conn.execute(
            "select pg_catalog.pg_create_logical_replication_slot(%s, 'pgoutput', true)", [slot]
        )
        tables = await published_tables(conn, self._config.changes_publication)
        self.live.set()
        log.info("realtime.log_live", publications=list(publications))
        if announce:
            self._renewed()
        await self._poll(conn, slot, publications, tables)

    async def _poll(
        self,
        conn: Connection,
        slot: str,
        publications: tuple[str, ...],
        tables: tuple[PublishedTable, ...],
    ) -> None:
        decoder = Decoder()
        names = ",".join(f'"{name}"' for name in publications)
        position, checked, moved = "", time.monotonic(), False
        marked = 0
        while True:
            flushed = await _flushed(conn)
            if flushed != position:
                moved = True
                cursor = await conn.execute(_GET, [slot, _BATCH, names], binary=True)
                rows = await cursor.fetchall()
                if rows:
                    await self._consume(list(decoder.decode(row[0] for row in rows)))
                    continue
                position = flushed
                if _offset(flushed) - marked >= _MARK_BYTES:
                    marked = _offset(flushed)
                    await _mark(conn)
            if moved and time.monotonic() - checked >= _CATALOG_SECONDS:
                moved, checked = False, time.monotonic()
                if await existing_publications(conn, self._wanted()) != publications:
                    log.info("realtime.publications_changed")
                    return
                now = await published_tables(conn, self._config.changes_publication)
                if now != tables:
                    tables = now
                    log.info("realtime.tables_changed", tables=len(now))
                    self._renewed()
            await asyncio.sleep(self._config.poll_seconds)

    def _wanted(self) -> tuple[str, str]:
        return (self._config.changes_publication, self._config.messages_publication)


async def _mark(conn: Connection) -> None:
    """Let the slot's start move on: each read begins there, so it must not fall far behind."""
    if conn.info.server_version >= _MARKABLE_VERSION:
        await conn.execute("select pg_catalog.pg_log_standby_snapshot()")


def _offset(position: str) -> int:
    high, _, low = position.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


async def _flushed(conn: Connection) -> str:
    cursor = await conn.execute("select pg_catalog.pg_current_wal_flush_lsn()::text")
    row = await cursor.fetchone()
    return str(row[0]) if row else ""
