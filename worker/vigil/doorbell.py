"""Ring when a message arrives: the official Realtime client, trusted with nothing but latency.

The client can die without a word in several ways, so each attempt has a client and a topic of its
own, is watched from outside, and is thrown away whole at the first sign of trouble.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from realtime.message import Message, ServerMessage
from realtime.types import RealtimeChannelOptions

from realtime import (
    AsyncRealtimeChannel,
    AsyncRealtimeClient,
    RealtimePostgresChangesListenEvent,
    RealtimeSubscribeStates,
)
from vigil.doorbell_token import DoorbellToken, token_for
from vigil.metrics import Metrics
from vigil.settings import Settings
from vigil.wait import Backoff, first_of

log = structlog.get_logger()

ABSENT = "doorbell.absent"
LIVE = "doorbell.live"
LOST = "doorbell.lost"
EXPIRED = "doorbell.token_expired"

WENT_LIVE = "Subscribed to PostgreSQL"
LIVE_WITHIN = 30.0
ANSWER_WITHIN = 10.0
CLOSE_WITHIN = 2.0
LOOK_EVERY = 1.0
# An attempt that lived this long was no failure; the next one starts at once.
LONG_ENOUGH = 30.0
SOCKET_TOPIC = "phoenix"


class _Pulse(AsyncRealtimeChannel):
    """Hears the answers to heartbeats, which the client itself does not look at."""

    def __init__(self, socket: AsyncRealtimeClient) -> None:
        super().__init__(socket, SOCKET_TOPIC)
        self.heard = asyncio.Event()

    def _handle_message(self, message: ServerMessage) -> None:  # noqa: ARG002
        self.heard.set()


@dataclass(slots=True)
class _Attempt:
    """One client's life; callbacks only write down what happened."""

    client: AsyncRealtimeClient
    ring: Callable[[], None]
    subscribed: asyncio.Event = field(default_factory=asyncio.Event)
    live: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    why: str = ""

    def end(self, why: str) -> None:
        self.why = self.why or why
        self.ended.set()

    def on_state(self, state: RealtimeSubscribeStates, problem: Exception | None) -> None:
        if state == RealtimeSubscribeStates.SUBSCRIBED:
            self.subscribed.set()
        else:
            self.end(f"{state.value}: {problem}"[:200] if problem else state.value)

    def on_system(self, payload: object) -> None:
        # Only now does the server look at changes; what came before is fetched by one ring.
        if getattr(payload, "message", "") == WENT_LIVE:
            self.live.set()
            self.ring()

    def on_event(self, _: object) -> None:
        self.ring()


