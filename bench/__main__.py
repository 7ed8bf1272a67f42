"""Measure the drain and the insert path beside bare psycopg doing the same writes.

    python -m bench            the table; medians of five interleaved runs and their spread
    python -m bench --quick    small sizes, one run: shows that it runs
    python -m bench --json

Absolute rates are printed for orientation; only ratios of one run compare.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table
from tests.support.database import Database, Databases

from vigil_cli.local.cluster import Cluster

BATCH = 1000
CLIENTS = 8


@dataclass
class World:
    """A database with one conversation, and tables for the peers without any rule of ours."""

    db: Database
    owner: psycopg.Connection[dict[str, Any]]
    sender: uuid.UUID
    conversation: uuid.UUID

    @classmethod
    def make(cls, db: Database) -> World:
        sender, other = db.member("sender"), db.member("other")
        owner = db.connect("postgres")
        owner.execute(
            "create table public.bare (like public.messages including defaults including indexes)"
        )
        owner.execute("grant select, insert on public.bare to authenticated")
        owner.execute("create table vigil.bare_jobs (like vigil.jobs including all)")
        owner.execute("create table vigil.bare_verdicts (like vigil.verdicts including all)")
        owner.execute("create table vigil.bare_events (like vigil.events including all)")
        return cls(db, owner, sender, db.conversation(sender, other))

    def backlog(self, size: int) -> None:
        """Fill both queues with the same jobs, over messages that exist."""
        self.owner.execute(
            "truncate vigil.jobs, vigil.bare_jobs, vigil.verdicts, vigil.bare_verdicts"
        )
        for queue in ("jobs", "bare_jobs"):
            self.owner.execute(
                f"insert into vigil.{queue} (kind, subject_id) select 'message', gen_random_uuid()"
                f" from generate_series(1, {size})"
            )
        self.owner.execute("vacuum analyze vigil.jobs")
        self.owner.execute("vacuum analyze vigil.bare_jobs")


def timed(work: Callable[[], int]) -> float:
    """Units a second."""
    began = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - began)


def drain_ours(world: World, keep: bool, flagged: int) -> int:
    """Claim and settle everything through the worker's own calls; `flagged` of 1000 are found."""
    world.owner.execute("update vigil.settings set keep_all_verdicts = %s", [keep])
    worker = world.db.connect("vigil_worker")
    total = 0
    while jobs := worker.execute(
        "select * from vigil.claim_jobs('bench', %s, 60)", [BATCH]
    ).fetchall():
        outcomes = [
            {"job_id": j["job_id"], "attempt": j["attempt"], "engine": "none",
             "verdict": "flag" if n < flagged else "approve"} for n, j in enumerate(jobs)
        ]  # fmt: skip
        worker.execute("select vigil.settle_jobs('bench', %s)", [json.dumps(outcomes)])
        total += len(jobs)
    worker.close()
    return total


def drain_bare(world: World, keep: bool, flagged: int) -> int:
    """The limit: delete on claim, the same verdict and event rows, one transaction a batch."""
    conn = psycopg.connect(world.db.dsn("postgres"))
    total = 0
    while True:
        jobs = conn.execute(
            "delete from vigil.bare_jobs where id in (select id from vigil.bare_jobs order by run_at, id"
            f" limit {BATCH} for update skip locked) returning id, subject_id"
        ).fetchall()
        if not jobs:
            break
        kept = jobs if keep else jobs[:flagged]
        ids, subjects = [j[0] for j in kept], [j[1] for j in kept]
        conn.execute(
            "insert into vigil.bare_verdicts (job_id, kind, subject_id, verdict, worker)"
            " select i, 'message', s, 'approve', 'bench' from unnest(%s::bigint[], %s::uuid[]) as x (i, s)",
            [ids, subjects],
        )
        conn.execute(
            "insert into vigil.bare_events (kind, tool, body0, body1, body2)"
            " select 'message.judged', 'bench', '{}', '{}', s::text from unnest(%s::uuid[]) as s",
            [subjects],
        )
        conn.commit()
        total += len(jobs)
    conn.close()
    return total


def insert(world: World, table: str, each: int, rows: int = 1) -> int:
    """`CLIENTS` members' connections inserting as `authenticated`, `rows` at a time."""
    values = ", ".join(["(%s, %s, %s)"] * rows)
    statement = f"insert into public.{table} (conversation_id, sender_id, content) values {values}"
    arguments = [world.conversation, world.sender, "Can you bring the heater at six?"] * rows

    def client() -> None:
        session = world.db.acting_as(world.sender)
        for _ in range(each):
            session.run(statement, *arguments)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS if rows == 1 else 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return each * rows * len(threads)


