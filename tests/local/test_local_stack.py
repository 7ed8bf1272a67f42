"""The life of a stack: up and down by command, repeated, killed, side by side, as another user."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import jwt
import psycopg
import pytest

from tests.local.conftest import make_project
from tests.support.inprocess import run_vigil
from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.process import Process
from vigil_cli.local.stack import Stack
from vigil_cli.local.unprivileged import account_for_postgres

NewStack = Callable[[str], Stack]


@dataclass(frozen=True)
class Answer:
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str


def command(stack: Stack, *arguments: str, given: str = "") -> Answer:
    """Run `vigil local …` for a stack, as a person would."""
    directory = stack.layout.root.parent
    ran = run_vigil(
        ["local", *arguments, "--dir", str(directory)],
        environ=os.environ, directory=directory, stdin=given.encode(),
    )  # fmt: skip
    return Answer(ran.code, ran.out.decode(), ran.err.decode())


def processes(stack: Stack) -> dict[str, Process]:
    """The running processes by service."""
    shown = stack.status()["services"]
    found = {name: Process.of(entry["pid"]) for name, entry in shown.items() if entry["pid"]}
    return {name: process for name, process in found.items() if process is not None}


def serves(stack: Stack) -> bool:
    """Whether a request reaches the database."""
    keys = stack.env()
    asked = httpx.get(f"{stack.url()}/rest/v1/notes", headers={"apikey": keys["SECRET_KEY"]})
    return asked.status_code == 200


def test_up_status_env_logs_down_by_command(new_stack: NewStack) -> None:
    stack = new_stack("by command")
    assert command(stack, "status").exit_code == 1
    assert "Try: vigil local up" in command(stack, "env").stderr
    assert "Try: vigil local up" in command(stack, "logs").stderr
    told = command(stack, "env", "--json")
    assert (told.exit_code, told.stdout) == (1, "")
    assert json.loads(told.stderr)["error"] == {
        "message": f"No stack in {stack.layout.root}.", "code": "local",
        "try": "vigil local up", "exit_code": 1,
    }  # fmt: skip

    up = command(stack, "up", "--port", "0", "--json")
    assert up.exit_code == 0, up.stderr
    told = json.loads(up.stdout)
    assert told["applied"] == ["20260101000000_create_notes.sql"]
    assert serves(stack)
    before = processes(stack)
    again = command(stack, "up", "--json")
    assert json.loads(again.stdout)["url"] == told["url"]
    assert processes(stack) == before, "a second up leaves everything as it is"

    status = command(stack, "status", "--json")
    assert status.exit_code == 0
    assert json.loads(status.stdout)["url"] == told["url"]
    assert "running" in command(stack, "status").stdout

    values = json.loads(command(stack, "env", "--json").stdout)
    assert values == stack.env()
    lines = dict(
        line.split("=", 1) for line in command(stack, "env", "--shell").stdout.splitlines()
    )
    assert set(lines) == {f"export {name}" for name in values}
    logs = subprocess.run(
        [sys.executable, "-m", "vigil_cli", "local", "logs", "--dir", str(stack.layout.root.parent)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "ready to accept connections" in logs.stdout
    assert "serving" in logs.stdout
    assert "no service named" in command(stack, "logs", "nonsense").stderr

    down = command(stack, "down")
    assert "gateway, rest, postgres" in down.stderr
    assert not any(process.alive() for process in before.values())
    assert "nothing was running" in command(stack, "down").stderr


def test_the_environment_holds_what_clients_and_the_worker_need(stack: Stack) -> None:
    values = stack.env()
    with psycopg.connect(values["VIGIL_DATABASE_URL"]) as conn:
        assert conn.execute("select current_user").fetchone() == ("vigil_worker",)
    with psycopg.connect(values["DB_URL"]) as conn:
        superuser = "select rolsuper from pg_roles where rolname = current_user"
        assert conn.execute(superuser).fetchone() == (False,)
    for name, role in (
        ("ANON_KEY", "anon"),
        ("SERVICE_ROLE_KEY", "service_role"),
        ("VIGIL_DOORBELL_TOKEN", "vigil_doorbell"),
    ):
        assert jwt.decode(values[name], values["JWT_SECRET"], ["HS256"])["role"] == role
    for file in ("keys.json", "rest.json", "gateway.json", "state.json"):
        assert (stack.layout.root / file).stat().st_mode & 0o077 == 0


def test_whatever_was_killed_comes_back_and_nothing_is_left_after_down(stack: Stack) -> None:
    first = processes(stack)
    for victims in (["rest"], ["gateway"], ["postgres"], ["postgres", "rest", "gateway"]):
        running = processes(stack)
        for name in victims:
            os.kill(running[name].pid, signal.SIGKILL)
            assert running[name].wait(10)
        assert stack.up().url == stack.url()
        assert serves(stack), f"after {victims} was killed"
    everything = [*first.values(), *processes(stack).values()]
    assert stack.down() == ["gateway", "rest", "postgres"]
    assert not any(process.alive() for process in everything)
    stack.layout.state.write_text('{"port"')
    stack.up(port=0)
    assert serves(stack), "a state file cut short is no obstacle"


def test_a_dead_backend_is_named_by_the_front(stack: Stack) -> None:
    backend = processes(stack)["rest"]
    os.kill(backend.pid, signal.SIGKILL)
    assert backend.wait(10)
    asked = httpx.get(f"{stack.url()}/rest/v1/notes", headers={"apikey": stack.env()["ANON_KEY"]})
    assert (asked.status_code, asked.json()["code"]) == (502, "VIGIL_BACKEND_DOWN")
    assert not stack.status()["answers"]
    stack.up()


def test_two_commands_at_once_make_one_stack(new_stack: NewStack) -> None:
    stack = new_stack("twice at once")
    starting = [
        subprocess.Popen(
            [sys.executable, "-m", "vigil_cli", "local", "up", "--port", "0", "--json",
             "--dir", str(stack.layout.root.parent)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    ended = [process.communicate(timeout=120) for process in starting]
    assert [process.returncode for process in starting] == [0, 0], ended
    assert len([out for out, _ in ended if json.loads(out)["applied"]]) == 1
    assert serves(stack)
    assert set(processes(stack)) == {"postgres", "rest", "gateway"}


def test_two_stacks_run_side_by_side_and_a_taken_port_is_named(
    stack: Stack, new_stack: NewStack
) -> None:
    other = new_stack("other")
    taken = stack.url().rpartition(":")[2]
    with pytest.raises(LocalStackError, match=f"Port {taken} .* cannot be used"):
        other.up(port=int(taken))
    refused = command(other, "up", "--port", taken)
    assert refused.exit_code == 1
    assert "Try: stop the program that uses it" in refused.stderr
    other.up(port=0)
    assert stack.url() != other.url()
    assert stack.keys() != other.keys()
    assert serves(stack)
    assert serves(other)
    other.down()
    assert serves(stack), "stopping one leaves the other alone"
    port = int(other.url().rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(LocalStackError):
        other.up()


def test_reset_asks_drops_the_data_and_keeps_the_keys(stack: Stack) -> None:
    keys, url = stack.keys(), stack.url()
    with psycopg.connect(stack.env()["DB_URL"]) as conn:
        conn.execute("insert into auth.users (id) values (gen_random_uuid())")
    assert command(stack, "reset", given="n\n").exit_code == 1
    count = "select count(*) from auth.users"
    with psycopg.connect(stack.env()["DB_URL"]) as conn:
        assert conn.execute(count).fetchone() == (1,)
    assert command(stack, "reset", "--yes").exit_code == 0
    with psycopg.connect(stack.env()["DB_URL"]) as conn:
        assert conn.execute(count).fetchone() == (0,)
    assert (stack.keys(), stack.url()) == (keys, url)
    assert serves(stack)


def test_a_faulty_migration_is_quoted_and_leaves_nothing_half_done(new_stack: NewStack) -> None:
    stack = new_stack("faulty")
    faulty = stack.layout.migrations[0].with_name("20260102000000_faulty.sql")
    faulty.write_text("create table public.half (id int); select 1 / 0;")
    refused = command(stack, "up", "--port", "0")
    assert refused.exit_code == 1
    assert "division by zero" in refused.stderr
    assert "\nTry: correct the migration" in refused.stderr
    as_json = json.loads(command(stack, "up", "--port", "0", "--json").stderr)["error"]
    assert "division by zero" in as_json["message"]
    assert as_json["try"].startswith("correct the migration")
    with psycopg.connect(stack.cluster.dsn()) as conn:
        assert conn.execute("select to_regclass('public.half')").fetchone() == (None,)
    faulty.write_text("create table public.half (id int); select 1 / 1;")
    assert stack.up(port=0).applied == [faulty.name]
    assert serves(stack)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_runs_a_stack(open_directory: Path, packages: Path) -> None:
    account = account_for_postgres()
    assert account is not None
    python = next(
        (
            found
            for found in (Path(sys.executable).resolve(), Path("/usr/bin/python3").resolve())
            if account.can_reach(found) and found.name.endswith(f".{sys.version_info.minor}")
        ),
        None,
    )
    if python is None or not account.can_use_tree(Path(psycopg.__file__).parent):
        pytest.skip("no Python and packages that another user can read")
    copy = open_directory / "packages" / packages.name
    copy.parent.mkdir()
    subprocess.run(["cp", "-al", str(packages), str(copy)], check=True)
    home = open_directory / "home"
    layout = make_project(home, copy)
    for path in (home, layout.root, layout.logs, layout.node, *home.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(python), "-m", "vigil_cli", "local", *arguments],
            cwd=home, user=account.uid, group=account.gid, extra_groups=[],
            env={"PATH": os.environ["PATH"], "HOME": str(home),
                 "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    try:
        up = run("up", "--port", "0", "--dir", str(home))
        assert up.returncode == 0, up.stderr
        stack = Stack(layout)
        assert serves(stack)
        owners = {Path(f"/proc/{p.pid}").stat().st_uid for p in processes(stack).values()}
        assert owners == {account.uid}
        assert run("down", "--dir", str(home)).returncode == 0
        assert processes(stack) == {}
    finally:
        run("down", "--dir", str(home))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's directories are closed to Postgres")
def test_root_runs_a_stack_below_a_directory_only_root_may_enter(new_stack: NewStack) -> None:
    stack = new_stack("closed")
    base = stack.layout.root.parent
    base.chmod(0o700)
    stack.up(port=0)
    assert serves(stack)
    data = stack.cluster.data_dir
    assert data.exists()
    stack.remove()
    assert not data.exists()
    shutil.rmtree(base)