@dataclass(slots=True)
class Doorbell:
    """Sets `wake` on each event, each (re)subscription and each loss. Carries nothing else."""

    settings: Settings
    wake: asyncio.Event
    metrics: Metrics
    live: bool = False
    doubted: asyncio.Event = field(default_factory=asyncio.Event)
    backoff: Backoff = field(default_factory=lambda: Backoff(first=0.5, ceiling=30.0))

    async def run(self, *, stop: asyncio.Event) -> None:
        """Keep one subscription alive until `stop`; without a token there is none to keep."""
        if not self.settings.doorbell_configured:
            log.info(ABSENT, poll_seconds=self.settings.poll_seconds)
            return
        while not stop.is_set():
            token = token_for(self.settings, now=time.time())
            if token.renew_at <= time.time():
                log.error(EXPIRED, poll_seconds=self.settings.poll_seconds)
                return
            began = time.monotonic()
            why = await self._run_attempt(token, stop)
            if stop.is_set():
                return
            if time.monotonic() - began >= LONG_ENOUGH or why == EXPIRED:
                self.backoff.reset()
            log.info(LOST, reason=why, failures=self.backoff.failures)
            if why != EXPIRED:
                await first_of(stop, seconds=self.backoff.next())

    def doubt(self) -> None:
        """A message was found that nobody rang for: the subscription is dead, whatever it says."""
        if self.live:
            self.doubted.set()

    def poll_seconds(self) -> float:
        """How long the drain may sleep without a ring."""
        if self.live:
            return self.settings.doorbell_poll_seconds
        return self.settings.poll_seconds

    async def _run_attempt(self, token: DoorbellToken, stop: asyncio.Event) -> str:
        self.metrics.bell_attempts.inc()
        self.doubted.clear()
        client = AsyncRealtimeClient(
            f"{self.settings.supabase_url}/realtime/v1",
            token=self.settings.supabase_key,
            auto_reconnect=False,
            max_retries=1,
        )
        attempt = _Attempt(client, self._ring)
        try:
            await self._subscribe(attempt, token)
            await self._watch(attempt, token, stop)
        except Exception as exc:  # noqa: BLE001 - the client raises anything; the caller logs why
            attempt.end(f"{type(exc).__name__}: {exc}"[:200])
        finally:
            self._set_live(False)
            await _discard(client)
        return attempt.why

    async def _subscribe(self, attempt: _Attempt, token: DoorbellToken) -> None:
        client, topic = attempt.client, self.settings.doorbell_topic
        await client.connect()
        await client.set_auth(token.jwt)
        if topic:
            private: RealtimeChannelOptions = {
                "config": {
                    "broadcast": {"ack": False, "self": False},
                    "presence": {"key": "", "enabled": False},
                    "private": True,
                }
            }
            channel = client.channel(topic, private)
            channel.on_broadcast("*", attempt.on_event)
        else:
            channel = client.channel(f"vigil-doorbell-{secrets.token_hex(8)}")
            channel.on_postgres_changes(
                RealtimePostgresChangesListenEvent.Insert,
                attempt.on_event,
                table="messages",
                schema="public",
            )
            channel.on_system(attempt.on_system)
        await asyncio.wait_for(channel.subscribe(attempt.on_state), LIVE_WITHIN)
        if topic and attempt.subscribed.is_set():
            attempt.live.set()
            attempt.ring()

    async def _watch(self, attempt: _Attempt, token: DoorbellToken, stop: asyncio.Event) -> None:
        """Return when the attempt is over for whatever reason."""
        pulse = _Pulse(attempt.client)
        attempt.client.channels[SOCKET_TOPIC] = pulse
        began = probed = time.monotonic()
        asked: float | None = None
        look = min(LOOK_EVERY, self.settings.doorbell_probe_seconds)
        while not stop.is_set() and not attempt.ended.is_set():
            now = time.monotonic()
            self._set_live(attempt.live.is_set())
            if pulse.heard.is_set():
                pulse.heard.clear()
                asked = None
            if time.time() >= token.renew_at:
                attempt.end(EXPIRED)
            elif self.doubted.is_set():
                attempt.end("a message came without a ring")
            elif not attempt.live.is_set() and now - began > LIVE_WITHIN:
                attempt.end("never went live")
            elif asked is not None and now - asked > self._answer_within():
                attempt.end("the socket is silent")
            elif _listener_is_dead(attempt.client):
                attempt.end("the listener died")
            elif asked is None and now - probed >= self.settings.doorbell_probe_seconds:
                asked = probed = now
                await attempt.client.send(
                    Message(topic=SOCKET_TOPIC, event="heartbeat", payload={}, ref="vigil")
                )
            # Waking for `live` matters once; afterwards it stays set and would never sleep.
            events = [attempt.ended, stop, self.doubted]
            if not attempt.live.is_set():
                events.append(attempt.live)
            await first_of(*events, seconds=look)

    def _answer_within(self) -> float:
        return min(ANSWER_WITHIN, self.settings.doorbell_probe_seconds * 2)

    def _ring(self) -> None:
        self.metrics.rings.inc()
        self.wake.set()

    def _set_live(self, live: bool) -> None:
        if live == self.live:
            return
        self.live = live
        self.metrics.bell_live.set(live)
        if live:
            log.info(LIVE)
        # The drain may be in a long sleep that relied on this subscription.
        self.wake.set()


def _listener_is_dead(client: AsyncRealtimeClient) -> bool:
    listener = client._listen_task
    return listener is None or listener.done()


async def _discard(client: AsyncRealtimeClient) -> None:
    """Close without waiting for a peer that no longer answers, and let no task of it linger."""
    socket, tasks = client._ws_connection, [client._listen_task, client._heartbeat_task]
    channels = list(client.channels.values())
    try:
        await asyncio.wait_for(client.close(), CLOSE_WITHIN)
    except Exception as exc:  # noqa: BLE001 - it is thrown away either way
        log.debug(LOST, reason=f"close: {type(exc).__name__}")
    if socket is not None:
        socket.transport.abort()
    for channel in channels:
        channel.rejoin_timer.reset()
        channel.join_push.destroy()
    left = [task for task in tasks if task is not None and not task.done()]
    for task in left:
        task.cancel()
    # A listener killed by an exception is looked at here, so that nobody warns about it later.
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
