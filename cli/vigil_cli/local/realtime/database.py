"""Connections to the stack's Postgres, opened when needed and opened again after it restarted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg.rows import TupleRow

from vigil_cli.local.realtime.config import GatewayConfig

Connection = psycopg.AsyncConnection[TupleRow]
_MAX_IDLE = 4
_MAX_OPEN = 8


async def connect(config: GatewayConfig) -> Connection:
    """A connection whose text output does not depend on the server's settings."""
    return await psycopg.AsyncConnection.connect(
        config.dsn,
        autocommit=True,
        connect_timeout=5,
        application_name="vigil_realtime",
        client_encoding="utf8",
        options="-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres"
        " -c extra_float_digits=1 -c bytea_output=hex",
    )


class Database:
    """A few reusable connections; one that failed is thrown away, never handed out again."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._idle: list[Connection] = []
        self._slots = asyncio.Semaphore(_MAX_OPEN)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit mode with no transaction open."""
        async with self._slots:
            conn = await self._take()
            try:
                yield conn
            finally:
                await self._give(conn)

    async def close(self) -> None:
        """Close what is idle; nothing may be in use."""
        while self._idle:
            await self._idle.pop().close()

    async def _take(self) -> Connection:
        while self._idle:
            conn = self._idle.pop()
            try:
                await conn.execute("select 1")
            except psycopg.Error:
                await conn.close()
            else:
                return conn
        return await connect(self._config)

    async def _give(self, conn: Connection) -> None:
        idle = conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if conn.closed or not idle or len(self._idle) >= _MAX_IDLE:
            await conn.close()
        else:
            self._idle.append(conn)
