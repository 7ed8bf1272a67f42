"""`vigil local up --worker`: one command leaves a stack, a worker and a small world."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from supabase import create_client

from vigil_cli.local.layout import Layout
from vigil_cli.local.process import running_with
from vigil_cli.local.seed import MEMBERS, PASSWORD, STAFF, address
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


def test_a_stack_with_a_worker_and_members_to_try(tmp_path: Path, root: Path) -> None:
    place = tmp_path / "with a worker"
    layout = Layout.find(place)
    layout.root.mkdir(parents=True, mode=0o700)
    packages = root / ".vigil" / "node"
    packages.mkdir(parents=True, exist_ok=True)
    layout.node.symlink_to(packages)
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
        Stack(layout).cluster.destroy()
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