def lateness(world: World, count: int) -> list[float]:
    """Milliseconds from the end of short restrictions to their record, with a bare clock loop."""
    staff = world.db.acting_as(world.db.member("mia", "moderator"))
    worker = world.db.worker()
    found: list[float] = []
    for _ in range(count):
        staff.value(
            "select public.restrict_member(%s, 'warn', 'bench', '50 milliseconds')", world.sender
        )
        while True:
            due = worker.rows(
                "select extract(epoch from vigil.next_due() - clock_timestamp())::float8 as s"
            )
            if due[0]["s"] is None:
                break
            time.sleep(max(due[0]["s"], 0))
            found += [row["lateness_ms"] for row in worker.rows("select * from vigil.run_due(10)")]
    return found


@dataclass
class Row:
    """One line of the table: ours over the peer, run by run."""

    what: str
    peer: str
    target: float
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        ratios = [a / b for a, b in zip(self.ours, self.theirs, strict=True)]
        return {
            "what": self.what, "peer": self.peer, "target": self.target,
            "ours_per_second": round(statistics.median(self.ours)),
            "peer_per_second": round(statistics.median(self.theirs)),
            "ratio": round(statistics.median(ratios), 2),
            "spread": [round(min(ratios), 2), round(max(ratios), 2)],
            "met": statistics.median(ratios) >= self.target,
        }  # fmt: skip


def measure(world: World, runs: int, backlog: int, each: int) -> list[Row]:
    """Every row, ours and the peer's in turn within each run."""
    rows = [
        Row(
            "drain, a verdict and an event for every message",
            "bare psycopg loop, delete on claim",
            0.8,
        ),
        Row(
            "drain, rows for what was flagged only (2 %)", "bare psycopg loop, delete on claim", 0.5
        ),
        Row(
            "inserts by authenticated, 8 clients, every guard",
            "the same table without triggers",
            0.5,
        ),
        Row("batch insert of 1,000 rows, every guard", "the same table without triggers", 0.5),
    ]
    for _ in range(runs):
        for row, keep, flagged in ((rows[0], True, 0), (rows[1], False, 20)):
            world.backlog(backlog)
            row.theirs.append(timed(lambda k=keep, f=flagged: drain_bare(world, k, f)))
            row.ours.append(timed(lambda k=keep, f=flagged: drain_ours(world, k, f)))
        for row, calls, size in ((rows[2], each, 1), (rows[3], max(each // 50, 2), 1000)):
            row.theirs.append(timed(lambda c=calls, s=size: insert(world, "bare", c, s)))
            row.ours.append(timed(lambda c=calls, s=size: insert(world, "messages", c, s)))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    runs, backlog, each = (1, 2000, 20) if options.quick else (5, 20_000, 300)
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster(Path(directory) / "pg", durable=True)
        cluster.init()
        cluster.start()
        try:
            databases = Databases(cluster)
            world = World.make(databases.clone(databases.template("template_vigil")))
            with Console(stderr=True).status("measuring ..."):
                rows = measure(world, runs, backlog, each)
                late = sorted(lateness(world, 5 if options.quick else 60))
            databases.drop(world.db)
        finally:
            cluster.stop()
            cluster.destroy()
    found = [row.as_json() for row in rows]
    expiry = {
        "p50_ms": round(statistics.median(late), 1),
        "max_ms": round(late[-1], 1),
        "count": len(late),
    }
    if options.as_json:
        print(json.dumps({"rows": found, "expiry_record": expiry}, indent=2))
        return 0
    table = Table("what", "ours/s", "peer/s", "peer", "ratio", "spread", "target", "met")
    for r in found:
        spread = f"{r['spread'][0]}–{r['spread'][1]}"
        table.add_row(r["what"], f"{r['ours_per_second']:,}", f"{r['peer_per_second']:,}", r["peer"],
                      str(r["ratio"]), spread, f"≥ {r['target']}", "yes" if r["met"] else "NO")  # fmt: skip
    Console(width=150 if not sys.stdout.isatty() else None).print(table)
    print(
        f"expiry recorded: p50 {expiry['p50_ms']} ms, max {expiry['max_ms']} ms late, of {expiry['count']}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
