"""What a channel needs of its socket: who connected, in which format, and a way out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from vigil_cli.local.realtime.serializer import Version


@dataclass(slots=True, eq=False)
class Session:
    """One connection. Frames are queued; a client too slow to take them is disconnected."""

    version: Version
    api_token: str = field(repr=False)
    headers_json: str = field(repr=False)
    max_queued_bytes: int
    queue: asyncio.Queue[str | bytes] = field(default_factory=asyncio.Queue)
    queued_bytes: int = 0
    overflowed: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, frame: str | bytes) -> None:
        """Queue a frame; frames leave in this order."""
        if self.overflowed.is_set():
            return
        self.queued_bytes += len(frame)
        if self.queued_bytes > self.max_queued_bytes:
            self.overflowed.set()
        else:
            self.queue.put_nowait(frame)

    async def next_frame(self) -> str | bytes:
        """The next frame to write; say `written` afterwards."""
        frame = await self.queue.get()
        self.queued_bytes -= len(frame)
        return frame

    def written(self) -> None:
        """The frame taken last is out."""
        self.queue.task_done()

    async def flushed(self) -> None:
        """Return when everything queued is out."""
        await self.queue.join()
