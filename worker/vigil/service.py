"""The worker's services in one group: any that fails takes all down, one signal ends all."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from vigil.clock import Clock
from vigil.doorbell import Doorbell
from vigil.drain import Drain, Drained
from vigil.errors import PeerUnavailableError
from vigil.filtering import Filter
from vigil.health import Condition, build_app, feed_watchdog, listen, serve_http
from vigil.metrics import Metrics
from vigil.notify import Notifier
from vigil.outbox import Outbox
from vigil.settings import Settings
from vigil.version import VERSION, check_schema
from vigil.wait import Backoff, first_of

log = structlog.get_logger()

STARTED = "worker.started"
STOPPING = "worker.stopping"
STOPPED = "worker.stopped"
WAITING = "worker.waiting_for_database"

BEAT_SECONDS = 5.0
ABORT_SECONDS = 3.0
# Longer than any single database call may take before it is cut off.
STUCK_SECONDS = 90.0


@dataclass(slots=True)
class Service:
    """Everything one process runs, wired together."""

    settings: Settings
    outbox: Outbox
    notifier: Notifier
    metrics: Metrics
    filter: Filter
    drain: Drain
    clock: Clock
    doorbell: Doorbell
    wake: asyncio.Event
    reached: float = 0.0

    @classmethod
    def build(cls, settings: Settings, outbox: Outbox, notifier: Notifier) -> "Service":
        """Wire the services of one replica."""
        metrics, wake = Metrics(), asyncio.Event()
        found = Filter(outbox, settings)
        drain = Drain(outbox, found, metrics, settings.batch, settings.lease_seconds)
        return cls(
            settings=settings,
            outbox=outbox,
            notifier=notifier,
            metrics=metrics,
            filter=found,
            drain=drain,
            clock=Clock(settings.database_url, metrics, settings.clock_seconds, drain.look),
            doorbell=Doorbell(settings, wake, metrics),
            wake=wake,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`, settle what is held, give back the rest."""
        channel = listen(self.settings.health_port) if self.settings.health_port else None
        condition = Condition(self.stuck, self.unready)
        serving = asyncio.Event()  # health and watchdog outlive the drain, to cover its end
        async with asyncio.TaskGroup() as group:
            if channel is not None:
                app = build_app(condition, self.metrics)
                group.create_task(serve_http(app, channel, stop=serving))
            group.create_task(feed_watchdog(self.notifier, condition, self.status, stop=serving))
            try:
                if await self._meet(stop):
                    await self._work(stop)
            finally:
                serving.set()

    async def _work(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.filter.run(stop=stop))
            group.create_task(self.clock.run(stop=stop))
            group.create_task(self.doorbell.run(stop=stop))
            group.create_task(self._beat(stop))
            group.create_task(self._announce_stop(stop))
            group.create_task(self._drain(stop))
        await self.drain.release()
        log.info(STOPPED)

    async def _drain(self, stop: asyncio.Event) -> None:
        while not self.filter.loaded.is_set() and not stop.is_set():
            self.drain.ticked = time.monotonic()
            await first_of(self.filter.loaded, stop, seconds=5.0)
        if stop.is_set():
            return
        self.notifier.send(READY="1", STATUS=self.status())
        log.info(STARTED, worker=self.settings.worker_name, version=VERSION)
        await self.drain.run(
            wake=self.wake,
            stop=stop,
            poll=self.doorbell.poll_seconds,
            missed=self.doorbell.doubt,
        )

    async def _meet(self, stop: asyncio.Event) -> bool:
        """Wait for the database and see that it fits; false when stopped before it came."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                await meet(self.outbox)
            except PeerUnavailableError as exc:
                if not backoff.failures:
                    log.warning(WAITING, reason=str(exc))
                await first_of(stop, seconds=backoff.next())
                self.drain.ticked = self.clock.ticked = time.monotonic()
                continue
            return True
        return False

    async def _beat(self, stop: asyncio.Event) -> None:
        await first_of(self.filter.loaded, stop, seconds=BEAT_SECONDS)
        while not stop.is_set():
            try:
                depth = await self.outbox.queue_depth()
                for state in ("ready", "leased", "dead"):
                    self.metrics.queue.labels(state).set(depth.get(state) or 0)
                self.metrics.oldest.set(depth.get("oldest_seconds") or 0)
                if depth.get("ready"):
                    self.drain.look.set()
                await self.outbox.beat(self.state())
                self.reached = time.monotonic()
            except PeerUnavailableError as exc:
                log.debug(WAITING, reason=str(exc))  # drain has said so already
            await first_of(stop, seconds=BEAT_SECONDS)

    async def _announce_stop(self, stop: asyncio.Event) -> None:
        await stop.wait()
        log.info(STOPPING)
        self.notifier.send(STOPPING="1", STATUS="settling what is held")

    def state(self) -> dict[str, Any]:
        """What the staff see of this replica."""
        return {
            "version": VERSION,
            "engine": self.filter.engine.name if self.filter.engine else None,
            "doorbell": "live" if self.doorbell.live else "polling",
            "leading": self.clock.leading,
        }

    def status(self) -> str:
        """One line for `systemctl status`."""
        return ", ".join(f"{name} {value}" for name, value in self.state().items())

    def stuck(self) -> str:
        """Which loop no longer turns; empty while all do."""
        longest = max(self.settings.poll_seconds, self.settings.doorbell_poll_seconds)
        now = time.monotonic()
        if now - self.drain.ticked > STUCK_SECONDS + longest:
            return "the drain is stuck"
        if now - self.clock.ticked > STUCK_SECONDS + self.settings.clock_seconds:
            return "the clock is stuck"
        return ""

    def unready(self) -> str:
        """Why no work can be done now; empty when it can."""
        if not self.filter.loaded.is_set():
            return "the term list is not loaded"
        if time.monotonic() - self.reached > 4 * BEAT_SECONDS:
            return "the database does not answer"
        return ""


async def meet(outbox: Outbox) -> dict[str, Any]:
    """Say hello, and refuse a database that does not fit this code."""
    await outbox.knock()
    said = await outbox.hello(VERSION)
    check_schema(int(said["schema_version"]), int(said.get("breaking_since") or 0))
    return said


async def serve(settings: Settings, notifier: Notifier) -> None:
    """Run one replica until a signal: the first drains, the second aborts."""
    stop = asyncio.Event()
    task = asyncio.current_task()

    def on_signal() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
            # A filter that never returns would hold the process in its thread.
            asyncio.get_running_loop().call_later(ABORT_SECONDS, os._exit, 1)
        stop.set()

    restore = _on_signals(on_signal)
    try:
        async with Outbox.open(settings.database_url, settings.worker_name) as outbox:
            await Service.build(settings, outbox, notifier).run(stop)
    finally:
        restore()


async def drain_once(settings: Settings) -> Drained:
    """Work until the queue holds nothing that is ready, then return what was done."""
    async with Outbox.open(settings.database_url, settings.worker_name) as outbox:
        service = Service.build(settings, outbox, Notifier())
        await meet(outbox)
        await service.filter.run_once()
        total = Drained()
        try:
            while (done := await service.drain.run_once()).claimed:
                total = Drained(
                    total.claimed + done.claimed,
                    total.settled + done.settled,
                    total.deferred + done.deferred,
                )
        finally:
            await service.drain.release()
        return total


async def check(settings: Settings) -> dict[str, Any]:
    """What a worker with these settings would find; changes nothing but its heartbeat's name."""
    async with Outbox.open(settings.database_url, settings.worker_name) as outbox:
        said = await meet(outbox)
        return {
            "schema_version": said["schema_version"],
            "terms_version": await outbox.terms_version(),
            "queue": await outbox.queue_depth(),
            "doorbell": "configured" if settings.doorbell_configured else "polling only",
        }


def _on_signals(handler: Callable[[], None]) -> Callable[[], None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for each in signals:
        loop.add_signal_handler(each, handler)

    def restore() -> None:
        for each in signals:
            loop.remove_signal_handler(each)

    return restore
