"""Everything the worker asks of the database: calls of functions, and no other SQL."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString, Self

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row, dict_row, scalar_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from vigil.errors import MisconfiguredError, translated

# Ids belong to the app's tables; nothing here looks inside them.
Key = object
Connection = AsyncConnection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed piece of work; `attempt` says which claim of it this is."""

    lease_id: int
    job_id: int
    kind: str
    subject_id: Key
    conversation_id: Key | None
    content: str
    attempt: int
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found about a job, ready to be settled."""

    job_id: int
    verdict: str
    categories: Sequence[str]
    matches: Sequence[Mapping[str, object]]
    engine: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that could not be judged this time."""

    job_id: int
    error: str
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class Deferred:
    """Where a failed job went: back to the queue, or among the dead."""

    job_id: int
    dead: bool


@dataclass(frozen=True, slots=True)
class TermRow:
    """One active term as stored."""

    term_id: int
    term: str
    category: str
    severity: str
    match: str
    language: str | None
    conversation_id: Key | None


@dataclass(frozen=True, slots=True)
class Due:
    """Something the clock has just recorded."""

    kind: str
    subject_id: Key
    due_at: datetime
    lateness_ms: float


async def _prepare(connection: Connection) -> None:
    await connection.execute(
        "select set_config('search_path', '', false),"
        " set_config('statement_timeout', '30s', false),"
        " set_config('lock_timeout', '10s', false)"
    )


def conninfo(database_url: str) -> str:
    """The URL with time-outs that notice a database that went away without a word."""
    try:
        return make_conninfo(
            database_url,
            application_name="vigil-worker",
            connect_timeout=5,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=20_000,
        )
    except psycopg.ProgrammingError as exc:
        raise MisconfiguredError(
            "VIGIL_DATABASE_URL cannot be read; write postgresql://vigil_worker:…@host:port/name"
        ) from exc


@contextlib.contextmanager
def _translating() -> Any:
    try:
        yield
    except (psycopg.Error, psycopg.Warning) as exc:
        raise translated(exc) from exc
    except Exception as exc:
        if type(exc).__module__.startswith("psycopg_pool"):
            raise translated(exc) from exc
        raise


