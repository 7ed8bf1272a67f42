"""The parts of one gateway, and their life: what sockets and the REST endpoints share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Protocol

import structlog

from vigil_cli.local.realtime.auth import Keyring
from vigil_cli.local.realtime.authorization import Authorizer
from vigil_cli.local.realtime.broadcast import Hub
from vigil_cli.local.realtime.changes import ChangeFeed
from vigil_cli.local.realtime.config import GatewayConfig
from vigil_cli.local.realtime.database import Database
from vigil_cli.local.realtime.examiner import Examiner
from vigil_cli.local.realtime.logreader import LogReader
from vigil_cli.local.realtime.messages import is_message, send_row
from vigil_cli.local.realtime.presence import Presences
from vigil_cli.local.realtime.subscriptions import Registry
from vigil_cli.local.realtime.wal import Change

log = structlog.get_logger()

_TOGETHER = 200
_FAREWELL_SECONDS = 2.0


class Renewable(Protocol):
    """A channel whose subscription must be made again after a gap in the log."""

    def renew_subscription(self) -> None:
        """Subscribe again, and tell the client when that is done."""
        ...


class Gateway:
    """Everything that sockets share. Use `running` around the time requests are served."""

    def __init__(self, config: GatewayConfig) -> None:
        self.config = config
        self.keyring = Keyring(config)
        self.database = Database(config)
        self.authorizer = Authorizer(self.database, config.policy_timeout_ms)
        self.hub = Hub()
        self.presences = Presences()
        self.registry = Registry()
        self.renewables: set[Renewable] = set()
        self.leaving = asyncio.Event()
        self._connected: set[object] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._examiner = Examiner(config)
        self._feed = ChangeFeed(self.registry, self._examiner, config.max_record_bytes)
        self.reader = LogReader(config, self._consume, self._renew)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Gateway]:
        """Read the log while inside; leave no connection and no slot behind."""
        log.info("realtime.started", server="development server, not for deployments")
        reading = asyncio.create_task(self.reader.run(), name="realtime-log-reader")
        try:
            yield self
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await self._examiner.close()
            await self.database.close()

    async def farewell(self) -> None:
        """Tell every channel that the server goes, and see every socket closed; new ones are too.

        Called before the server stops, which would cut the sockets without a word.
        """
        self.leaving.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await self._empty.wait()

    @contextmanager
    def connected(self, socket: object) -> Iterator[None]:
        """A socket is open while inside; the farewell waits for it."""
        self._connected.add(socket)
        self._empty.clear()
        try:
            yield
        finally:
            self._connected.discard(socket)
            if not self._connected:
                self._empty.set()

    async def _consume(self, changes: Sequence[Change]) -> None:
        """Deliver one batch, messages and table changes in the order of their commits."""
        pending: list[Change] = []
        for change in changes:
            if is_message(change) or len(pending) >= _TOGETHER:
                await self._feed.deliver(pending)
                pending = []
            if is_message(change):
                send_row(change, self.hub)
            else:
                pending.append(change)
        await self._feed.deliver(pending)

    def _renew(self) -> None:
        for renewable in tuple(self.renewables):
            renewable.renew_subscription()
