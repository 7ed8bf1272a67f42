"""The worker as a process: killed, cut off, doubled, stopped. Every message gets one verdict."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.database import Database, Databases
from tests.worker.worker_harness import Room, run_worker, settling_blocked, until, worker

from vigil_cli.local.cluster import Cluster

SECRET_TEXT = "a very private sentence"


def test_killed_before_settling_reached_the_database(
    db: Database, room: Room, tmp_path: Path
) -> None:
    with settling_blocked(db) as end_waiting:
        with worker(db, tmp_path, lease_seconds=1) as first:
            room.send(*(f"message {n}" for n in range(50)))
            until(lambda: room.leased() == 50, "a claim")
            until(lambda: _waiting(db), "a settling that waits")
            first.kill()
        # A backend goes on after its client died; this one is ended before it could settle.
        assert end_waiting() == 1
        assert not any(room.verdicts().values())
    with worker(db, tmp_path):
        room.all_judged_once()


def test_killed_while_the_database_settles(db: Database, room: Room, tmp_path: Path) -> None:
    with settling_blocked(db), worker(db, tmp_path, lease_seconds=0.5) as first:
        room.send(*(f"message {n}" for n in range(50)))
        until(lambda: _waiting(db), "a settling that waits")
        first.kill()
    with worker(db, tmp_path):
        room.all_judged_once()


def test_two_workers_share_the_work_and_judge_nothing_twice(
    db: Database, room: Room, tmp_path: Path
) -> None:
    with worker(db, tmp_path, batch=50) as one, worker(db, tmp_path, batch=50) as other:
        for start in range(0, 2000, 500):
            room.send(*(f"message {n}" for n in range(start, start + 500)))
        room.all_judged_once()
        shares = [sum(e["settled"] for e in w.events("drain.settled")) for w in (one, other)]
        assert sum(shares) == 2000
        assert min(shares) > 0, "both took part"


def test_cut_connections_are_survived(db: Database, room: Room, tmp_path: Path) -> None:
    with worker(db, tmp_path) as running:
        for round_ in range(3):
            room.send(*(f"message {round_} {n}" for n in range(20)))
            db.superuser().run(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'vigil_worker' and datname = current_database()"
            )
            room.all_judged_once()
        running.wait_for("clock.leading", count=2)
        assert running.stop() == 0


@pytest.fixture
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that this test may stop."""
    cluster = Cluster(tmp_path_factory.mktemp("pg"), durable=False)
    cluster.init()
    cluster.start()
    yield cluster
    cluster.stop()
    cluster.destroy()


def test_a_restart_of_the_database_is_survived(own_cluster: Cluster, tmp_path: Path) -> None:
    databases = Databases(own_cluster)
    db = databases.clone(databases.template("template_vigil"))
    room = Room.make(db)
    with worker(db, tmp_path) as running:
        room.send("before")
        room.all_judged_once()
        db.close()
        own_cluster.stop()
        running.wait_for("drain.unavailable")
        assert running.process.poll() is None
        own_cluster.start()
        room.owner = db.owner()
        room.send("after")
        room.all_judged_once()
        running.wait_for("clock.leading", count=2)
        db.close()
        own_cluster.stop()
        assert running.stop() == 0, "a stop without a database is still a stop"
    db.close()


def test_a_worker_waits_for_a_database_that_is_not_there_yet(
    own_cluster: Cluster, tmp_path: Path
) -> None:
    databases = Databases(own_cluster)
    db = databases.clone(databases.template("template_vigil"))
    own_cluster.stop()
    assert run_worker(db, "--check").returncode == 1
    with _started(db, tmp_path) as running:
        running.wait_for("worker.waiting_for_database")
        own_cluster.start()
        running.wait_for("worker.started")
        assert running.stop() == 0


def test_the_clock_is_taken_over_and_each_expiry_recorded_once(
    db: Database, room: Room, tmp_path: Path
) -> None:
    moderator = db.acting_as(db.member("mia", staff="moderator"))

    def mute(seconds: float) -> None:
        moderator.value(
            "select public.restrict_member(%s, 'mute', 'test', %s::interval)",
            room.bob, f"{seconds} seconds",
        )  # fmt: skip

    def recorded() -> list[dict[str, Any]]:
        return db.events("restriction.expired")

    with worker(db, tmp_path) as one, worker(db, tmp_path) as other:
        until(lambda: one.events("clock.leading") or other.events("clock.leading"), "a leader")
        leader, heir = (one, other) if one.events("clock.leading") else (other, one)
        mute(0.6)
        until(lambda: len(recorded()) == 1, "an expiry")
        assert leader.wait_for("clock.recorded")["kind"] == "restriction.expired"
        mute(0.6)
        leader.kill()
        heir.wait_for("clock.leading")
        until(lambda: len(recorded()) == 2, "an expiry after the take-over")
        assert len(heir.events("clock.recorded")) == 1
        assert len(leader.events("clock.recorded")) == 1
        mute(0.3)
        until(lambda: len(recorded()) == 3, "another")
    assert len({row["event_id"] for row in recorded()}) == 3


