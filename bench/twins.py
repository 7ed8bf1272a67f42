"""Whether time tells a shadow-banned member from a free one: the area under a classifier's curve.

    python -m bench.twins            2,000 pairs of each call, banned and free in turns
    python -m bench.twins --quick    100 pairs: shows that it runs
    python -m bench.twins --json

0.5 is a coin; the aim is 0.45 to 0.55 for each call. The classifier knows the true answers and the best threshold: it ranks
by time alone (Mann and Whitney 1947). Others are passive: nobody reads or answers.
"""

from __future__ import annotations

import argparse
import bisect
import json
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from tests.support.database import Database, Databases, Session

from vigil_cli.local.cluster import Cluster

AIM = (0.45, 0.55)


def area(first: list[float], second: list[float]) -> float:
    """How likely a value of `first` is greater than one of `second`; ties count half."""
    ordered = sorted(second)
    wins = sum(
        (bisect.bisect_left(ordered, x) + bisect.bisect_right(ordered, x)) / 2 for x in first
    )
    return wins / (len(first) * len(second))


class Twin:
    """One member with a direct conversation and a group, and what a client calls in them."""

    def __init__(self, db: Database, name: str, crowd: list[uuid.UUID]) -> None:
        self.id = db.member(name)
        self.direct = db.conversation(self.id, crowd[0])
        self.group = db.conversation(self.id, *crowd, title="group")
        other = db.acting_as(crowd[1])
        for n in range(5):
            other.send(self.group, f"hello {n}")
        self.session: Session = db.acting_as(self.id)

    def calls(self) -> dict[str, Callable[[], Any]]:
        run = self.session.run
        return {
            "insert into messages": lambda: run(
                "insert into public.messages (conversation_id, content) values (%s, 'Can you bring it at six?') returning id",
                self.direct,
            ),
            "send_message to a group": lambda: run(
                "select public.send_message(%s, 'Can you bring it at six?', gen_random_uuid()::text)", self.group
            ),
            "set_typing": lambda: run("select public.set_typing(%s)", self.group),
            "list_conversations": lambda: run("select * from public.list_conversations()"),
            "list_messages": lambda: run("select * from public.list_messages(%s)", self.direct),
            "mark_messages_read": lambda: run(
                "select public.mark_messages_read(%s, %s)", self.id, self.group
            ),
        }  # fmt: skip


def measure(db: Database, pairs: int, progress: Progress) -> list[dict[str, Any]]:
    """Each call by both twins, in an order drawn anew for each pair."""
    crowd = [db.member(f"friend{n}") for n in range(6)]
    banned, free = Twin(db, "banned", crowd), Twin(db, "free", crowd)
    staff = db.acting_as(db.member("mia", "moderator"))
    staff.run(
        "select public.restrict_member(%s, 'shadow_ban', 'bench', legal_basis => 'bench')",
        banned.id,
    )
    rng = random.Random(7)
    calls = [(name, call, free.calls()[name]) for name, call in banned.calls().items()]
    task = progress.add_task("pairs", total=pairs * len(calls))
    found = []
    for name, by_banned, by_free in calls:
        times: dict[bool, list[float]] = {True: [], False: []}
        for n in range(pairs + 20):
            for is_banned in rng.sample((True, False), 2):
                began = time.perf_counter()
                (by_banned if is_banned else by_free)()
                if n >= 20:
                    times[is_banned].append(time.perf_counter() - began)
            progress.advance(task, 0 if n < 20 else 1)
        auc = area(times[True], times[False])
        found.append({
            "call": name, "pairs": pairs, "auc": round(auc, 3), "met": AIM[0] <= auc <= AIM[1],
            "banned_ms": round(statistics.median(times[True]) * 1000, 3), "free_ms": round(statistics.median(times[False]) * 1000, 3),
        })  # fmt: skip
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.twins", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster(Path(directory) / "pg", durable=False)
        cluster.init()
        cluster.start()
        try:
            databases = Databases(cluster)
            db = databases.clone(databases.template("template_vigil"))
            with Progress(console=Console(stderr=True)) as progress:
                rows = measure(db, 100 if options.quick else 2000, progress)
            databases.drop(db)
        finally:
            cluster.stop()
            cluster.destroy()
    if options.as_json:
        print(json.dumps(rows, indent=2))
        return 0
    table = Table("call", "pairs", "AUC", "banned ms", "free ms", "aim", "met")
    for r in rows:
        table.add_row(r["call"], str(r["pairs"]), str(r["auc"]), str(r["banned_ms"]), str(r["free_ms"]),
                      f"{AIM[0]} to {AIM[1]}", "yes" if r["met"] else "NO")  # fmt: skip
    Console(width=110 if not sys.stdout.isatty() else None).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
