"""`make sabotage`: break each guard in turn, and demand that a test notices.

python -m tests.sabotage              all of them; exit 1 when one survives
python -m tests.sabotage shadow bury  those whose name holds one of the words
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tests.support.database import Databases
from tests.support.sabotages import (
    ALL,
    REDUNDANT,
    REDUNDANT_TRIGGERS,
    Sabotage,
    collect,
)
from vigil_cli.local.cluster import Cluster

ROOT = Path(__file__).resolve().parents[1]
# These close lists; a guard must be noticed by what it does.
CLOSED_LISTS = (
    "test_every_public_table_is_ours_and_guarded_against_every_role",
    "test_replaying_the_sources_changes_nothing",
    "test_a_migration_applied_twice_is_refused_and_changes_nothing",
)


def listed() -> list[Sabotage]:
    """The sabotages that the schema of a migrated database offers."""
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster(Path(directory) / "pg", durable=False)
        cluster.init()
        cluster.start()
        try:
            databases = Databases(cluster)
            db = databases.clone(databases.template("template_vigil"))
            found = list(collect(db))
            databases.drop(db)
        finally:
            cluster.stop()
            cluster.destroy()
    return found


def survives(sabotage: Sabotage) -> str | None:
    """None when a test turned red; otherwise what went wrong."""
    environ = {**os.environ, "VIGIL_TEST_SABOTAGE": sabotage.sql}
    deselect = [f"--deselect=tests/integration/test_catalogue.py::{name}" for name in CLOSED_LISTS]
    places = [sabotage.first] if sabotage.first == ALL else [sabotage.first, ALL]
    for place in places:
        command = [
            sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *deselect, place,
        ]  # fmt: skip
        run = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
        )
        if run.returncode == 1 and (" failed" in run.stdout or " error" in run.stdout):
            return None
        if run.returncode != 0:
            return f"the tests could not run: {run.stdout[-400:]}"
    return "survived"


def main(words: list[str]) -> int:
    console = Console(stderr=True)
    chosen = [s for s in listed() if not words or any(word in s.name for word in words)]
    began = time.monotonic()
    survivors: list[tuple[Sabotage, str]] = []
    with Progress(console=console) as progress, ThreadPoolExecutor(os.cpu_count()) as pool:
        task = progress.add_task("sabotage", total=len(chosen))
        for sabotage, outcome in zip(chosen, pool.map(survives, chosen), strict=True):
            progress.advance(task)
            if outcome is not None:
                survivors.append((sabotage, outcome))
            if outcome is not None or not console.is_terminal:
                word = outcome or "noticed"
                console.print(f"{sabotage.name}: {word}", markup=False, highlight=False)
    for sabotage, outcome in survivors:
        print(f"{sabotage.name}: {outcome}")
    print(
        f"{len(chosen)} sabotages in {time.monotonic() - began:.0f} s; survivors:"
        f" {len(survivors) or 'none'}; redundant by design, not run:"
        f" {len(REDUNDANT) + len(REDUNDANT_TRIGGERS)}"
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
