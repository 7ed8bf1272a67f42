"""`vigil local up --worker`: one command leaves a stack, a worker and a small world."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from supabase import create_client

from vigil_cli.local.layout import Layout
from vigil_cli.local.process import running_with
from vigil_cli.local.seed import MEMBERS, PASSWORD, STAFF, TALK, address, seed
from vigil_cli.local.stack import Stack
from vigil_cli.local.supabase_cli import _without_password

# Said by the client library about a default of its own.
pytestmark = pytest.mark.filterwarnings(
    "ignore:The '(timeout|verify)' parameter:DeprecationWarning"
)


def vigil(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vigil_cli", "local", *arguments],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, packages: Path) -> Iterator[Path]:
    """A directory for a stack with the migrations of this checkout; nothing of it runs afterwards."""
    place = tmp_path / "with a worker"
    layout = Layout.find(place)
    layout.make()
    (layout.node / packages.name).symlink_to(packages)
    yield place
    Stack(layout).remove()
    assert running_with(str(layout.config("worker"))) == []


CUT = """
create function auth.cut() returns trigger language plpgsql as $$
begin
    if to_jsonb(new) ->> tg_argv[0] like tg_argv[1] then
        raise exception 'cut off here';
    end if;
    return new;
end
$$"""
# Each cut comes later than the one before.
CUTS = (
    ("auth.users", "email", "cleo%"),
    ("vigil.staff", "role", "admin"),
    ("public.profiles", "name", "Mia"),
    ("vigil.staff", "role", "moderator"),
    ("public.conversations", "title", "%"),
    ("public.messages", "content", "Yes!%"),
)
WORLD = """
select (select array_agg(p.name order by p.name) from public.profiles p),
       (select array_agg(m.content order by m.created_at) from public.messages m),
       (select count(*) from public.conversations), (select count(*) from vigil.staff),
       (select count(*) from auth.users)
