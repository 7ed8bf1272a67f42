"""What the demo saw with its own eyes: measured, and judged at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One promise, whether it was kept, and the figure that shows it."""

    name: str
    kept: bool
    figure: str = ""


@dataclass(slots=True)
class Facts:
    """The checks in the order of the story."""

    checks: list[Check] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def check(self, name: str, kept: bool, figure: str = "") -> bool:
        """Note whether a promise was kept; the story goes on either way."""
        self.checks.append(Check(name, kept, figure))
        return kept

    @property
    def kept(self) -> bool:
        """Whether everything happened."""
        return bool(self.checks) and all(check.kept for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The summary for scripts."""
        return {
            "kept": self.kept,
            "checks": [{"name": c.name, "kept": c.kept, "figure": c.figure} for c in self.checks],
            "figures": self.figures,
        }
