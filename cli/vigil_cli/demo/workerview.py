"""What the worker does, as it says itself: its log and its metrics, nothing guessed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from vigil_cli.local.errors import LocalStackError

Event = dict[str, Any]
_PHRASES = {
    "doorbell.live": "woken by Realtime",
    "doorbell.lost": "lost Realtime",
    "drain.unavailable": "waits for the database",
    "worker.waiting_for_database": "waits for the database",
}


@dataclass(slots=True)
class WorkerView:
    """Follows one worker's log from a position on; every line of it is an event."""

    log: Path
    position: int
    health: str
    events: list[Event] = field(default_factory=list)

    def read(self) -> list[Event]:
        """The events since the last reading; a line still being written waits."""
        with self.log.open("rb") as file:
            file.seek(self.position)
            fresh = file.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self.position += len(whole)
        found = [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]
        self.events += found
        return found

    async def until(self, wanted: Callable[[Event], bool], seconds: float) -> Event:
        """The first event that fits; LocalStackError when none comes."""
        deadline = time.monotonic() + seconds
        while True:
            self.read()
            for event in self.events:
                if wanted(event):
                    return event
            if time.monotonic() > deadline:
                last = [event["event"] for event in self.events[-5:]]
                raise LocalStackError(
                    f"The worker did not get there in {seconds:.0f} s. Its last words: "
                    f"{', '.join(last) or 'none'}.",
                    hint=f"read {self.log}",
                )
            await asyncio.sleep(0.02)

    async def rings(self) -> int:
        """How often Realtime has woken it, by its own count."""
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            text = (await http.get(f"{self.health}/metrics")).text
        for line in text.splitlines():
            if line.startswith("vigil_doorbell_rings_total "):
                return int(float(line.split()[1]))
        return 0

    @property
    def line(self) -> str:
        """All of it in one line."""
        self.read()
        said = [words for words in map(in_words, self.events) if words]
        judged = sum(e["settled"] for e in self.events if e["event"] == "drain.settled")
        return " · ".join([f"{judged} texts judged", *said[-2:]])


def in_words(event: Event) -> str:
    """One event as a phrase; empty for those that say nothing to a stranger."""
    match event["event"]:
        case "terms.loaded":
            return f"{event['terms']} terms loaded"
        case "clock.recorded":
            return f"{event['kind']} {event['lateness_ms']:.0f} ms after it"
        case name:
            return _PHRASES.get(name, "")
