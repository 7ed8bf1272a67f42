"""What the demo promises, what it saw with its own eyes, and the figures it measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PROMISES = {
    "gather": "five people sign in; screens are live",
    "terms": "imported terms reach the worker",
    "talk": "a message reaches the other's screen",
    "hide": "a bad message leaves the other's screen",
    "doorbell": "it is Realtime that wakes the worker",
    "block": "a blocked word is refused on sending",
    "mute": "a muted member is refused",
    "expiry": "the mute ends by itself, to the moment",
    "record": "the worker records that end",
    "shadow": "a shadow-banned member notices nothing",
    "unseen": "nobody else sees what they write",
    "once": "every message is judged exactly once",
    "audit": "the audit trail names every act",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, whether it was kept, and the figure that shows it."""

    name: str
    kept: bool
    figure: str = ""


@dataclass(slots=True)
class Facts:
    """Every promise is broken until a check says that it was kept."""

    noted: dict[str, Check] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    trouble: str | None = None

    def check(self, key: str, kept: bool, figure: str = "") -> None:
        """Note whether a promise was kept; the story goes on either way."""
        self.noted[key] = Check(PROMISES[key], kept, figure)

    @property
    def checks(self) -> list[Check]:
        """All promises in the order of the story, those never reached included."""
        return [
            self.noted.get(key, Check(name, kept=False, figure="did not happen"))
            for key, name in PROMISES.items()
        ]

    @property
    def kept(self) -> bool:
        """Whether everything happened."""
        return self.trouble is None and all(check.kept for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The summary for scripts."""
        return {
            "kept": self.kept,
            "trouble": self.trouble,
            "checks": [{"name": c.name, "kept": c.kept, "figure": c.figure} for c in self.checks],
            "figures": self.figures,
        }
