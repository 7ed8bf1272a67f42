"""Measure beside named peers, ours and theirs in turn within each run.

    python -m bench            the table; medians of five interleaved runs and their spread
    python -m bench --full     backlogs of 200,000 and ten minutes of steady messages
    python -m bench --quick    small sizes, one run, only what needs no further install
    python -m bench --json

Absolute rates are printed for orientation; only ratios of one run compare.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.progress import Progress
from tests.support.database import Databases

from bench import drains, inserts, latency, peers
from bench.report import Row, table, timed
from bench.world import ANNOUNCE, World
from vigil_cli.local.cluster import Cluster

BARE = "bare psycopg loop, delete on claim"
UNGUARDED = "the same table, Vigil's triggers disabled"


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    runs: int
    backlog: int
    slow_backlog: int
    inserts: int
    batches: int
    rings: int
    expiries: int
    stream_seconds: float


QUICK = Sizes(1, 2_000, 500, 20, 2, 5, 5, 3)
USUAL = Sizes(5, 20_000, 1_000, 150, 6, 60, 60, 60)
FULL = Sizes(5, 200_000, 5_000, 500, 20, 200, 200, 600)

Measure = Callable[[], float]


@dataclass
class Plan:
    """What one run measures, in turn: a row, and how each side of it is had."""

    world: World
    sizes: Sizes
    progress: Progress

    def rows(self, steps: list[tuple[Row, Measure, Measure]]) -> list[dict[str, Any]]:
        task = self.progress.add_task("ratios", total=self.sizes.runs * len(steps))
        for run in range(self.sizes.runs):
            for row, ours, theirs in steps:
                self.progress.update(task, description=row.what)
                # Whoever goes first pays for cold caches; take turns.
                first, second = (ours, theirs) if run % 2 else (theirs, ours)
                found = {first: first(), second: second()}
                row.ours.append(found[ours])
                row.theirs.append(found[theirs])
                self.progress.advance(task)
        return [row.as_json() for row, _, _ in steps]

    def drain(self, queue: str, work: Callable[[World], int], *, keep: bool) -> Measure:
        def measure() -> float:
            self.world.backlog(queue, self.sizes.backlog, keep)
            return timed(lambda: work(self.world))

        return measure

    def sends(self, work: Callable[[World, int], int], size: int, keeping: str) -> Measure:
        """`keeping`: all of our triggers, the announcement alone, or none."""

        def measure() -> float:
            self.world.guards_on()
            if keeping != "all":
                self.world.guards_off((ANNOUNCE,) if keeping == "announce" else ())
            try:
                work(self.world, max(size // 10, 1))
                return timed(lambda: work(self.world, size))
            finally:
                self.world.guards_on()

        return measure


def steps(plan: Plan, graphile: Path | None, python_peers: bool) -> list[Any]:
    """Every row with its two sides."""
    sizes, db = plan.sizes, plan.world.db
    dense = plan.drain("jobs", partial(drains.ours, dense=True), keep=True)
    bare_dense = plan.drain("bare_jobs", partial(drains.bare, dense=True), keep=True)
    bare_sparse = plan.drain("bare_jobs", partial(drains.bare, dense=False), keep=False)
    one, many = sizes.inserts, sizes.batches
    made: list[tuple[Row, Measure, Measure]] = [
        (Row("the bare loop itself", "the same in one server statement a batch", 0.5), bare_dense,
         plan.drain("bare_jobs", drains.one_statement, keep=True)),
        (Row("drain, a verdict and an event for every message", BARE, 0.8), dense, bare_dense),
        (Row("drain, rows for what was flagged only (2 %)", BARE, 0.5),
         plan.drain("jobs", partial(drains.ours, dense=False), keep=False), bare_sparse),
        (Row("the same with the filter and 3,000 terms", BARE + ", no filter", 0.4),
         plan.drain("jobs", drains.ours_filtering, keep=False), bare_sparse),
        (Row("a lease, nothing written", "delete on claim", 2.3, most=True),
         plan.drain("jobs", drains.leased, keep=False),
         plan.drain("bare_jobs", drains.deleted, keep=False)),
    ]  # fmt: skip
    if python_peers:
        made += [
            (Row("drain, a verdict and an event for every message", "pgqueuer no-op", 3.5), dense,
             lambda: peers.pgqueuer(db, sizes.slow_backlog * 10)),
            (Row("drain, a verdict and an event for every message", "procrastinate no-op", 50),
             dense, lambda: peers.procrastinate(db, sizes.slow_backlog)),
        ]  # fmt: skip
    if graphile is not None:
        where = graphile
        made.append(
            (Row("drain, a verdict and an event for every message", "graphile-worker no-op, tuned", 1),
             dense, lambda: peers.graphile(db, sizes.backlog, where))
        )  # fmt: skip
    made += [
        (Row("inserts by authenticated, 8 clients, job and event only", UNGUARDED, 0.7),
         plan.sends(inserts.singles, one, "announce"), plan.sends(inserts.singles, one, "none")),
        (Row("inserts by authenticated, 8 clients, every guard", UNGUARDED, 0.5),
         plan.sends(inserts.singles, one, "all"), plan.sends(inserts.singles, one, "none")),
        (Row("batch insert of 1,000 rows, every guard", UNGUARDED, 0.5),
         plan.sends(inserts.batches, many, "all"), plan.sends(inserts.batches, many, "none")),
    ]  # fmt: skip
    return made


@contextmanager
def measured_in(backlog: int) -> Iterator[World]:
    """A durable cluster of its own with the schema and a backlog; removed afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster(Path(directory) / "pg", durable=True)
        cluster.init()
        cluster.start()
        try:
            databases = Databases(cluster)
            db = databases.clone(databases.template("template_vigil"))
            yield World.make(db, backlog)
            databases.drop(db)
        finally:
            cluster.stop()
            cluster.destroy()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").splitlines()[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small, one run, no further peers")
    size.add_argument("--full", action="store_true", help="200,000 jobs, ten minutes of messages")
    parser.add_argument("--only", metavar="WORDS", help="only rows whose name or peer has WORDS")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    sizes = QUICK if options.quick else FULL if options.full else USUAL
    console = Console(stderr=True)
    python_peers = not options.quick and peers.have_python_peers()
    graphile = None if options.quick else peers.graphile_directory()
    if not options.quick and not (python_peers and graphile):
        console.print("Some peers are not installed; their rows are left out.")
    told: dict[str, Any] = {"sizes": {name: getattr(sizes, name) for name in Sizes.__annotations__}}
    with measured_in(sizes.backlog) as world, Progress(console=console) as progress:
        drains.terms(world, 3_000)
        plan = Plan(world, sizes, progress)
        wanted = [
            step for step in steps(plan, graphile, python_peers)
            if not options.only or options.only in f"{step[0].what} {step[0].peer}"
        ]  # fmt: skip
        told["rows"] = plan.rows(wanted)
        if not options.only:
            others: dict[str, Callable[[], Any]] = {
                "doorbell": lambda: latency.doorbell(world, sizes.rings),
                "expiry_record": lambda: latency.lateness(world, sizes.expiries),
                "sustained": lambda: latency.sustained(world, sizes.stream_seconds),
            }
            task = progress.add_task("times", total=len(others))
            for name, work in others.items():
                progress.update(task, description=name)
                told[name] = work()
                progress.advance(task)
    if options.as_json:
        print(json.dumps(told, indent=2))
        return 0
    Console(width=170 if not sys.stdout.isatty() else None).print(table(told["rows"]))
    for name in ("doorbell", "expiry_record", "sustained"):
        if name in told:
            print(f"{name}: {json.dumps(told[name])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
