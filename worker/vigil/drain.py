"""Drain the queue: claim a batch, judge it, settle it in one transaction."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import structlog

from vigil.errors import GiveUpError, PeerUnavailableError
from vigil.metrics import Metrics
from vigil.outbox import Failure, Job, Outbox, Outcome
from vigil.wait import Backoff, first_of, retry_seconds

log = structlog.get_logger()
_S = TypeVar("_S")
_C = TypeVar("_C")

SETTLED = "drain.settled"
LEASES_LOST = "drain.leases_lost"
DEFERRED = "drain.deferred"
DEAD = "drain.dead"
UNAVAILABLE = "drain.unavailable"
RECOVERED = "drain.recovered"
RELEASED = "drain.released"
NOT_RELEASED = "drain.not_released"

REFUSED = "drain.settling_refused"

RETRY_FIRST, RETRY_CEILING = 1.0, 300.0
# A message that waited this long was not announced by a live doorbell.
UNRUNG_SECONDS = 3.0


class Judge(Protocol):
    """Whatever finds a verdict for each of a batch of jobs; runs in a thread."""

    def judge(self, jobs: Sequence[Job]) -> list[Outcome | Exception]: ...


@dataclass(frozen=True, slots=True)
class Drained:
    """What one round did."""

    claimed: int = 0
    settled: int = 0
    deferred: int = 0
    oldest_seconds: float = 0.0


@dataclass(slots=True)
class Drain:
    """Each job gets one settled verdict: a crash before settling leaves its lease to expire."""

    outbox: Outbox
    judge: Judge
    metrics: Metrics
    batch: int = 200
    lease_seconds: float = 30.0
    rng: random.Random = field(default_factory=random.SystemRandom)
    ticked: float = field(default_factory=time.monotonic)
    look: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _ahead: list[Job] = field(default_factory=list)

    async def run(
        self,
        *,
        wake: asyncio.Event,
        stop: asyncio.Event,
        poll: Callable[[], float],
        missed: Callable[[], None] = lambda: None,
    ) -> None:
        """Work until `stop`. `wake` only shortens the wait; losing one is harmless.

        `look` wakes it too, for work that rings no bell (edits, titles, names, retries).
        `missed` is called when a look nobody rang for found a message that had waited.
        """
        backoff = Backoff()
        rung = True
        self.stopping = stop
        while not stop.is_set():
            wake.clear()
            self.look.clear()
            self.ticked = time.monotonic()
            try:
                done = await self.run_once(ahead=True)
            except PeerUnavailableError as exc:
                if not backoff.failures:
                    log.warning(UNAVAILABLE, reason=str(exc))
                await first_of(stop, seconds=backoff.next())
                continue
            if backoff.failures:
                log.info(RECOVERED, failures=backoff.failures)
                backoff.reset()
                rung = True
            if not rung and done.oldest_seconds > UNRUNG_SECONDS:
                missed()
            rung = True
            if done.claimed < self.batch and not self._ahead:
                await first_of(wake, self.look, stop, seconds=poll())
                rung = wake.is_set()

    async def run_once(self, *, ahead: bool = False) -> Drained:
        """Judge and settle one batch; with `ahead`, claim the next while a full one is settled.

        No transaction is open while judging.
        """
        jobs, self._ahead = self._ahead, []
        if not jobs:
            jobs = await self.outbox.claim(self.batch, self.lease_seconds)
        if not jobs:
            return Drained()
        began = time.perf_counter()
        found = await asyncio.to_thread(self.judge.judge, jobs)
        self.metrics.judged(len(jobs), time.perf_counter() - began)
        outcomes = [each for each in found if isinstance(each, Outcome)]
        failures = [
            self._failure(job, each)
            for job, each in zip(jobs, found, strict=True)
            if isinstance(each, Exception)
        ]
        lease = jobs[0].lease_id
        settling = self._settle(lease, outcomes, {job.job_id: job for job in jobs})
        if ahead and len(jobs) == self.batch and not self.stopping.is_set():
            (settled, refused), claimed = await _both(
                settling, self.outbox.claim(self.batch, self.lease_seconds)
            )
            self._ahead = claimed
        else:
            settled, refused = await settling
        failures += refused
        if settled < len(outcomes) - len(refused):
            log.info(LEASES_LOST, lost=len(outcomes) - len(refused) - settled)
        if failures:
            await self._defer(lease, failures)
        self.metrics.settled(outcomes, settled + len(refused))
        log.info(SETTLED, settled=settled, deferred=len(failures))
        return Drained(len(jobs), settled, len(failures), _oldest_unrung(jobs))

    async def _settle(
        self, lease: int, outcomes: Sequence[Outcome], jobs: Mapping[int, Job]
    ) -> tuple[int, list[Failure]]:
        """Settle all at once; if the database refuses that, each alone, so that one bad
        outcome costs the others nothing."""
        if not outcomes:
            return 0, []
        try:
            return await self._insist(lease, outcomes), []
        except GiveUpError as exc:
            log.warning(REFUSED, reason=str(exc), outcomes=len(outcomes))
        settled, refused = 0, []
        for outcome in outcomes:
            try:
                settled += await self._insist(lease, [outcome])
            except GiveUpError as exc:
                refused.append(self._failure(jobs[outcome.job_id], exc))
        return settled, refused

    async def _insist(self, lease: int, outcomes: Sequence[Outcome]) -> int:
        """Settle, and again while the lease lasts: settling twice settles once."""
        backoff = Backoff()
        end = time.monotonic() + self.lease_seconds
        while True:
            try:
                return await self.outbox.settle(lease, outcomes)
            except PeerUnavailableError:
                if self.stopping.is_set() or time.monotonic() >= end:
                    raise
            self.ticked = time.monotonic()
            await first_of(self.stopping, seconds=backoff.next())

    async def release(self) -> None:
        """Give back what is held, so that nobody waits for a lease; else it expires by itself."""
        try:
            released = await self.outbox.release()
        except PeerUnavailableError as exc:
            log.warning(NOT_RELEASED, reason=str(exc))
            return
        log.info(RELEASED, released=released)

    async def _defer(self, lease: int, failures: Sequence[Failure]) -> None:
        for deferred in await self.outbox.defer(lease, failures):
            log.warning(DEAD if deferred.dead else DEFERRED, job=deferred.job_id)
        self.metrics.failed.inc(len(failures))

    def _failure(self, job: Job, exc: Exception) -> Failure:
        pause = retry_seconds(job.attempt - 1, RETRY_FIRST, RETRY_CEILING)
        # The type alone: an exception's words may quote the text.
        where = exc.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        at = f" in {where.tb_frame.f_code.co_name}" if where is not None else ""
        return Failure(
            job.job_id,
            f"{type(exc).__name__}{at}",
            pause * self.rng.uniform(0.5, 1.0),
        )


async def _both(settling: Awaitable[_S], claiming: Awaitable[_C]) -> tuple[_S, _C]:
    """Both results; when one fails, only after the other has come to its end."""
    settled, claimed = await asyncio.gather(settling, claiming, return_exceptions=True)
    if isinstance(settled, BaseException):
        raise settled
    if isinstance(claimed, BaseException):
        raise claimed
    return settled, claimed


def _oldest_unrung(jobs: Sequence[Job]) -> float:
    """How long a message ready at once has waited; retries and other kinds ring no bell."""
    now = time.time()
    waited = [
        now - job.queued_at.timestamp()
        for job in jobs
        if job.kind == "message" and job.attempt == 1
    ]
    return max(waited, default=0.0)