"""


def test_seeding_cut_off_anywhere_is_completed_and_never_doubled(place: Path) -> None:
    stack = Stack(Layout.find(place), durable=False)
    up = ("up", "--worker", "--port", "0", "--dir", str(place))
    assert vigil(*up[:1], *up[2:]).returncode == 0
    with psycopg.connect(stack.cluster.dsn(role="supabase_admin"), autocommit=True) as conn:
        conn.execute(CUT)
        for table, column, value in CUTS:
            conn.execute(
                f"create trigger aaa_cut before insert or update on {table}"
                f" for each row execute function auth.cut('{column}', '{value}')"
            )
            cut = vigil(*up)
            assert cut.returncode == 1, (table, column)
            assert "The members could not all be made" in cut.stderr, cut.stderr
            assert "Try: vigil local up --worker" in cut.stderr
            conn.execute(f"drop trigger aaa_cut on {table}")
        whole = (sorted(MEMBERS), [text for _, text in TALK], 1, len(STAFF), len(MEMBERS))
        done = vigil(*up)
        assert done.returncode == 0, done.stderr
        assert f"--email {address('Mia')}" in done.stderr
        assert conn.execute(WORLD).fetchone() == whole
        stack.layout.state.unlink()
        assert vigil(*up).returncode == 0
        assert conn.execute(WORLD).fetchone() == whole, "not even when nobody remembers it"
        conn.execute("update public.profiles set name = 'Annie' where name = 'Ana'")
        assert vigil(*up).returncode == 0
        row = conn.execute("select count(*) from public.profiles where name = 'Annie'").fetchone()
        assert row == (1,), "what somebody changed afterwards stays"

    # A reset brings back what ran before, and says so.
    reset = vigil("reset", "--yes", "--dir", str(place))
    assert reset.returncode == 0, reset.stderr
    assert "the worker ran before: it runs again and the members were made anew" in reset.stderr
    assert len(running_with(str(stack.layout.config("worker")))) == 1
    with psycopg.connect(stack.cluster.dsn(role="supabase_admin")) as conn:
        assert conn.execute(WORLD).fetchone() == whole
    vigil("down", "--dir", str(place))
    plain = vigil("reset", "--yes", "--dir", str(place))
    assert "worker" not in plain.stderr
    assert running_with(str(stack.layout.config("worker"))) == []


def test_members_of_somebody_else_are_left_alone(place: Path) -> None:
    stack = Stack(Layout.find(place), durable=False)
    stack.up(port=0)
    with psycopg.connect(stack.env()["DB_URL"], autocommit=True) as owner:
        owner.execute("insert into auth.users (id, email) values (gen_random_uuid(), 'x@y.org')")
        assert not seed(stack)
        assert owner.execute("select count(*) from auth.users").fetchone() == (1,)


def test_a_stack_with_a_worker_and_members_to_try(place: Path, tmp_path: Path) -> None:
    layout = Layout.find(place)
    try:
        with ThreadPoolExecutor(2) as pool:
            up = ("up", "--worker", "--port", "0", "--dir", str(place))
            first, second = pool.map(lambda _: vigil(*up), range(2))
        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        assert first.stdout == second.stdout, "two at once make one stack"
        told = dict(line.split("=", 1) for line in first.stdout.splitlines())
        assert set(told) == {"API_URL", "DB_URL", "PUBLISHABLE_KEY", "SECRET_KEY"}
        for words in (f"createClient('{told['API_URL']}', '{told['PUBLISHABLE_KEY']}')", PASSWORD,
                      f"--email {address('Mia')}", "make down"):  # fmt: skip
            assert words in first.stderr
        running = running_with(str(layout.config("worker")))
        assert len(running) == 1
        values = Stack(layout).env()
        client = create_client(values["API_URL"], values["PUBLISHABLE_KEY"])
        (line,) = [each for each in first.stderr.splitlines() if "vigil login" in each]
        login = shlex.split(line.partition("VIGIL_PASSWORD=")[2])
        signed_in = subprocess.run(
            [sys.executable, "-m", "vigil_cli", *login[2:]],
            env={**os.environ, "VIGIL_PASSWORD": login[0], "VIGIL_HOME": str(tmp_path / "mia")},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert "Signed in as Mia (moderator)" in signed_in.stderr, "the line works as printed"
        client.auth.sign_in_with_password({"email": address("Mia"), "password": PASSWORD})
        assert client.rpc("whoami").execute().data["role"] == "moderator"
        deadline = time.monotonic() + 20
        while (status := client.rpc("worker_status").execute().data)["queue"]["ready"]:
            assert time.monotonic() < deadline, status
            time.sleep(0.1)
        members = client.rpc("find_member", {"handle": address("Ana")}).execute().data
        assert [m["name"] for m in members] == ["Ana"]
        again = vigil("up", "--worker", "--dir", str(place))
        assert again.returncode == 0, again.stderr
        assert [p.pid for p in running_with(str(layout.config("worker")))] == [running[0].pid]
        shown = json.loads(vigil("status", "--json", "--dir", str(place)).stdout)
        assert shown["services"]["worker"]["running"] is True
        staff = {row["name"]: row["role"] for row in client.rpc("list_staff").execute().data}
        assert staff == STAFF
        with psycopg.connect(values["DB_URL"]) as owner:
            counts = owner.execute(
                "select (select count(*) from public.profiles), (select count(*) from public.messages)"
            ).fetchone()
        assert counts == (len(MEMBERS), 3), "seeded once"
        logged = vigil("logs", "worker", "--dir", str(place))
        assert "worker.started" in logged.stdout, logged.stdout
    finally:
        down = vigil("down", "--dir", str(place))
    assert down.returncode == 0
    assert "stopped worker, gateway, rest, postgres" in down.stderr
    assert running_with(str(layout.config("worker"))) == []


def test_migrations_travel_encrypted_unless_they_stay_on_this_machine() -> None:
    local, password = _without_password("postgresql://postgres:secret@127.0.0.1:5432/postgres")
    assert (local, password) == (
        "postgresql://postgres@127.0.0.1:5432/postgres?sslmode=disable",
        "secret",
    )
    hosted, _ = _without_password("postgresql://postgres:x@db.example.org:5432/postgres")
    assert hosted.endswith("?sslmode=require")
    chosen, _ = _without_password(
        "postgresql://postgres:x@db.example.org/postgres?sslmode=verify-full"
    )
    assert chosen.endswith("?sslmode=verify-full")
