"""Fan-out of broadcasts. Public and private channels of one name are separate worlds.

A broadcast that came as text goes out as text, as its sender wrote it. One that came as a binary
push, from the database or from the single-message endpoint goes to V2 sockets as a binary frame
and to V1 sockets as text, unless it is raw bytes, which V1 cannot carry.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from vigil_cli.local.realtime.serializer import (
    UnreadableFrameError,
    UserBroadcast,
    Version,
    encode,
    encode_user_broadcast,
    user_broadcast_text,
)

PREFIX = "realtime:"


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One message on its way to a topic, with its frames made at most once."""

    topic: str
    text: str | None = None
    user: UserBroadcast | None = None
    message_id: str | None = None
    _frames: dict[Version, str | bytes | None] = field(default_factory=dict, compare=False)

    def frame(self, version: Version) -> str | bytes | None:
        """The frame for sockets of that version; None when it cannot be carried there."""
        if version not in self._frames:
            self._frames[version] = self._make(version)
        return self._frames[version]

    def _make(self, version: Version) -> str | bytes | None:
        text = self.text
        if self.user is not None:
            if version is Version.V2:
                try:
                    return encode_user_broadcast(PREFIX + self.topic, self.user)
                except UnreadableFrameError:  # a name too long for a binary header still fits text
                    text = user_broadcast_text(self.user)
            else:
                text = user_broadcast_text(self.user)
        return None if text is None else encode(version, PREFIX + self.topic, "broadcast", text)


class Listener(Protocol):
    """A channel that may receive broadcasts."""

    def receive_broadcast(self, message: Broadcast) -> None:
        """Send the message to the client if it may read broadcasts."""
        ...


@dataclass(slots=True)
class Hub:
    """Who listens where."""

    _listeners: dict[tuple[bool, str], set[Listener]] = field(default_factory=dict)

    def add(self, listener: Listener, topic: str, *, private: bool) -> None:
        """Let the listener receive what is sent to the topic."""
        self._listeners.setdefault((private, topic), set()).add(listener)

    def remove(self, listener: Listener, topic: str, *, private: bool) -> None:
        """Send the listener nothing more; removing twice is harmless."""
        listeners = self._listeners.get((private, topic))
        if listeners is not None:
            listeners.discard(listener)
            if not listeners:
                del self._listeners[private, topic]

    def listeners(self, topic: str, *, private: bool) -> Iterable[Listener]:
        """Everyone on the topic now."""
        return tuple(self._listeners.get((private, topic), ()))

    def send(self, message: Broadcast, *, private: bool, but: Listener | None = None) -> None:
        """Give the message to everyone on the topic, except one."""
        for listener in self.listeners(message.topic, private=private):
            if listener is not but:
                listener.receive_broadcast(message)
