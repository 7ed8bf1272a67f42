"""From a message's commit to its verdict's, a steady stream, and how late an expiry is recorded."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.realtime.realtime_harness import ANON, Running, Wire, serve, token, user_token
from tests.realtime.realtime_harness import settings as gateway_settings
from tests.worker.worker_harness import worker
from websockets.asyncio.client import connect

from bench.drains import NoFilter
from bench.inserts import ONE
from bench.report import spread
from bench.world import TEXT, World
from vigil.doorbell import Doorbell
from vigil.drain import Drain
from vigil.metrics import Metrics
from vigil.outbox import Outbox, Outcome
from vigil.settings import Settings

STREAM_TEXT = (TEXT + " ") * 75  # about 4 KB
PER_SECOND = 50
SUBSCRIBERS = 100


@contextmanager
def gateway(world: World) -> Iterator[Running]:
    """The local Realtime gateway, reading the log as often as Supabase's does."""
    config = gateway_settings(world.db.dsn("supabase_admin"), poll_seconds=0.1)
    with serve(config, world.db.dsn("postgres")) as running:
        yield running


class Bell(asyncio.Event):
    """Notes when the event reached the worker's socket."""

    rang = 0.0

    def set(self) -> None:
        self.rang = time.perf_counter()
        super().set()


class NotingOutbox(Outbox):
    """Notes when a settling was committed."""

    settled_at: list[float] = []  # noqa: RUF012 - one bench, one list

    async def settle(self, lease: int, outcomes: Sequence[Outcome]) -> int:
        settled = await super().settle(lease, outcomes)
        self.settled_at.append(time.perf_counter())
        return settled


def doorbell(world: World, count: int) -> dict[str, dict[str, float]]:
    """Milliseconds from commit to verdict committed, and the part after the socket's event."""
    world.owner.execute("truncate vigil.jobs, vigil.leases")
    with gateway(world) as running:
        whole, rung = asyncio.run(_doorbell(world, running, count))
    return {"commit_to_verdict": spread(whole), "socket_to_verdict": spread(rung)}


async def _doorbell(world: World, running: Running, count: int) -> tuple[list[float], list[float]]:
    url = world.db.dsn("vigil_worker")
    settings = Settings(
        database_url=url, worker_name="bench", supabase_url=running.base, supabase_key=ANON,
        doorbell_token=token("vigil_doorbell", 3600),
    )  # fmt: skip
    bell, stop = Bell(), asyncio.Event()
    rings = Doorbell(settings, bell, Metrics())
    whole, rung = [], []
    session = world.db.acting_as(world.sender)
    async with NotingOutbox.open(url, "bench") as outbox, asyncio.TaskGroup() as group:
        group.create_task(rings.run(stop=stop))
        drain = Drain(outbox, NoFilter(flagging=False), Metrics())
        group.create_task(drain.run(wake=bell, stop=stop, poll=lambda: 3600.0))
        while not rings.live:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        for _ in range(count):
            seen = len(NotingOutbox.settled_at)
            await asyncio.to_thread(session.run, ONE, world.conversation, world.sender, TEXT)
            committed = time.perf_counter()
            async with asyncio.timeout(30):
                while len(NotingOutbox.settled_at) == seen:
                    await asyncio.sleep(0.0005)
            settled = NotingOutbox.settled_at[-1]
            whole.append((settled - committed) * 1000)
            rung.append((settled - bell.rang) * 1000)
        stop.set()
    return whole, rung


@dataclass
class Stream:
    """What was seen while messages came in steadily."""

    sent: int
    seconds: float
    backlog: list[int]
    worker_mb: list[float]

    def as_json(self) -> dict[str, Any]:
        half = len(self.backlog) // 2
        return {
            "sent": self.sent,
            "seconds": round(self.seconds),
            "per_second": round(self.sent / self.seconds, 1),
            "backlog_median_halves": [
                statistics.median(self.backlog[:half]),
                statistics.median(self.backlog[half:]),
            ],
            "backlog_max": max(self.backlog),
            "backlog_end": self.backlog[-1],
            "worker_mb_start": self.worker_mb[0],
            "worker_mb_end": self.worker_mb[-1],
        }


