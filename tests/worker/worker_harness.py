"""A worker as a real process, and what a test wants to know about it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from tests.support.database import Database, Session

from vigil.settings import Settings

PATIENCE = 20.0


def until(true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """The first truthy answer; fails with `what` when none comes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := true():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds:g} s in vain: {what}")


@dataclass(slots=True)
class WorkerProcess:
    """One replica; its log is read from a file, so that it never waits for us."""

    process: subprocess.Popen[bytes]
    log: Path

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [each for each in found if name is None or each["event"] == name]

    def wait_for(self, event: str, count: int = 1, seconds: float = PATIENCE) -> dict[str, Any]:
        def heard() -> dict[str, Any] | None:
            found = self.events(event)
            if len(found) >= count:
                return found[count - 1]
            assert self.process.poll() is None, f"ended: {self.log.read_text()}"
            return None

        try:
            answer = until(heard, event, seconds)
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{self.log.read_text()}") from None
        assert isinstance(answer, dict)
        return answer

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)

    def ended(self) -> int:
        return self.process.wait(PATIENCE)

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.ended()


def environment(db: Database, **settings: object) -> dict[str, str]:
    """The environment of a worker of `db`, and nothing of ours but what Python needs."""
    kept = {n: v for n, v in os.environ.items() if n == "PATH" or n.startswith("COVERAGE_")}
    told = {f"VIGIL_{name.upper()}": str(value) for name, value in settings.items()}
    defaults = {
        "VIGIL_DATABASE_URL": db.dsn("vigil_worker"),
        "VIGIL_POLL_SECONDS": "0.1",
        "VIGIL_CLOCK_SECONDS": "0.2",
        "VIGIL_TERMS_SECONDS": "0.1",
    }
    return kept | defaults | told


def settings_for(db: Database, **more: object) -> Settings:
    return Settings.from_env(environment(db, **more))


@contextmanager
def worker(
    db: Database, log: Path, *, program: tuple[str, ...] = ("-m", "vigil"), **more: object
) -> Iterator[WorkerProcess]:
    """A running replica with its drain started; killed at the end whatever happens."""
    extra = {name: str(more.pop(name)) for name in list(more) if name.isupper()}
    path = log / f"worker-{uuid.uuid4().hex[:8]}.log"
    with path.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, *program], env=environment(db, **more) | extra, stderr=sink
        )
    running = WorkerProcess(process, path)
    try:
        running.wait_for("worker.started")
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)


def run_worker(db: Database, *arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    """A worker that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "vigil", *arguments],
        env=environment(db, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@dataclass(slots=True)
class Room:
    """Two members in a conversation of a community that keeps every verdict."""

    db: Database
    ann: uuid.UUID
    bob: uuid.UUID
    id: uuid.UUID
    owner: Session

    @classmethod
    def make(cls, db: Database) -> Room:
        db.owner().run("update vigil.settings set keep_all_verdicts = true")
        ann, bob = db.member("ann"), db.member("bob")
        return cls(db, ann, bob, db.conversation(ann, bob), db.owner())

    def send(self, *contents: str) -> None:
        """Messages of Ann's, in one transaction."""
        self.owner.run(
            "insert into public.messages (conversation_id, sender_id, content)"
            " select %s, %s, c from unnest(%s::text[]) c",
            self.id, self.ann, list(contents),
        )  # fmt: skip

    def verdicts(self) -> dict[str, list[str]]:
        """Each message's verdicts, by content."""
        rows = self.owner.rows(
            "select m.content, array_remove(array_agg(v.verdict::text), null) as verdicts"
            " from public.messages m left join vigil.verdicts v on v.subject_id = m.id"
            " group by m.id, m.content"
        )
        return {row["content"]: row["verdicts"] for row in rows}

    def all_judged_once(self) -> None:
        """Every message has exactly one verdict and one event of it, and no job is left."""
        until(lambda: self.waiting() == self.leased() == 0, "an empty queue")
        wrong = {c: v for c, v in self.verdicts().items() if len(v) != 1}
        assert not wrong, dict(list(wrong.items())[:5])
        messages = self.owner.value("select count(*) from public.messages")
        assert len(self.db.events("message.judged")) == messages

    def state_of(self, content: str) -> str:
        return str(
            self.owner.value(
                "select moderation_status from public.messages where content = %s", content
            )
        )

    def add_terms(self, *terms: tuple[str, str]) -> None:
        """Terms with their severities, through the staff's own call."""
        admin = self.db.acting_as(self.db.member("ada", staff="admin"))
        admin.value(
            "select public.add_terms(%s)",
            json.dumps([{"term": t, "category": "test", "severity": s} for t, s in terms]),
        )

    def leased(self) -> int:
        """How many jobs workers hold."""
        return int(
            self.owner.value("select coalesce(sum(cardinality(job_ids)), 0) from vigil.leases")
        )

    def waiting(self) -> int:
        """How many jobs nobody holds."""
        return int(self.owner.value("select count(*) from vigil.jobs"))


@contextmanager
def settling_blocked(db: Database) -> Iterator[Callable[[], int]]:
    """Whoever settles waits, and claiming goes on; yields a way to end those who wait."""
    with psycopg.connect(db.dsn("supabase_admin")) as lock:
        lock.execute("lock table vigil.verdicts in share mode")

        def end_waiting() -> int:
            rows = db.superuser().rows(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'vigil_worker' and wait_event_type = 'Lock'"
                " and datname = current_database()"
            )
            return len(rows)

        yield end_waiting
        lock.rollback()
