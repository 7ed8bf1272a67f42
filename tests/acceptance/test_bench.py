"""The bench runs and prints every row; what the figures are is nobody's assertion."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


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