def test_the_first_signal_settles_what_is_held_and_ends_well(
    db: Database, room: Room, tmp_path: Path
) -> None:
    with worker(db, tmp_path, batch=10, lease_seconds=3600) as running:
        with settling_blocked(db):
            room.send(*(f"message {n}" for n in range(50)))
            until(lambda: _waiting(db), "a settling that waits")
            running.signal(signal.SIGTERM)
            running.wait_for("worker.stopping")
            time.sleep(0.2)
            assert running.process.poll() is None, "it waits for its settling"
        assert running.ended() == 0
    owner = db.owner()
    assert room.leased() == 0
    assert owner.value("select count(*) from vigil.jobs") == 40, "nothing more was claimed"
    assert sum(map(len, room.verdicts().values())) == 10
    with worker(db, tmp_path):
        room.all_judged_once()


def test_the_second_signal_aborts_and_loses_nothing(
    db: Database, room: Room, tmp_path: Path
) -> None:
    with settling_blocked(db), worker(db, tmp_path, lease_seconds=0.5) as running:
        room.send("message")
        until(lambda: _waiting(db), "a settling that waits")
        running.signal(signal.SIGINT)
        running.wait_for("worker.stopping")
        running.signal(signal.SIGINT)
        assert running.ended() == 1
    with worker(db, tmp_path):
        room.all_judged_once()


HANGING = """
import sys, time
from vigil.text.engine import Engine
judge_one = Engine.judge_one
def hang(self, item):
    if item.content == "hang":
        time.sleep(3600)
    return judge_one(self, item)
Engine.judge_one = hang
from vigil.__main__ import main
sys.exit(main())
"""


def test_a_filter_that_hangs_stalls_nobody_else_and_can_be_aborted(
    db: Database, room: Room, tmp_path: Path
) -> None:
    with worker(db, tmp_path, program=("-c", HANGING), lease_seconds=0.5) as hanging:
        room.send("hang")
        until(lambda: room.leased() == 1, "a claim")
        with worker(db, tmp_path):
            room.send("fine")
            room.all_judged_once()
        hanging.wait_for("clock.leading")
        assert hanging.process.poll() is None
        hanging.signal(signal.SIGTERM)
        hanging.wait_for("worker.stopping")
        hanging.signal(signal.SIGTERM)
        assert hanging.ended() == 1


def test_systemd_hears_ready_watchdog_and_stopping(
    db: Database, room: Room, tmp_path: Path
) -> None:
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        address = f"\0vigil-test-{db.name}"
        manager.bind(address)
        manager.settimeout(20)

        def until_heard(word: str) -> None:
            while not any(word in each for each in heard):
                heard.append(manager.recv(4096).decode())

        with worker(db, tmp_path, NOTIFY_SOCKET="@" + address[1:], WATCHDOG_USEC="300000") as one:
            until_heard("READY=1")
            until_heard("WATCHDOG=1")
            assert one.stop() == 0
            until_heard("STOPPING=1")


def test_health_readiness_and_metrics(db: Database, room: Room, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as finder:
        port = finder.getsockname()[1]

    def get(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    with worker(db, tmp_path, health_port=port):
        room.send("one", "two")
        room.all_judged_once()
        assert get("/healthz") == (200, '{"status":"ok"}')
        until(lambda: get("/readyz")[0] == 200, "readiness")
        until(lambda: 'vigil_verdicts_total{verdict="approve"} 2.0' in get("/metrics")[1], "two")
        second = run_worker(db, health_port=port)
        assert second.returncode == 2
        assert "VIGIL_HEALTH_PORT" in second.stderr
    auditor = db.acting_as(db.member("mia", staff="auditor"))
    beat = auditor.value("select public.worker_status()")["workers"][0]
    assert beat["state"]["engine"].startswith("terms-")


def test_no_log_holds_what_a_person_wrote(db: Database, room: Room, tmp_path: Path) -> None:
    with worker(db, tmp_path, log_level="debug") as running:
        room.add_terms(("private", "remove"))
        until(lambda: any(e["terms"] for e in running.events("terms.loaded")), "the term")
        room.send(SECRET_TEXT)
        room.all_judged_once()
        assert running.stop() == 0
        logged = running.log.read_text()
    assert room.state_of(SECRET_TEXT) == "removed"
    assert "drain.settled" in logged
    assert "private" not in logged
    assert all(json.loads(line)["event"] for line in logged.splitlines())


def test_settings_that_are_wrong_end_at_once(db: Database) -> None:
    ended = run_worker(db, batchs=5)
    assert ended.returncode == 2
    assert "VIGIL_BATCHS; did you mean VIGIL_BATCH?" in ended.stderr
    ended = run_worker(
        db, supabase_url="http://127.0.0.1:1", supabase_key="k", doorbell_token="nonsense"
    )
    assert (ended.returncode, "VIGIL_DOORBELL_TOKEN" in ended.stderr) == (2, True)
    assert run_worker(db, "--nonsense").returncode == 2
    assert run_worker(db, "--version").stdout.startswith("vigil-worker ")


def _waiting(db: Database) -> bool:
    return bool(
        db.superuser().value(
            "select count(*) from pg_stat_activity where usename = 'vigil_worker'"
            " and wait_event_type = 'Lock' and datname = current_database()"
        )
    )


@contextlib.contextmanager
def _started(db: Database, log: Path) -> Iterator[Any]:
    """A process that has not reached its database yet."""
    import subprocess
    import sys

    from tests.worker.worker_harness import WorkerProcess, environment

    path = log / "early.log"
    with path.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "vigil"], env=environment(db), stderr=sink
        )
    try:
        yield WorkerProcess(process, path)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(20)
