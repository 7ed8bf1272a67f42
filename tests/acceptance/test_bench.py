"""The bench runs and prints every row; what the figures are is nobody's assertion."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bench.twins import area


def test_the_quick_bench_prints_every_row(root: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--json"],
        cwd=root, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert len(told["rows"]) == 8
    assert all(row["ours_per_second"] > 0 and row["peer_per_second"] > 0 for row in told["rows"])
    assert told["doorbell"]["socket_to_verdict"]["count"] == told["expiry_record"]["count"] == 5
    assert told["sustained"]["sent"] > 0


@pytest.mark.parametrize(("module", "rows"), [("bench.reads", 4), ("bench.twins", 6)])
def test_reading_and_the_twins_are_measured(root: Path, module: str, rows: int) -> None:
    run = subprocess.run(
        [sys.executable, "-m", module, "--quick", "--json"],
        cwd=root, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert len(told) == rows
    assert all(row.get("ratio", row.get("auc")) > 0 for row in told)


def test_the_area_is_that_of_a_coin_for_equals_and_one_for_what_is_always_slower() -> None:
    assert area([1, 2, 3], [1, 2, 3]) == 0.5
    assert area([4, 5], [1, 2, 3]) == 1
    assert area([1, 2], [3]) == 0
    assert area([1, 3], [2]) == 0.5