def sustained(world: World, seconds: float) -> dict[str, Any]:
    """50 messages of 4 KB a second, 100 subscribers, the worker a process of its own."""
    world.owner.execute("truncate vigil.jobs, vigil.leases")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, limit[1]), limit[1]))
    with (
        gateway(world) as running,
        tempfile.TemporaryDirectory() as place,
        worker(
            world.db, Path(place), supabase_url=running.base, supabase_key=ANON,
            doorbell_token=token("vigil_doorbell", 7200), poll_seconds=60,
        ) as process,
        _listening(world, running),
    ):  # fmt: skip
        process.wait_for("doorbell.live", seconds=60)
        seen = Stream(0, 0.0, [], [])
        began, look = time.monotonic(), 0.0
        session = world.db.acting_as(world.sender)
        while (passed := time.monotonic() - began) < seconds:
            if passed >= seen.sent / PER_SECOND:
                session.run(ONE, world.conversation, world.sender, STREAM_TEXT)
                seen.sent += 1
            else:
                time.sleep(0.002)
            if passed >= look:
                look += max(seconds / 120, 0.25)
                seen.backlog.append(_waiting(world))
                seen.worker_mb.append(_resident_mb(process.process.pid))
        seen.seconds = time.monotonic() - began
        time.sleep(2)
        seen.backlog.append(_waiting(world))
        process.stop()
    return seen.as_json()


def _waiting(world: World) -> int:
    row = world.owner.execute(
        "select (select count(*) from vigil.jobs)"
        " + (select coalesce(sum(cardinality(job_ids)), 0) from vigil.leases) as n"
    ).fetchone()
    assert row is not None
    return int(row["n"])


def _resident_mb(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return round(int(line.split()[1]) / 1024, 1)
    return 0.0


@contextmanager
def _listening(world: World, running: Running) -> Iterator[None]:
    """A hundred sockets of the recipient, each subscribed to the messages, in another thread."""
    ready, stop = threading.Event(), threading.Event()

    async def hear(wire: Wire) -> None:
        async for _ in wire.connection:
            pass

    async def listen() -> None:
        async with AsyncExitStack() as stack:
            url = f"{running.url}/websocket?apikey={ANON}&vsn=1.0.0"
            changes = [{"event": "INSERT", "schema": "public", "table": "messages"}]
            hearing = []
            for _ in range(SUBSCRIBERS):
                opened = await stack.enter_async_context(
                    connect(url, compression=None, max_size=None)
                )
                wire = Wire(opened, v2=False)
                await wire.join(
                    "bench",
                    {"postgres_changes": changes},
                    access_token=user_token(world.other, 7200),
                )
                hearing.append(asyncio.create_task(hear(wire)))
            ready.set()
            await asyncio.to_thread(stop.wait)
            for task in hearing:
                task.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(listen()))
    thread.start()
    try:
        while not ready.wait(0.1):
            assert thread.is_alive(), "the subscribers did not come up"
        yield
    finally:
        stop.set()
        thread.join(30)


def lateness(world: World, count: int) -> dict[str, float]:
    """From the end of a short restriction to its record, with the clock's own waiting."""
    staff = world.db.acting_as(world.db.member("mia", "moderator"))
    clock = world.db.worker()
    found: list[float] = []
    for _ in range(count):
        staff.value(
            "select public.restrict_member(%s, 'warn', 'bench', '50 milliseconds')", world.sender
        )
        while True:
            due = clock.value(
                "select extract(epoch from vigil.next_due() - clock_timestamp())::float8"
            )
            if due is None:
                break
            time.sleep(max(due, 0))
            found += [row["lateness_ms"] for row in clock.rows("select * from vigil.run_due(10)")]
    return spread(found)
