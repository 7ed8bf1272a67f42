"""The doorbell over the real gateway, through a line that can be cut or fall silent."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog
from tests.realtime.realtime_harness import ANON, SECRET, Running, serve
from tests.realtime.realtime_harness import settings as gateway_settings
from tests.realtime.realtime_harness import token as minted
from tests.support.database import Database
from tests.worker.worker_harness import Room, until, worker

from vigil import doorbell as doorbell_module
from vigil import doorbell_token
from vigil.doorbell import Doorbell
from vigil.metrics import Metrics
from vigil.settings import Settings
from vigil.wait import Backoff


@pytest.fixture
def gateway(db: Database) -> Iterator[Running]:
    config = gateway_settings(db.dsn("supabase_admin"))
    with serve(config, db.dsn("postgres")) as running:
        yield running


@dataclass
class Line:
    """A wire to the gateway that can be cut, refuse, or swallow what it carries."""

    target: int
    port: int = 0
    refuses: bool = False
    silent: bool = False
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        self.writers += [writer, back]
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if not self.silent:
                    sink.write(data)
                    await sink.drain()
            sink.transport.abort()

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


@asynccontextmanager
async def line(gateway: Running) -> AsyncIterator[Line]:
    wire = Line(int(gateway.url.split(":")[2].split("/")[0]))
    server = await asyncio.start_server(wire.accept, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        wire.cut()
        await asyncio.gather(*wire.tasks, return_exceptions=True)


@dataclass
class Rung:
    """A running doorbell and what can be asked of it."""

    bell: Doorbell
    task: asyncio.Task[None]
    wake: asyncio.Event

    async def is_live(self, live: bool = True, seconds: float = 15) -> None:
        async with asyncio.timeout(seconds):
            while self.bell.live is not live:
                await asyncio.sleep(0.01)

    async def ring(self, seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            await self.wake.wait()
        self.wake.clear()


@asynccontextmanager
async def ringing(port: int, **more: object) -> AsyncIterator[Rung]:
    told: dict[str, object] = {"doorbell_token": minted("vigil_doorbell", 3600)} | more
    settings = Settings(
        database_url="unused",
        worker_name="w",
        supabase_url=f"http://127.0.0.1:{port}",
        supabase_key=ANON,
        **told,  # type: ignore[arg-type]
    )
    wake, stop = asyncio.Event(), asyncio.Event()
    bell = Doorbell(settings, wake, Metrics(), backoff=Backoff(first=0.1, ceiling=0.3))
    task = asyncio.create_task(bell.run(stop=stop))
    try:
        yield Rung(bell, task, wake)
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def send(room: Room, content: str) -> None:
    await asyncio.to_thread(room.send, content)


async def test_it_rings_once_live_and_for_each_message(room: Room, gateway: Running) -> None:
    async with line(gateway) as wire, ringing(wire.port) as rung:
        await rung.is_live()
        assert rung.bell.poll_seconds() == 30
        await rung.ring()
        await asyncio.sleep(0.3)
        rung.wake.clear()
        await send(room, "hello")
        await rung.ring()


async def test_a_pending_message_rings_too(room: Room, gateway: Running, db: Database) -> None:
    db.owner().run("update vigil.settings set moderation_mode = 'pre'")
    async with line(gateway) as wire, ringing(wire.port) as rung:
        await rung.is_live()
        await asyncio.sleep(0.3)
        rung.wake.clear()
        await send(room, "hello")
        await rung.ring()


async def test_a_cut_line_is_noticed_and_taken_up_again(room: Room, gateway: Running) -> None:
    async with line(gateway) as wire, ringing(wire.port) as rung:
        await rung.is_live()
        rung.wake.clear()
        wire.refuses = True
        wire.cut()
        await rung.is_live(False)
        assert rung.wake.is_set(), "the drain must leave its long sleep"
        assert rung.bell.poll_seconds() == 1
        await asyncio.sleep(1.5)
        assert not rung.task.done(), "it never gives up"
        assert rung.bell.backoff.failures >= 3
        rung.wake.clear()
        wire.refuses = False
        await rung.is_live()
        await rung.ring()
        await send(room, "hello")
        await rung.ring()


async def test_a_silent_socket_is_noticed_by_its_own_probe(room: Room, gateway: Running) -> None:
    async with line(gateway) as wire, ringing(wire.port, doorbell_probe_seconds=0.3) as rung:
        await rung.is_live()
        await asyncio.sleep(2)
        assert rung.bell.live, "answered probes are no alarm"
        assert rung.bell.metrics.bell_attempts._value.get() == 1
        with structlog.testing.capture_logs() as logs:
            wire.silent = True
            await rung.is_live(False)
        lost = [each["reason"] for each in logs if each["event"] == doorbell_module.LOST]
        assert lost == ["the socket is silent"] or not lost
        wire.silent = False
        wire.cut()
        await rung.is_live()
        rung.wake.clear()
        await send(room, "hello")
        await rung.ring()


async def test_a_dead_listener_is_noticed(
    room: Room, gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[doorbell_module.AsyncRealtimeClient] = []

    class Kept(doorbell_module.AsyncRealtimeClient):
        def __init__(self, *args: object, **named: object) -> None:
            super().__init__(*args, **named)  # type: ignore[arg-type]
            made.append(self)

    monkeypatch.setattr(doorbell_module, "AsyncRealtimeClient", Kept)
    async with line(gateway) as wire, ringing(wire.port) as rung:
        await rung.is_live()
        assert made[0]._listen_task is not None
        made[0]._listen_task.cancel()
        assert made[0].is_connected, "the client itself believes to be well"
        await rung.is_live(False)
        await rung.is_live()
        assert len(made) == 2
        assert (
            made[0]
            .channels.keys()
            .isdisjoint(topic for topic in made[1].channels if topic != "phoenix")
        ), "each attempt has a topic of its own"


async def test_a_token_is_renewed_before_it_ends(
    room: Room, gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorbell_token, "LIFETIME", 4.0)
    monkeypatch.setattr(doorbell_token, "MARGIN", 1.5)
    async with (
        line(gateway) as wire,
        ringing(wire.port, doorbell_token="", jwt_secret=SECRET) as rung,
    ):
        for attempts in (1, 2, 3):
            await rung.is_live()
            assert rung.bell.metrics.bell_attempts._value.get() == attempts
            await asyncio.sleep(0.3)
            rung.wake.clear()
            await send(room, f"hello {attempts}")
            await rung.ring()
            await rung.is_live(False)


async def test_a_given_token_that_ends_leaves_polling_and_says_so(gateway: Running) -> None:
    with structlog.testing.capture_logs() as logs:
        async with (
            line(gateway) as wire,
            ringing(wire.port, doorbell_token=minted("vigil_doorbell", 2)) as rung,
        ):
            await rung.is_live()
            await asyncio.wait_for(asyncio.shield(rung.task), 10)
            assert rung.bell.poll_seconds() == 1
    assert [each["event"] for each in logs].count(doorbell_module.EXPIRED) == 1


async def test_without_a_token_it_polls_and_says_so_once() -> None:
    with structlog.testing.capture_logs() as logs:
        async with ringing(1, doorbell_token="") as rung:
            await asyncio.wait_for(asyncio.shield(rung.task), 5)
            assert rung.bell.poll_seconds() == 1
    assert [each["event"] for each in logs] == [doorbell_module.ABSENT]


async def test_a_message_nobody_rang_for_brings_a_new_subscription(
    room: Room, gateway: Running
) -> None:
    async with line(gateway) as wire, ringing(wire.port) as rung:
        await rung.is_live()
        rung.bell.doubt()
        await rung.is_live(False)
        await rung.is_live()
        assert rung.bell.metrics.bell_attempts._value.get() == 2


async def test_a_private_topic_rings_as_well(gateway: Running, db: Database) -> None:
    db.owner().run(
        "create policy bell on realtime.messages for select to authenticated"
        " using ((select realtime.topic()) = 'ops:bell'"
        " and (select auth.jwt()) ->> 'purpose' = 'doorbell')"
    )
    ticket = minted("authenticated", 3600, purpose="doorbell")
    async with (
        line(gateway) as wire,
        ringing(wire.port, doorbell_topic="ops:bell", doorbell_token=ticket) as rung,
    ):
        await rung.is_live()
        await asyncio.sleep(0.3)
        rung.wake.clear()
        await asyncio.to_thread(
            db.superuser().run, "select realtime.send('{}', 'ring', 'ops:bell', true)"
        )
        await rung.ring()


def test_a_worker_rings_on_the_private_topic_of_the_database(
    db: Database, room: Room, gateway: Running, tmp_path: Path
) -> None:
    room.add_terms(("grumble", "remove"))
    told = {
        "supabase_url": gateway.base,
        "supabase_key": ANON,
        "jwt_secret": SECRET,
        "doorbell_topic": "vigil:doorbell",
        "poll_seconds": 600,
        "doorbell_poll_seconds": 600,
    }
    with worker(db, tmp_path, **told) as running:
        refused = running.wait_for("doorbell.lost")
        assert "Unauthorized" in refused["reason"], "until the owner says so, nobody may listen"
        db.owner().run("select vigil.ring_privately(true)")
        running.wait_for("doorbell.live", seconds=60)
        time.sleep(0.5)
        room.send("grumble")
        until(lambda: room.state_of("grumble") == "removed", "a verdict")
        room.send("fine")
        until(lambda: room.verdicts()["fine"], "a verdict")
        message = room.owner.value("select id from public.messages where content = 'fine'")
        db.acting_as(room.ann).value("select public.edit_message(%s, 'finer')", message)
        until(lambda: "finer" in room.verdicts(), "an edit rings too")
        assert running.stop() == 0


def test_a_worker_with_a_doorbell_needs_no_poll(
    db: Database, room: Room, gateway: Running, tmp_path: Path
) -> None:
    room.add_terms(("grumble", "remove"))
    with worker(
        db,
        tmp_path,
        supabase_url=gateway.base,
        supabase_key=ANON,
        doorbell_token=minted("vigil_doorbell", 3600),
        poll_seconds=600,
        doorbell_poll_seconds=600,
    ) as running:
        running.wait_for("doorbell.live")
        time.sleep(0.5)
        began = time.monotonic()
        room.send("grumble")
        until(lambda: room.state_of("grumble") == "removed", "a verdict")
        assert time.monotonic() - began < 100, "or the poll did it"
        # What rings no bell is found as well.
        room.send("fine")
        until(lambda: room.verdicts()["fine"], "a verdict")
        message = room.owner.value("select id from public.messages where content = 'fine'")
        db.acting_as(room.ann).value("select public.edit_message(%s, 'finer')", message)
        until(lambda: "finer" in room.verdicts(), "the edit")
        assert running.stop() == 0
