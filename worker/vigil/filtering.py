"""The engine in use: follows the term list of the database, and judges jobs with it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from vigil.errors import PeerUnavailableError, StopError
from vigil.outbox import Job, Outbox, Outcome
from vigil.settings import Settings
from vigil.text.engine import Budget, Engine, Item, Policy
from vigil.text.terms import Term
from vigil.version import VERSION
from vigil.wait import Backoff, first_of

log = structlog.get_logger()

LOADED = "terms.loaded"
UNAVAILABLE = "terms.unavailable"

# A term that expires and a setting that changes leave the list's version as it was.
REFRESH_SECONDS = 60.0


@dataclass(slots=True)
class Filter:
    """Holds one complete engine at a time; a reload replaces it whole or not at all."""

    outbox: Outbox
    settings: Settings
    refresh_seconds: float = REFRESH_SECONDS
    engine: Engine | None = None
    loaded: asyncio.Event = field(default_factory=asyncio.Event)
    _read_at: float = 0.0
    _read: int = 0

    async def run(self, *, stop: asyncio.Event) -> None:
        """Follow the list until `stop`; while the database is away the last engine serves."""
        backoff = Backoff()
        while not stop.is_set():
            pause = self.settings.terms_seconds
            try:
                await self.run_once()
                backoff.reset()
            except PeerUnavailableError as exc:
                if not backoff.failures:
                    log.warning(UNAVAILABLE, reason=str(exc))
                pause = backoff.next()
            await first_of(stop, seconds=pause)

    async def run_once(self) -> bool:
        """Load the list when its version changed, or it was long ago; whether it differed."""
        version = await self.outbox.terms_version()
        unchanged = self.engine is not None and self.engine.version == version
        if unchanged and time.monotonic() - self._read_at < self.refresh_seconds:
            return False
        rows = await self.outbox.load_terms()
        # A list that changed while it was read is read again, so that a version means one list.
        while (after := await self.outbox.terms_version()) != version:
            version, rows = after, await self.outbox.load_terms()
        said = (await self.outbox.hello(VERSION)).get("settings") or {}
        read = hash((version, tuple(rows), *sorted((k, str(v)) for k, v in said.items())))
        self._read_at = time.monotonic()
        if self.engine is not None and read == self._read:
            return False
        try:
            policy = Policy.from_settings(said)
            terms = [
                Term(row.term, row.category, row.severity, row.match, row.conversation_id)
                for row in rows
            ]
        except ValueError as exc:
            raise StopError(f"the database holds a term or setting unknown here: {exc}") from exc
        budget = Budget(self.settings.message_max_chars, self.settings.message_budget_ms / 1000)
        self.engine = await asyncio.to_thread(
            Engine.build,
            terms,
            version=version,
            policy=policy,
            region=self.settings.phone_region,
            budget=budget,
        )
        self._read = read
        self.loaded.set()
        log.info(LOADED, version=version, terms=len(terms))
        return True

    def judge(self, jobs: Sequence[Job]) -> list[Outcome | Exception]:
        """For each job what to settle, or why it could not be judged; one never costs another."""
        engine = self.engine
        if engine is None:
            raise PeerUnavailableError("the term list has not been loaded yet")
        return [self._judge_one(engine, job) for job in jobs]

    @staticmethod
    def _judge_one(engine: Engine, job: Job) -> Outcome | Exception:
        try:
            found = engine.judge_one(Item(job.job_id, job.content, job.conversation_id))
        except Exception as exc:  # noqa: BLE001 - returned to drain, which defers the job and logs
            return exc
        return Outcome(
            job_id=job.job_id,
            verdict=found.verdict,
            categories=found.categories,
            matches=[
                {"term": m.term, "category": m.category, "start": m.start, "end": m.end}
                for m in found.matches
            ],
            engine=found.engine,
            reason=found.reason,
        )
