"""The demo, as a stranger runs it: a subprocess on a fresh state directory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vigil_cli.demo.facts import PROMISES
from vigil_cli.local.layout import Layout
from vigil_cli.local.process import running_with
from vigil_cli.local.stack import Stack

pytestmark = pytest.mark.acceptance
ALL = tuple(PROMISES)


def command(directory: Path) -> list[str]:
    """As fast as it goes, for a script."""
    return [sys.executable, "-m", "vigil_cli", "demo", "--fast", "--json", "--dir", str(directory)]


def play(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(directory), capture_output=True, text=True, check=False, timeout=300
    )


def broken(told: dict[str, Any]) -> set[str]:
    """The promises that were not kept."""
    keys = {name: key for key, name in PROMISES.items()}
    return {keys[check["name"]] for check in told["checks"] if not check["kept"]}


def left_running(place: Path) -> list[str]:
    """Whatever of a demo's stack still runs."""
    layout = Layout(place / ".vigil" / "demo", place)
    configs = [str(layout.config(name)) for name in ("rest", "gateway", "worker")]
    found = [config for config in configs if running_with(config)]
    return [*found, "postgres"] if Stack(layout).cluster.is_running() else found


def sabotage(place: Path, root: Path, statements: str) -> None:
    """Give the project migrations of its own: ours, and one that breaks something."""
    ours = place / "supabase" / "migrations"
    ours.mkdir(parents=True)
    (place / "supabase" / "config.toml").write_text((root / "supabase" / "config.toml").read_text())
    for path in sorted((root / "supabase" / "migrations").glob("*.sql")):
        (ours / path.name).write_text(path.read_text())
    (ours / "29991231000000_break_something.sql").write_text(statements)


@pytest.fixture
def place(tmp_path: Path, root: Path) -> Iterator[Path]:
    """A directory with spaces in its path, sharing the packages the checkout has."""
    directory = tmp_path / "a path with spaces"
    (directory / ".vigil").mkdir(parents=True, mode=0o711)
    packages = root / ".vigil" / "node"
    packages.mkdir(parents=True, exist_ok=True)
    (directory / ".vigil" / "node").symlink_to(packages)
    yield directory
    assert left_running(directory) == []


def test_the_whole_story_happens_and_again_and_leaves_nothing_running(place: Path) -> None:
    run = play(place)
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert told["kept"] is True
    assert broken(told) == set()
    assert len(told["checks"]) == len(ALL)
    figures = told["figures"]
    assert figures["hidden_ms"] > 0
    assert figures["expiry_recorded_ms"] >= 0
    assert figures["accepted_ms_after_end"] >= 0
    assert figures["messages"] == figures["verdicts"] == 6
    assert figures["refused"] == figures["refused_while_muted"] + 1
    assert figures["audit_events"] > figures["messages"] + figures["verdicts"]
    for screen in ("Ana", "Ben", "Sam"):
        assert f"{screen}'s screen: + Has anybody a spare heater?" in run.stderr
    assert "Ben's screen: - Get rich now" in run.stderr
    assert "Sam's screen: + Cheap heaters" in run.stderr
    assert "Ben's screen: + Cheap heaters" not in run.stderr
    assert left_running(place) == []
    again = play(place)
    assert again.returncode == 0, "twice in a row: " + again.stdout + again.stderr


def test_a_bad_message_that_stays_is_noticed(place: Path, root: Path) -> None:
    """The same story over a database in which verdicts change nothing."""
    sabotage(
        place, root,
        "create or replace function vigil.apply_verdict(kind text, subject uuid, verdict text, "
        "why text, worker text) returns void language sql set search_path = '' as 'select'",
    )  # fmt: skip
    run = play(place)
    assert run.returncode == 1, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert told["kept"] is False
    assert broken(told) == set(ALL[ALL.index("hide") :]), "nothing after it is taken for granted"
    assert "the removal" in told["trouble"]


def test_a_mute_that_does_not_bind_is_noticed(place: Path, root: Path) -> None:
    """The same story over a database whose guard on sending is gone; the worker works."""
    sabotage(
        place, root,
        "create or replace function vigil.check_may_send(sender uuid, conversation uuid) "
        "returns vigil.send_facts language sql security definer set search_path = '' as "
        "'select (sender, conversation, null, null, 10000, r.inline_max_words, false)::vigil.send_facts"
        " from vigil.terms_revision r'",
    )  # fmt: skip
    run = play(place)
    assert run.returncode == 1, run.stdout + run.stderr
    told = broken(json.loads(run.stdout))
    assert {"mute", "expiry"} <= told
    assert not {"talk", "hide", "block", "record"} & told, "the rest of the story is as it was"


def test_a_worker_that_cannot_start_is_noticed(place: Path, root: Path) -> None:
    sabotage(place, root, "revoke execute on all functions in schema vigil from vigil_worker")
    run = play(place)
    assert run.returncode == 1, run.stdout + run.stderr
    told = json.loads(run.stdout)
    assert broken(told) == set(ALL)
    assert "worker" in told["trouble"]


@pytest.mark.parametrize("moment", ["Setting up: services", "Sam advertises"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_demo_leaves_nothing_running(
    place: Path, moment: str, sent: signal.Signals
) -> None:
    with subprocess.Popen(
        command(place), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stderr is not None
        for line in demo.stderr:
            if moment in line:
                break
        demo.send_signal(sent)
        time.sleep(0.2)
        demo.send_signal(sent)  # an impatient person
        _, words = demo.communicate(timeout=60)
    assert demo.returncode == 128 + sent, words
    assert "Traceback" not in words
    assert "Nothing is left running." in words
    assert left_running(place) == []


def test_a_second_demo_in_one_place_is_refused_and_the_first_goes_on(place: Path) -> None:
    with subprocess.Popen(
        command(place), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as first:
        assert first.stderr is not None
        first.stderr.readline()
        second = play(place)
        out, words = first.communicate(timeout=300)
    assert second.returncode == 1
    assert "playing in this checkout already" in second.stderr
    assert first.returncode == 0, out + words


def test_it_needs_no_environment_of_its_own(place: Path) -> None:
    """A moderator's settings in the environment neither lead it astray nor are they touched."""
    strange = {
        **os.environ,
        "VIGIL_SUPABASE_URL": "http://127.0.0.1:9",
        "VIGIL_WORKER_NAME": "mine",
    }
    run = subprocess.run(
        command(place), capture_output=True, text=True, check=False, timeout=300, env=strange
    )
    assert run.returncode == 0, run.stdout + run.stderr
