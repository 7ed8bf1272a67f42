"""The demo, as a stranger runs it: a subprocess on a fresh state directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vigil_cli.local.process import running_with

pytestmark = pytest.mark.acceptance


def play(directory: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Play it fast, with spaces in the path, sharing the packages the checkout has."""
    return subprocess.run(
        [sys.executable, "-m", "vigil_cli", "demo", "--fast", "--json", "--dir", str(directory)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **environ},
    )


@pytest.fixture
def place(tmp_path: Path, root: Path) -> Path:
    directory = tmp_path / "a path with spaces"
    (directory / ".vigil").mkdir(parents=True, mode=0o711)
    packages = root / ".vigil" / "node"
    packages.mkdir(parents=True, exist_ok=True)
    (directory / ".vigil" / "node").symlink_to(packages)
    return directory


def test_the_whole_story_happens_and_leaves_nothing_running(place: Path) -> None:
    run = play(place)
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert told["kept"] is True
    assert [c["name"] for c in told["checks"] if not c["kept"]] == []
    assert len(told["checks"]) == 11
    figures = told["figures"]
    assert figures["hidden_ms"] > 0
    assert figures["expiry_recorded_ms"] > 0
    assert (figures["messages"], figures["refused"]) == (6, 2)
    assert figures["audit_events"] >= figures["messages"]
    layout = place / ".vigil" / "demo"
    assert list(running_with(str(layout))) == []
    again = play(place)
    assert again.returncode == 0, "twice in a row: " + again.stdout + again.stderr


def test_what_does_not_happen_is_noticed(place: Path, tmp_path: Path) -> None:
    """The same story over migrations whose worker approves everything."""
    checkout = Path(__file__).resolve().parents[2] / "supabase"
    ours = place / "supabase" / "migrations"
    ours.mkdir(parents=True)
    (place / "supabase" / "config.toml").write_text((checkout / "config.toml").read_text())
    for path in sorted((checkout / "migrations").glob("*.sql")):
        (ours / path.name).write_text(path.read_text())
    (ours / "29991231000000_approve_everything.sql").write_text(
        "create or replace function vigil.apply_verdict(kind text, subject uuid, verdict text, why text, worker text)"
        " returns void language sql set search_path = '' as 'select'"
    )
    run = play(place)
    assert run.returncode == 1, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert told["kept"] is False
    assert any("came to its end" in c["name"] and not c["kept"] for c in told["checks"])
