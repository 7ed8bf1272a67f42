"""Who is present on a topic: full state for the one who joins, differences for the others."""

from __future__ import annotations

import itertools
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol

from vigil_cli.local.realtime.serializer import dumps

_references = itertools.count()


class Watcher(Protocol):
    """A channel whose client is told about presence."""

    def receive_presence_diff(self, diff_json: str) -> None:
        """Send the difference to the client if it may see presence."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str
    meta: dict[str, Any]
    phx_ref: str
    phx_ref_prev: str | None = None

    def public(self) -> dict[str, Any]:
        references = {"phx_ref": self.phx_ref}
        if self.phx_ref_prev is not None:
            references["phx_ref_prev"] = self.phx_ref_prev
        return {**self.meta, **references}


@dataclass(slots=True)
class Presences:
    """The presences of every topic. A watcher has at most one, under its own key."""

    _rooms: dict[tuple[bool, str], dict[Watcher, _Entry]] = field(default_factory=dict)
    _watchers: dict[tuple[bool, str], set[Watcher]] = field(default_factory=dict)

    def watch(self, room: tuple[bool, str], watcher: Watcher) -> None:
        """Tell the watcher about the room from now on."""
        self._watchers.setdefault(room, set()).add(watcher)

    def state_json(self, room: tuple[bool, str]) -> str:
        """Everyone in the room, by key."""
        return dumps(_by_key(self._rooms.get(room, {}).values()))

    def track(self, room: tuple[bool, str], watcher: Watcher, key: str, meta: Any) -> None:
        """Put the watcher in the room, or replace what it showed; the same again is no news."""
        entries = self._rooms.setdefault(room, {})
        before = entries.get(watcher)
        if before is not None and before.meta == meta:
            return
        previous = before.phx_ref if before else None
        entry = _Entry(key, meta, _reference(), previous)
        entries[watcher] = entry
        self._announce(room, joins=[entry], leaves=[before] if before else [])

    def untrack(self, room: tuple[bool, str], watcher: Watcher) -> None:
        """Take the watcher out of the room; it goes on watching."""
        entries = self._rooms.get(room, {})
        entry = entries.pop(watcher, None)
        if not entries:
            self._rooms.pop(room, None)
        if entry is not None:
            self._announce(room, joins=[], leaves=[entry])

    def leave(self, room: tuple[bool, str], watcher: Watcher) -> None:
        """Stop watching, and leave the room."""
        watchers = self._watchers.get(room, set())
        watchers.discard(watcher)
        if not watchers:
            self._watchers.pop(room, None)
        self.untrack(room, watcher)

    def _announce(
        self, room: tuple[bool, str], *, joins: list[_Entry], leaves: list[_Entry]
    ) -> None:
        diff_json = dumps({"joins": _by_key(joins), "leaves": _by_key(leaves)})
        for watcher in tuple(self._watchers.get(room, ())):
            watcher.receive_presence_diff(diff_json)


@dataclass(slots=True)
class CallLimit:
    """At most `calls` within any window of `seconds`."""

    calls: int
    seconds: float
    _times: deque[float] = field(default_factory=deque)

    def exceeded(self) -> bool:
        """Count one call, and say whether it is one too many."""
        now = time.monotonic()
        while self._times and now - self._times[0] >= self.seconds:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) > self.calls


def _by_key(entries: Any) -> dict[str, dict[str, list[dict[str, Any]]]]:
    grouped: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for entry in entries:
        grouped.setdefault(entry.key, {"metas": []})["metas"].append(entry.public())
    return grouped


def _reference() -> str:
    return f"F{next(_references):x}{secrets.token_urlsafe(9)}"
