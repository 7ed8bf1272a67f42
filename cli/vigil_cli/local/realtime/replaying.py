"""The replay a join may ask for: stored messages first, each message once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import structlog

from vigil_cli.local.realtime.broadcast import Broadcast
from vigil_cli.local.realtime.join import Replay
from vigil_cli.local.realtime.messages import replayed
from vigil_cli.local.realtime.serializer import user_broadcast_text

if TYPE_CHECKING:
    from vigil_cli.local.realtime.channel import Channel

log = structlog.get_logger()


class Replaying:
    """Holds back what comes while the stored messages are fetched, then releases it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._held: list[Broadcast] | None = None
        self._replayed: set[str] = set()

    def hold(self) -> None:
        """Keep new messages until `run` has sent the stored ones."""
        self._held = []

    def keeps(self, message: Broadcast) -> bool:
        """Whether the message must not be sent now: it waits, or it was sent already."""
        if self._held is not None:
            self._held.append(message)
            return True
        return message.message_id in self._replayed

    async def run(self, replay: Replay) -> None:
        """Repeat stored messages, then release what came meanwhile."""
        channel = self._channel
        try:
            async with channel.gateway.database.connection() as conn:
                stored = await replayed(conn, channel.name, replay)
        except (psycopg.Error, OSError) as exc:
            log.warning("realtime.replay_failed", topic=channel.name, reason=str(exc))
            stored = []
        held, self._held = self._held or [], None
        for message in stored:
            text = user_broadcast_text(message.user) if message.user else None
            if text is None:
                channel.receive_broadcast(message)
            elif channel.rights.broadcast:
                channel.push("broadcast", text)
        self._replayed = {message.message_id for message in stored if message.message_id}
        for message in held:
            channel.receive_broadcast(message)
