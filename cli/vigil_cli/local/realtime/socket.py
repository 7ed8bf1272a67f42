"""One websocket: frames in, to the worker of their topic; frames out, in the order queued.

Each topic of a socket has one worker, so what a client sends on a topic is acted on in order,
and a join that waits holds up no other topic.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from vigil_cli.local.realtime.broadcast import PREFIX
from vigil_cli.local.realtime.channel import Channel, ChannelClosedError, JoinRefusedError
from vigil_cli.local.realtime.gateway import Gateway
from vigil_cli.local.realtime.serializer import (
    Inbound,
    UnreadableFrameError,
    Version,
    decode_binary,
    decode_text,
    dumps,
    encode,
)
from vigil_cli.local.realtime.session import Session

log = structlog.get_logger()

_TOPIC_QUEUE = 256
_NORMAL, _TOO_BIG, _RESTARTING, _TRY_LATER = 1000, 1009, 1012, 1013
_GOODBYE_SECONDS = 1.0


class TopicWorker:
    """Acts on one topic's messages in order, and holds its channel while it is joined."""

    def __init__(self, socket: Socket, topic: str) -> None:
        self._socket = socket
        self._topic = topic
        self.queue: asyncio.Queue[Inbound] = asyncio.Queue(_TOPIC_QUEUE)
        self.channel: Channel | None = None
        self.task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """End the channel without a word: the socket is gone."""
        self.task.cancel()
        if self.channel is not None:
            self.channel.shutdown()

    async def _run(self) -> None:
        while True:
            message = await self.queue.get()
            try:
                await self._act(message)
            except Exception:
                # A bug in one channel ends that channel as a crash would, not the socket.
                log.exception("realtime.channel_failed", topic=self._topic)
                if self.channel is not None:
                    self.channel.shutdown()
                    self.channel.push_closing("phx_error")
            if self.channel is not None and self.channel.closed:
                self.channel = None
            if self.channel is None and self.queue.empty():
                self._socket.forget(self._topic)
                return

    async def _act(self, message: Inbound) -> None:
        channel = self.channel
        if channel is not None and channel.closed:
            channel = self.channel = None
        if message.event == "phx_join":
            await self._join(message, channel)
        elif channel is None:
            self._socket.unmatched(message)
        elif message.event == "phx_leave":
            channel.reply(message.ref, "ok", {})
            channel.close()
        else:
            try:
                await channel.handle(message)
            except ChannelClosedError as exc:
                channel.close(str(exc))

    async def _join(self, message: Inbound, before: Channel | None) -> None:
        """Answer a join; a channel it replaces is closed after the answer, as clients expect."""
        if before is not None:
            before.shutdown()
        gateway, session = self._socket.gateway, self._socket.session
        self.channel = None
        channel = Channel(gateway, session, self._topic, message.join_ref or message.ref)
        try:
            self._socket.check_channel_limit()
            await channel.authorize(message.payload)
        except JoinRefusedError as exc:
            channel.shutdown()
            await asyncio.sleep(gateway.config.join_error_seconds)
            log.info("realtime.join_refused", topic=self._topic, reason=str(exc))
            channel.reply(message.ref, "error", {"reason": str(exc)})
        except BaseException:
            channel.shutdown()
            raise
        else:
            echoes = [binding.echo for binding in channel.request.bindings]
            channel.reply(message.ref, "ok", {"postgres_changes": echoes})
            self.channel = channel
        if before is not None:
            before.push_closing("phx_close")
        if self.channel is channel:
            channel.start()


class Socket:
    """A connection from its first frame to its last."""

    def __init__(self, gateway: Gateway, session: Session, websocket: WebSocket) -> None:
        self.gateway = gateway
        self.session = session
        self._websocket = websocket
        self._workers: dict[str, TopicWorker] = {}
        self._close_code = _NORMAL

    async def serve(self) -> None:
        """Read until the client goes, is idle, is too slow, or the server stops."""
        with self.gateway.connected(self):
            await self._serve()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        reading = loop.create_task(self._read())
        writing = loop.create_task(self._write())
        overflow = loop.create_task(self.session.overflowed.wait())
        leaving = loop.create_task(self.gateway.leaving.wait())
        tasks = (reading, writing, overflow, leaving)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self.session.overflowed.is_set():
                log.warning("realtime.slow_client", queued_bytes=self.session.queued_bytes)
                self._close_code = _TRY_LATER
            elif leaving.done():
                self._close_code = _RESTARTING
                await self._say_farewell()
        finally:
            for worker in tuple(self._workers.values()):
                worker.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close()

    def check_channel_limit(self) -> None:
        """Raise JoinRefusedError when no further channel may be joined."""
        joined = sum(worker.channel is not None for worker in self._workers.values())
        if joined >= self.gateway.config.max_channels:
            raise JoinRefusedError("ChannelRateLimitReached: Too many channels")

    def forget(self, topic: str) -> None:
        """The topic has neither channel nor messages any more."""
        self._workers.pop(topic, None)

    def unmatched(self, message: Inbound) -> None:
        """Answer a push on a topic that is not joined; leaving such a topic succeeds."""
        leaving = message.event == "phx_leave"
        payload = {"status": "ok", "response": {}}
        if not leaving:
            payload = {"status": "error", "response": {"reason": "unmatched topic"}}
        self._reply(message, payload)

    async def _read(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self.gateway.config.idle_seconds):
                    event = await self._websocket.receive()
            except TimeoutError:
                return
            if event["type"] == "websocket.disconnect":
                return
            frame: str | bytes | None = event.get("text")
            if frame is None:
                frame = event.get("bytes") or b""
            if len(frame) > self.gateway.config.max_frame_bytes:
                self._close_code = _TOO_BIG
                return
            try:
                message = self._decode(frame)
            except UnreadableFrameError as exc:
                log.debug("realtime.frame_dropped", reason=str(exc))
            else:
                await self._route(message)

    def _decode(self, frame: str | bytes) -> Inbound:
        if isinstance(frame, str):
            return decode_text(self.session.version, frame)
        if self.session.version is Version.V1:
            raise UnreadableFrameError("version 1 has no binary frames")
        return decode_binary(frame)

    async def _route(self, message: Inbound) -> None:
        if message.topic == "phoenix" and message.event == "heartbeat":
            self._reply(message, {"status": "ok", "response": {}})
            return
        worker = self._workers.get(message.topic)
        if worker is None:
            if message.event != "phx_join" or not message.topic.startswith(PREFIX):
                self.unmatched(message)
                return
            worker = self._workers[message.topic] = TopicWorker(self, message.topic)
        await worker.queue.put(message)

    def _reply(self, message: Inbound, payload: object) -> None:
        self.session.send(
            encode(
                self.session.version,
                message.topic,
                "phx_reply",
                dumps(payload),
                ref=message.ref,
                join_ref=message.join_ref,
            )
        )

    async def _write(self) -> None:
        while True:
            frame = await self.session.next_frame()
            try:
                if isinstance(frame, str):
                    await self._websocket.send_text(frame)
                else:
                    await self._websocket.send_bytes(frame)
                self.session.written()
            except (WebSocketDisconnect, RuntimeError, OSError):
                return

    async def _say_farewell(self) -> None:
        for worker in tuple(self._workers.values()):
            if worker.channel is not None and worker.channel.joined:
                worker.channel.system("system", "ok", "Server requested disconnect")
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self.session.flushed()

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._websocket.close(self._close_code)
        except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
            return  # the other side was first
