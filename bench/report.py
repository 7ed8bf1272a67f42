"""Rows of ratios, run by run, and how they are shown."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table


def timed(work: Callable[[], int]) -> float:
    """Units a second."""
    began = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - began)


@dataclass
class Row:
    """One line of the table: ours over the peer's, within each run."""

    what: str
    peer: str
    target: float
    most: bool = False
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def ratios(self) -> list[float]:
        return [
            (b / a if self.most else a / b) for a, b in zip(self.ours, self.theirs, strict=True)
        ]

    def as_json(self) -> dict[str, Any]:
        ratios = self.ratios()
        ratio = statistics.median(ratios)
        return {
            "what": self.what, "peer": self.peer, "target": self.target,
            "kind": "at most" if self.most else "at least",
            "ours_per_second": round(statistics.median(self.ours)),
            "peer_per_second": round(statistics.median(self.theirs)),
            "ratio": round(ratio, 2), "spread": [round(min(ratios), 2), round(max(ratios), 2)],
            "met": ratio <= self.target if self.most else ratio >= self.target,
        }  # fmt: skip


def spread(values: list[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum, in milliseconds as given."""
    ordered = sorted(values)
    last = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return {
        "p50_ms": round(statistics.median(ordered), 1),
        "p99_ms": round(last, 1),
        "max_ms": round(ordered[-1], 1),
        "count": len(ordered),
    }


def table(rows: list[dict[str, Any]]) -> Table:
    made = Table("what", "ours/s", "peer/s", "peer", "ratio", "spread", "target", "met")
    for r in rows:
        sign = "≤" if r["kind"] == "at most" else "≥"
        made.add_row(
            r["what"], f"{r['ours_per_second']:,}", f"{r['peer_per_second']:,}", r["peer"],
            str(r["ratio"]), f"{r['spread'][0]}–{r['spread'][1]}", f"{sign} {r['target']}",
            "yes" if r["met"] else "NO",
        )  # fmt: skip
    return made