@dataclass(frozen=True, slots=True)
class Outbox:
    """The worker's own functions in schema vigil, each call a transaction of its own."""

    pool: AsyncConnectionPool[Connection]
    worker: str
    database_url: str = field(repr=False)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, database_url: str, worker: str) -> AsyncIterator[Self]:
        """Connections that survive a restart of the database: broken ones are replaced."""
        pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo(database_url),
            kwargs={"autocommit": True, "prepare_threshold": 0},
            configure=_prepare,
            min_size=1,
            max_size=4,
            timeout=5.0,
            reconnect_timeout=30.0,
            open=False,
            name="vigil-worker",
        )
        await pool.open(wait=False)
        try:
            yield cls(pool, worker, database_url)
        finally:
            await pool.close(timeout=2.0)

    async def _rows(self, row: Any, call: LiteralString, *args: object) -> list[Any]:
        with _translating():
            async with (
                self.pool.connection() as connection,
                connection.cursor(row_factory=row) as cursor,
            ):
                await cursor.execute(call, args)
                return await cursor.fetchall()

    async def _value(self, call: LiteralString, *args: object) -> Any:
        return (await self._rows(scalar_row, call, *args))[0]

    async def knock(self) -> None:
        """Connect once outside the pool, which would only say that time ran out."""
        with _translating():
            connection = await AsyncConnection.connect(conninfo(self.database_url))
            await connection.close()

    async def hello(self, version: str) -> dict[str, Any]:
        """Introduce this worker; learn the schema's version and the community's settings."""
        found: dict[str, Any] = await self._value(
            "select vigil.hello(%s, %s)", self.worker, version
        )
        return found

    async def claim(self, batch: int, lease_seconds: float) -> list[Job]:
        """Lease up to `batch` jobs that nobody else holds."""
        return await self._rows(
            class_row(Job),
            "select lease_id, job_id, kind, subject_id, conversation_id, content, attempt,"
            " queued_at from vigil.claim_jobs(%s, %s, %s)",
            self.worker, batch, lease_seconds,
        )  # fmt: skip

    async def settle(self, lease: int, outcomes: Sequence[Outcome]) -> int:
        """Carry out all verdicts in one transaction; what the lease no longer holds is skipped."""
        approved = [o for o in outcomes if _is_plain_approval(o)]
        found = [_plain(o) for o in outcomes if not _is_plain_approval(o)]
        settled: int = await self._value(
            "select vigil.settle_jobs(%s, %s, %s::bigint[], %s, %s)",
            self.worker, lease, [o.job_id for o in approved], Jsonb(found),
            approved[0].engine if approved else None,
        )  # fmt: skip
        return settled

    async def defer(self, lease: int, failures: Sequence[Failure]) -> list[Deferred]:
        """Give failed jobs back with a pause; those tried too often are dead."""
        return await self._rows(
            class_row(Deferred),
            "select job_id, dead from vigil.defer_jobs(%s, %s, %s)",
            self.worker, lease, Jsonb([_plain(f) for f in failures]),
        )  # fmt: skip

    async def release(self) -> int:
        """Give back at once whatever this worker still holds; no attempt is counted."""
        released: int = await self._value("select vigil.release_jobs(%s)", self.worker)
        return released

    async def terms_version(self) -> int:
        """The version of the term list; it changes with every change of a term."""
        version: int = await self._value("select vigil.terms_version()")
        return version

    async def load_terms(self) -> list[TermRow]:
        """Every active term."""
        return await self._rows(
            class_row(TermRow),
            "select term_id, term, category, severity, match, language, conversation_id"
            " from vigil.load_terms()",
        )

    async def queue_depth(self) -> dict[str, Any]:
        """How much waits, and how long the oldest has."""
        depth: dict[str, Any] = await self._value("select vigil.queue_depth()")
        return depth

    async def beat(self, state: Mapping[str, object]) -> None:
        """Tell the staff that this worker lives."""
        await self._value("select vigil.beat(%s, %s)", self.worker, Jsonb(dict(state)))


@dataclass(frozen=True, slots=True)
class ClockSession:
    """One connection of its own, because leading the clock is a lock of the session."""

    connection: Connection

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, database_url: str) -> AsyncIterator[Self]:
        """A session that ends, and gives up the lead, with its block."""
        with _translating():
            connection = await AsyncConnection.connect(conninfo(database_url), autocommit=True)
            try:
                await _prepare(connection)
                yield cls(connection)
            finally:
                await connection.close()

    async def try_lead(self) -> bool:
        """Become the only clock, or learn that another replica is."""
        with _translating():
            return bool(await self._one("select vigil.try_lead()"))

    async def stop_leading(self) -> None:
        """Let another replica lead at once."""
        with _translating():
            await self._one("select vigil.stop_leading()")

    async def seconds_to_next(self) -> float | None:
        """Until the next thing falls due, by the database's clock; none when nothing is."""
        with _translating():
            seconds = await self._one(
                "select extract(epoch from vigil.next_due() - clock_timestamp())::float8"
            )
        return None if seconds is None else float(seconds)

    async def run_due(self, max_rows: int) -> list[Due]:
        """Record and announce what is due, each exactly once."""
        with _translating():
            async with self.connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(
                    "select kind, subject_id, due_at, lateness_ms from vigil.run_due(%s)",
                    (max_rows,),
                )
                return [Due(**row) for row in await cursor.fetchall()]

    async def _one(self, call: LiteralString) -> Any:
        cursor = await self.connection.execute(call)
        row = await cursor.fetchone()
        return row[0] if row else None


def _plain(value: Outcome | Failure) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__slots__}


def _is_plain_approval(outcome: Outcome) -> bool:
    """Nothing but an id tells it from the other approvals of a batch."""
    return outcome.verdict == "approve" and not (
        outcome.matches or outcome.categories or outcome.reason
    )
