"""A database per test, cloned from a migrated template, and members acting in it as the API would."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from vigil_cli.local.cluster import SUPERUSER, Cluster

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = sorted((ROOT / "supabase" / "migrations").glob("*.sql"))
WORKER_PASSWORD = "worker-of-the-tests"
_numbers = itertools.count(1)


def migrate(dsn: str) -> None:
    """Apply every migration as the role of the connection, each in its own transaction."""
    with psycopg.connect(dsn) as conn:
        for path in MIGRATIONS:
            conn.execute(path.read_text())
            conn.commit()


@contextmanager
def refused(sqlstate: str, because: str = "") -> Iterator[pytest.ExceptionInfo[psycopg.Error]]:
    """The block is refused with this SQLSTATE; wording is free, a missing message is not."""
    with pytest.raises(psycopg.Error) as caught:
        yield caught
    assert caught.value.sqlstate == sqlstate, f"{because}: {caught.value.sqlstate} {caught.value}"
    assert str(caught.value).strip()


@dataclass(slots=True)
class Session:
    """One connection on which somebody acts; each statement is its own transaction, as with PostgREST."""

    conn: psycopg.Connection[dict[str, Any]]
    role: str | None = None
    claims: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        with self.conn.transaction():
            if self.role:
                self.conn.execute(f"set local role {self.role}")
            if self.claims is not None:
                self.conn.execute(
                    "select set_config('request.jwt.claims', %s, true)", [json.dumps(self.claims)]
                )
                self.conn.execute(
                    "select set_config('request.headers', %s, true)", [json.dumps(self.headers)]
                )
            yield self.conn

    def rows(self, query: str, *args: Any) -> list[dict[str, Any]]:
        with self.transaction() as conn:
            cursor = conn.execute(query, args or None)
            return cursor.fetchall() if cursor.description else []

    def run(self, query: str, *args: Any) -> int:
        with self.transaction() as conn:
            return conn.execute(query, args or None).rowcount

    def column(self, query: str, *args: Any) -> list[Any]:
        return [next(iter(row.values())) for row in self.rows(query, *args)]

    def value(self, query: str, *args: Any) -> Any:
        rows = self.rows(query, *args)
        assert len(rows) == 1, f"{len(rows)} rows"
        return next(iter(rows[0].values()))

    def send(self, conversation: uuid.UUID, content: str, **extra: Any) -> uuid.UUID:
        """Insert a message the way a legacy client does; returns its id."""
        names = ["conversation_id", "content", *extra]
        marks = ", ".join(["%s"] * len(names))
        made = self.value(
            f"insert into public.messages ({', '.join(names)}) values ({marks}) returning id",
            conversation, content, *extra.values(),
        )  # fmt: skip
        assert isinstance(made, uuid.UUID)
        return made

    def sees(self, conversation: uuid.UUID) -> list[str]:
        """The texts this person sees in a conversation, oldest first."""
        return self.column(
            "select content from public.messages where conversation_id = %s order by created_at",
            conversation,
        )


@dataclass(slots=True)
class Database:
    """A cloned database, and a factory of people and sessions in it."""

    cluster: Cluster
    name: str
    _open: list[psycopg.Connection[Any]] = field(default_factory=list)
    _makers: tuple[Session, Session] | None = None

    def dsn(self, role: str = "postgres") -> str:
        if role == "vigil_worker":
            return self.cluster.url("vigil_worker", WORKER_PASSWORD, self.name)
        return self.cluster.dsn(role=role, dbname=self.name)

    def connect(self, role: str = "postgres") -> psycopg.Connection[dict[str, Any]]:
        conn = psycopg.connect(self.dsn(role), autocommit=True, row_factory=dict_row)
        self._open.append(conn)
        return conn

    def owner(self) -> Session:
        """`postgres`, who owns the schema."""
        return Session(self.connect("postgres"))

    def superuser(self) -> Session:
        return Session(self.connect(SUPERUSER))

    def worker(self) -> Session:
        return Session(self.connect("vigil_worker"))

    def service(self) -> Session:
        return Session(self.connect("authenticator"), "service_role", {"role": "service_role"})

    def anonymous(self) -> Session:
        return Session(self.connect("authenticator"), "anon", {"role": "anon"})

    def acting_as(self, member: uuid.UUID) -> Session:
        """A signed-in member, through `authenticator` and SET LOCAL ROLE as PostgREST does."""
        claims = {"role": "authenticated", "sub": str(member), "aud": "authenticated"}
        return Session(self.connect("authenticator"), "authenticated", claims)

    def member(self, name: str, staff: str | None = None) -> uuid.UUID:
        """A new account with a profile; with `staff`, also on the staff."""
        person = uuid.uuid4()
        if self._makers is None:
            self._makers = self.owner(), self.superuser()
        owner, superuser = self._makers
        superuser.run(
            "insert into auth.users (id, email) values (%s, %s)",
            person,
            f"{name}-{person}@example.org",
        )
        owner.run("update public.profiles set name = %s where id = %s", name, person)
        # The name is filtered too; drop that job, so that tests count the jobs of messages alone.
        owner.run("delete from vigil.jobs where kind = 'name' and subject_id = %s", person)
        if staff:
            owner.run("insert into vigil.staff (user_id, role) values (%s, %s)", person, staff)
        return person

    def conversation(self, *members: uuid.UUID, title: str | None = None) -> uuid.UUID:
        """A conversation started by the first member."""
        made = self.acting_as(members[0]).value(
            "select public.start_conversation(%s, %s)", list(members[1:]), title
        )
        assert isinstance(made, uuid.UUID)
        if title:
            self.owner().run(
                "delete from vigil.jobs where kind = 'title' and subject_id = %s", made
            )
        return made

    def settle(self, verdicts: dict[str, str] | None = None, default: str = "approve") -> int:
        """Judge everything that waits, by content; what a worker with a trivial filter would do."""
        worker = self.worker()
        jobs = worker.rows("select * from vigil.claim_jobs('test', 1000, 60)")
        if not jobs:
            return 0
        outcomes = [
            {"job_id": j["job_id"], "engine": "test", "reason": "test",
             "verdict": (verdicts or {}).get(j["content"], default)} for j in jobs
        ]  # fmt: skip
        settled = worker.value(
            "select vigil.settle_jobs('test', %s, '{}', %s, null)",
            jobs[0]["lease_id"],
            json.dumps(outcomes),
        )
        assert isinstance(settled, int)
        return settled

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        return self.owner().rows(
            "select e.*, a.user_id as actor, s.user_id as subject, e.body2::jsonb as detail from vigil.events e"
            " left join vigil.subjects a on a.subject_ref = (e.body0::jsonb ->> 'ref')::uuid"
            " left join vigil.subjects s on s.subject_ref = (e.body1::jsonb ->> 'ref')::uuid"
            " where e.kind = any(%s) order by e.id",
            list(kinds),
        )

    def close(self) -> None:
        for conn in self._open:
            conn.close()
        self._open.clear()
        self._makers = None


class Databases:
    """Makes databases on one cluster: templates once, clones per test."""

    def __init__(
        self, cluster: Cluster, made: Mapping[str, str] | None = None, use_up: str = ""
    ) -> None:
        """`made` names databases of this cluster that stand for a template; `use_up` is given away instead of a copy."""
        self.cluster = cluster
        self._templates = dict(made or {})
        self._use_up, self._given_away = use_up, False

    def admin(self, query: str) -> None:
        with psycopg.connect(self.cluster.dsn(role=SUPERUSER), autocommit=True) as conn:
            conn.execute(query)

    def template(self, name: str, before: Sequence[str] = (), migrated: bool = True) -> str:
        """A bootstrapped database, with `before` (SQL run as postgres) and the migrations applied."""
        if name not in self._templates:
            self.cluster.bootstrap(name)
            with psycopg.connect(self.cluster.dsn(role="postgres", dbname=name)) as conn:
                for text in before:
                    conn.execute(text)
            if migrated:
                migrate(self.cluster.dsn(role="postgres", dbname=name))
                self.admin(f"alter role vigil_worker password '{WORKER_PASSWORD}'")
            self._templates[name] = name
        return self._templates[name]

    def clone(self, template: str) -> Database:
        if template == self._use_up:
            if self._given_away:
                pytest.exit(
                    "a second copy is wanted", returncode=pytest.ExitCode.NO_TESTS_COLLECTED
                )
            self._given_away = True
            return Database(self.cluster, template)
        name = f"t{next(_numbers)}_{uuid.uuid4().hex[:8]}"
        self.admin(f"create database {name} template {template} owner postgres")
        return Database(self.cluster, name)

    def drop(self, db: Database) -> None:
        db.close()
        self.admin(f"drop database {db.name} with (force)")
