"""Record and announce what falls due, when it falls due; one replica leads at a time."""

import asyncio
import time
from dataclasses import dataclass, field

import structlog

from vigil.errors import PeerUnavailableError
from vigil.metrics import Metrics
from vigil.outbox import ClockSession
from vigil.wait import Backoff, first_of

log = structlog.get_logger()

LEADING = "clock.leading"
FOLLOWING = "clock.following"
RECORDED = "clock.recorded"
UNAVAILABLE = "clock.unavailable"

MAX_ROWS = 500
# Waking a little after the moment beats waking before it and asking again.
AFTER = 0.005


@dataclass(slots=True)
class Clock:
    """Restrictions end by themselves in the database; this writes it down and tells people."""

    database_url: str
    metrics: Metrics
    ask_again: float = 1.0
    look: asyncio.Event = field(default_factory=asyncio.Event)
    leading: bool = False
    ticked: float = field(default_factory=time.monotonic)

    async def run(self, *, stop: asyncio.Event) -> None:
        """Lead or stand by until `stop`; a lost connection loses the lead to another replica."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                async with ClockSession.open(self.database_url) as session:
                    await self._serve(session, backoff, stop)
            except PeerUnavailableError as exc:
                if not backoff.failures:
                    log.warning(UNAVAILABLE, reason=str(exc))
                self._lead(False)
                self.ticked = time.monotonic()
                await first_of(stop, seconds=backoff.next())

    async def _serve(self, session: ClockSession, backoff: Backoff, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self.ticked = time.monotonic()
            if not self.leading:
                self._lead(await session.try_lead())
            pause = await self.run_once(session) if self.leading else self.ask_again
            backoff.reset()
            await first_of(stop, seconds=pause)
            if self.leading and pause < self.ask_again:
                # What fell due may be a retry or a lease, which is the drain's to claim.
                self.look.set()
        if self.leading:
            await session.stop_leading()
            self._lead(False)

    async def run_once(self, session: ClockSession) -> float:
        """Record everything due; return how long to sleep."""
        while True:
            seconds = await session.seconds_to_next()
            if seconds is None:
                return self.ask_again
            if seconds > 0:
                return min(seconds + AFTER, self.ask_again)
            recorded = await session.run_due(MAX_ROWS)
            for due in recorded:
                self.metrics.due.labels(due.kind).inc()
                self.metrics.lateness.observe(due.lateness_ms / 1000)
                log.info(
                    RECORDED,
                    kind=due.kind,
                    subject=str(due.subject_id),
                    lateness_ms=round(due.lateness_ms, 1),
                )
            if not recorded:
                # Due, yet taken by nobody: locked by a moderator's own transaction just now.
                return min(0.05, self.ask_again)

    def _lead(self, leading: bool) -> None:
        if leading != self.leading:
            log.info(LEADING if leading else FOLLOWING)
        self.leading = leading
        self.metrics.leading.set(leading)
