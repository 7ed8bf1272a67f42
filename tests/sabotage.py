"""`make sabotage`: break each guard in turn, and demand that a test notices.

python -m tests.sabotage              all of them; exit 1 when one survives
python -m tests.sabotage shadow bury  those whose name holds one of the words
python -m tests.sabotage --list       names only; --json for a machine
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from tests.support.database import Database
from tests.support.sabotage_lane import TEMPLATE, Lane, Outcome
from tests.support.sabotaged_bodies import FURTHER
from tests.support.sabotaged_catalogue import offered
from tests.support.sabotages import ALL, BODIES, Redundant, Sabotage, of_bodies, of_grants

NOTICED_BY = Path(__file__).parent / "support" / "noticed_by.json"


@dataclass(slots=True)
class Hints:
    """Which test noticed what the last time. A stale one costs time; every answer comes from a run."""

    by: dict[str, str] = field(default_factory=dict)
    alike: dict[str, list[str]] = field(default_factory=dict)
    near: bool = False

    @classmethod
    def load(cls, sabotages: Sequence[Sabotage]) -> Hints:
        known = json.loads(NOTICED_BY.read_text()) if NOTICED_BY.exists() else {}
        hints = cls({s.name: f"{ALL}/{known[s.name]}" for s in sabotages if s.name in known})
        for sabotage in sabotages:
            if sabotage.name in hints.by:
                hints._note_alike(sabotage, hints.by[sabotage.name])
        return hints

    def places(self, sabotage: Sabotage) -> Iterator[list[str]]:
        """Where to look, the likeliest first; in the end everywhere."""
        hint = self.by.get(sabotage.name)
        if hint:
            yield [hint]
            yield [hint.partition("::")[0]]
        elif alike := self.alike.get(sabotage.about or sabotage.first):
            yield alike[-6:]
        if sabotage.first != ALL:
            yield [sabotage.first]
        if not self.near:
            yield [ALL]

    def learn(self, sabotage: Sabotage, test: str) -> None:
        self.by[sabotage.name] = test
        self._note_alike(sabotage, test)

    def _note_alike(self, sabotage: Sabotage, test: str) -> None:
        for key in {sabotage.about, sabotage.first} - {"", ALL}:
            tests = self.alike.setdefault(key, [])
            if test not in tests:
                tests.append(test)

    def save(self) -> None:
        short = {name: test.removeprefix(f"{ALL}/") for name, test in self.by.items()}
        text = json.dumps(short, indent=0, sort_keys=True, ensure_ascii=False) + "\n"
        if not NOTICED_BY.exists() or NOTICED_BY.read_text() != text:
            NOTICED_BY.write_text(text)


@contextmanager
def lanes(count: int) -> Iterator[list[Lane]]:
    """Clusters to break things in, one for each core."""
    with tempfile.TemporaryDirectory() as directory:
        made: list[Lane] = []
        try:
            for number in range(count):
                made.append(Lane(Path(directory) / str(number)))
            yield made
        finally:
            for lane in made:
                lane.close()


def listed(db: Database) -> tuple[list[Sabotage], list[Redundant]]:
    """Everything there is to break, and what is redundant by design."""
    found = [*offered(db), *of_bodies((*BODIES, *FURTHER)), *of_grants()]
    names = [each.name for each in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SystemExit(f"two sabotages of one name: {sorted(twice)}")
    return (
        [each for each in found if isinstance(each, Sabotage)],
        [each for each in found if isinstance(each, Redundant)],
    )


class Run:
    """Works through the chosen sabotages on every lane."""

    def __init__(self, lanes: list[Lane], hints: Hints, progress: Progress) -> None:
        self._hints, self._progress = hints, progress
        self._lanes = lanes
        self._free: SimpleQueue[Lane] = SimpleQueue()
        for lane in lanes:
            self._free.put(lane)
        self._lock = threading.Lock()
        self._running: list[str] = []
        self.outcomes: dict[str, Outcome] = {}

    def run(self, chosen: Sequence[Sabotage]) -> None:
        task = self._progress.add_task("", total=len(chosen))
        with ThreadPoolExecutor(len(self._lanes)) as pool:
            futures = {pool.submit(self._one, s, task): s for s in chosen}
            try:
                self._collect(futures, task)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _collect(self, futures: dict[Future[Outcome], Sabotage], task: TaskID) -> None:
        quiet = not self._progress.console.is_terminal
        for future in as_completed(futures):
            sabotage, outcome = futures[future], future.result()
            self.outcomes[sabotage.name] = outcome
            self._progress.advance(task)
            if quiet or outcome.problem:
                word = outcome.problem or f"noticed by {outcome.by}"
                self._progress.console.print(
                    f"{sabotage.name}: {word}", markup=False, highlight=False, soft_wrap=True
                )

    def _one(self, sabotage: Sabotage, task: TaskID) -> Outcome:
        lane = self._free.get()
        self._show(task, sabotage.name, running=True)
        try:
            outcome = lane.try_out(sabotage, self._hints.places(sabotage))
            if outcome.by:
                with self._lock:
                    self._hints.learn(sabotage, outcome.by)
            return outcome
        finally:
            self._show(task, sabotage.name, running=False)
            self._free.put(lane)

    def _show(self, task: TaskID, name: str, *, running: bool) -> None:
        with self._lock:
            (self._running.append if running else self._running.remove)(name)
            text = " | ".join(each[: 60 // len(self._running)] for each in self._running)
        self._progress.update(task, description=text)

    def red_without(self) -> set[str]:
        """Tests that noticed something, yet fail although nothing is broken: they prove nothing."""
        used = sorted({o.by for o in self.outcomes.values() if o.by})
        shares = [used[n :: len(self._lanes)] for n in range(len(self._lanes))]
        with ThreadPoolExecutor(len(self._lanes)) as pool:
            asked = [
                pool.submit(lane.red_without, share)
                for lane, share in zip(self._lanes, shares, strict=True)
            ]
            return set().union(*(each.result() for each in asked))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make sabotage", description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="only those whose name holds one of the words")
    parser.add_argument("--list", action="store_true", help="print the names and break nothing")
    parser.add_argument(
        "--near",
        action="store_true",
        help="look where it was noticed before, or should be, and nowhere else",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or clusters would stay behind
    console = Console(stderr=True)
    began = time.monotonic()
    with lanes(1 if asked.list else os.cpu_count() or 1) as running:
        databases = running[0].databases
        db = databases.clone(TEMPLATE)
        sabotages, redundant = listed(db)
        databases.drop(db)
        chosen = [s for s in sabotages if not asked.words or any(w in s.name for w in asked.words)]
        if asked.list:
            print("\n".join(s.name for s in chosen))
            return 0
        hints = Hints.load(sabotages)
        hints.near = asked.near
        columns = (
            BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False),
        )  # fmt: skip
        with Progress(*columns, console=console) as progress:
            run = Run(running, hints, progress)
            try:
                run.run(chosen)
            finally:
                hints.save()
            progress.update(progress.add_task("the same tests, with nothing broken", total=None))
            flaky = run.red_without()
    outcomes = {
        name: Outcome(problem=f"{o.by} is red without it too") if o.by in flaky else o
        for name, o in run.outcomes.items()
    }
    return report(outcomes, redundant, time.monotonic() - began, as_json=asked.json)


def report(
    outcomes: dict[str, Outcome], redundant: list[Redundant], seconds: float, *, as_json: bool
) -> int:
    """Print the outcome; 1 when something survived or could not be judged."""
    problems = {name: o.problem for name, o in sorted(outcomes.items()) if o.problem}
    noticed = {name: o.by for name, o in sorted(outcomes.items()) if not o.problem}
    if as_json:
        print(json.dumps({
            "sabotages": len(outcomes), "seconds": round(seconds), "noticed": noticed, "problems": problems,
            "redundant": {each.name: each.reason for each in redundant},
        }, indent=2, ensure_ascii=False))  # fmt: skip
    else:
        for name, problem in problems.items():
            print(f"{name}: {problem}")
        print(
            f"{len(outcomes)} sabotages in {seconds:.0f} s: {len(noticed)} noticed, {len(problems)} not;"
            f" {len(redundant)} more are redundant by design"
        )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
