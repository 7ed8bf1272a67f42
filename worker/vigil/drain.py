"""Drain the queue: claim a batch, judge it, settle it in one transaction."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from vigil.errors import PeerUnavailableError
from vigil.metrics import Metrics
from vigil.outbox import Failure, Job, Outbox, Outcome
from vigil.wait import Backoff, first_of, retry_seconds

log = structlog.get_logger()

SETTLED = "drain.settled"
LEASES_LOST = "drain.leases_lost"
DEFERRED = "drain.deferred"
DEAD = "drain.dead"
UNAVAILABLE = "drain.unavailable"
RECOVERED = "drain.recovered"
RELEASED = "drain.released"
NOT_RELEASED = "drain.not_released"

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
    batch: int = 100
    lease_seconds: float = 30.0
    rng: random.Random = field(default_factory=random.SystemRandom)
    ticked: float = field(default_factory=time.monotonic)

    async def run(
        self,
        *,
        wake: asyncio.Event,
        stop: asyncio.Event,
        poll: Callable[[], float],
        missed: Callable[[], None] = lambda: None,
    ) -> None:
        """Work until `stop`. `wake` only shortens the wait; losing one is harmless.

        `missed` is called when a look nobody rang for found a message that had waited.
        """
        backoff = Backoff()
        rung = True
        while not stop.is_set():
            wake.clear()
            self.ticked = time.monotonic()
            try:
                done = await self.run_once()
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
            if done.claimed < self.batch:
                rung = await first_of(wake, stop, seconds=poll())

    async def run_once(self) -> Drained:
        """Claim, judge and settle one batch. No transaction is open while judging."""
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
        settled = await self.outbox.settle(outcomes) if outcomes else 0
        if settled < len(outcomes):
            log.info(LEASES_LOST, lost=len(outcomes) - settled)
        if failures:
            await self._defer(failures)
        self.metrics.settled(outcomes, settled)
        log.info(SETTLED, settled=settled, deferred=len(failures))
        return Drained(len(jobs), settled, len(failures), _oldest_unrung(jobs))

    async def release(self) -> None:
        """Give back what is held, so that nobody waits for a lease; else it expires by itself."""
        try:
            released = await self.outbox.release()
        except PeerUnavailableError as exc:
            log.warning(NOT_RELEASED, reason=str(exc))
            return
        log.info(RELEASED, released=released)

    async def _defer(self, failures: Sequence[Failure]) -> None:
        for deferred in await self.outbox.defer(failures):
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
            job.attempt,
            f"{type(exc).__name__}{at}",
            pause * self.rng.uniform(0.5, 1.0),
        )


def _oldest_unrung(jobs: Sequence[Job]) -> float:
    """How long a message ready at once has waited; retries and other kinds ring no bell."""
    now = time.time()
    waited = [
        now - job.queued_at.timestamp()
        for job in jobs
        if job.kind == "message" and job.attempt == 1
    ]
    return max(waited, default=0.0)
