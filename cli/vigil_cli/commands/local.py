"""`vigil local`: a small Supabase of one's own on this machine."""

from __future__ import annotations

import errno
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.status import Status
from rich.table import Table

from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.layout import Layout
from vigil_cli.local.seed import MEMBERS, PASSWORD, address, seed
from vigil_cli.local.services import NAMES, WORKER, Service
from vigil_cli.local.stack import Stack, Up
from vigil_cli.local.worker import start_worker
from vigil_cli.options import AsJson, Yes

app = typer.Typer(
    help="Run a small Supabase on this machine: Postgres, REST, Auth and Realtime, no Docker.",
    no_args_is_help=True,
)
words = Console(stderr=True, highlight=False)

Directory = Annotated[
    Path | None,
    typer.Option("--dir", help="The project whose .vigil/ holds the stack.", file_okay=False),
]
Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="The port for clients; 0 takes a free one."),
]


@app.command()
def up(
    directory: Directory = None,
    port: Port = None,
    as_json: AsJson = False,
    worker: Annotated[
        bool,
        typer.Option("--worker", help="Run a worker too, and seed a small world the first time."),
    ] = False,
) -> None:
    """Start the stack, setting it up the first time. Safe to repeat."""
    with _disk_explained():
        stack = Stack(Layout.find(directory))
        with words.status("starting") as status:
            done = stack.up(port=port, say=lambda step: status.update(f"{step} …"))
            seeded = _add_worker_and_members(stack, status) if worker else False
        _show_up(stack, done, as_json=as_json)
        if worker and not as_json:
            _show_how_to_connect(stack, seeded=seeded)


@app.command()
def down(directory: Directory = None) -> None:
    """Stop the stack. The data stays."""
    with _disk_explained():
        stopped = Stack(Layout.find(directory)).down()
        words.print(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def reset(
    directory: Directory = None,
    port: Port = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Throw all data of the stack away and set it up anew, with a worker if one was running."""
    with _disk_explained():
        layout = Layout.find(directory)
        if not yes:
            typer.confirm(f"Delete all data of the stack in {layout.root}?", abort=True, err=True)
        stack = Stack(layout)
        with words.status("resetting") as status:
            worker = bool(Service(layout, WORKER).processes())
            done = stack.reset(port=port, say=lambda step: status.update(f"{step} …"))
            seeded = _add_worker_and_members(stack, status) if worker else False
        _show_up(stack, done, as_json=as_json)
        if worker:
            made = " and the members were made anew" if seeded else ""
            words.print(f"the worker ran before: it runs again{made}")


@app.command()
def status(directory: Directory = None, as_json: AsJson = False) -> None:
    """Show what runs. Exits 1 when the stack does not answer."""
    with _disk_explained():
        facts = Stack(Layout.find(directory)).status()
        if as_json:
            print(json.dumps(facts, indent=2))
        else:
            table = Table("service", "state", "pid", box=None, pad_edge=False)
            for name, entry in facts["services"].items():
                state = "[green]running[/]" if entry["running"] else "[red]stopped[/]"
                table.add_row(name, state, str(entry["pid"] or ""))
            Console(highlight=False).print(table)
            told, where = _standing(facts), facts["directory"]
            words.print(f"{told}   ({where})", soft_wrap=True)
            if not facts["answers"]:
                words.print("Try: vigil local up")
        if not facts["answers"]:
            raise typer.Exit(1)


@app.command()
def env(
    directory: Directory = None,
    as_json: AsJson = False,
    shell: Annotated[bool, typer.Option("--shell", help="Print `export` lines to eval.")] = False,
) -> None:
    """Print addresses and keys, named as the Supabase CLI names them."""
    with _disk_explained():
        values = Stack(Layout.find(directory)).env()
        if as_json:
            print(json.dumps(values, indent=2))
            return
        for name, value in values.items():
            print(f"export {name}={shlex.quote(value)}" if shell else f'{name}="{value}"')


@app.command()
def logs(
    service: Annotated[
        str | None, typer.Argument(help="postgres, rest, gateway or worker.")
    ] = None,
    directory: Directory = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines until interrupted.")
    ] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, help="At most this many of each.")
    ] = 50,
) -> None:
    """Print the last lines the services logged."""
    with _disk_explained():
        layout = Layout.find(directory)
        every = ("postgres", *NAMES, WORKER)
        names = [service] if service else every
        unknown = set(names) - set(every)
        if unknown:
            raise LocalStackError(
                f"There is no service named {unknown.pop()}.",
                hint=f"vigil local logs {' | '.join(every)}",
            )
        files = [str(layout.log(name)) for name in names if layout.log(name).exists()]
        if not files:
            raise LocalStackError(f"No logs in {layout.root}.", hint="vigil local up")
        command = ["tail", "-n", str(lines), *(["-F"] if follow else []), *files]
        try:
            raise typer.Exit(subprocess.run(command, check=False).returncode)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


def _show_up(stack: Stack, done: Up, *, as_json: bool) -> None:
    if as_json:
        facts = {"url": done.url, "seconds": done.seconds, "applied": done.applied}
        print(json.dumps(facts, indent=2))
        return
    steps = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in done.seconds.items())
    total = sum(done.seconds.values())
    words.print(f"[green]up[/] in {total:.1f} s   ({steps})", soft_wrap=True)
    for name in done.applied:
        words.print(f"  applied {name}")
    values = stack.env()
    for name in ("API_URL", "DB_URL", "PUBLISHABLE_KEY", "SECRET_KEY"):
        print(f"{name}={values[name]}")
    words.print("[dim]everything else: vigil local env[/]")


def _standing(facts: dict[str, Any]) -> str:
    """What a person wants to know first."""
    running = [name for name, entry in facts["services"].items() if entry["running"]]
    if facts["answers"]:
        return str(facts["url"])
    if facts["url"] is None:
        return "never set up here" if not running else "set up only in part"
    return "some of it is stopped" if running else "stopped"


def _add_worker_and_members(stack: Stack, status: Status) -> bool:
    """Start the worker and make the members, unless there are some; whether ours are there."""
    with stack.locked(status.update):
        status.update("worker …")
        start_worker(stack)
        status.update("members …")
        return seed(stack)


def _show_how_to_connect(stack: Stack, *, seeded: bool) -> None:
    values = stack.env()
    email, password = (address("Ana"), PASSWORD) if seeded else ("YOUR ADDRESS", "YOUR PASSWORD")
    program = _program()
    login = f"{program} login --url {values['API_URL']} --key {values['PUBLISHABLE_KEY']}"
    lines = [
        "",
        "A worker runs. From a frontend:",
        "",
        f"  const supabase = createClient('{values['API_URL']}', '{values['PUBLISHABLE_KEY']}')",
        f"  await supabase.auth.signInWithPassword({{ email: '{email}', password: '{password}' }})",
        "  await supabase.from('messages').select('*')",
        "",
    ]
    if seeded:
        lines += [
            f"As a moderator:   VIGIL_PASSWORD={PASSWORD} {login} --email {address('Mia')}",
            f"Members:          {', '.join(address(name) for name in MEMBERS)}",
            f"Their password:   {PASSWORD}   (for this machine only)",
        ]
    else:
        lines += [f"As a moderator:   {login} --email ADDRESS"]
    lines += [f"Stop it all:      {program} local down   (or make down)"]
    words.print("\n".join(lines), markup=False, soft_wrap=True)


def _program() -> str:
    """How to type `vigil` here: a checkout's own is seldom on the PATH."""
    typed = sys.argv[0]
    return typed if typed.endswith("/vigil") and shutil.which("vigil") is None else "vigil"


@contextmanager
def _disk_explained() -> Iterator[None]:
    """A disk that is full, or closed to this user, is said in the words of the stack."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as problem:
        full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
        where = problem.filename2 or problem.filename or "the stack"
        what = "free some disk space" if full else "check the permissions of .vigil/"
        raise LocalStackError(
            "The disk is full" if full else f"{where}: {problem.strerror}",
            hint=f"{what}, then run this again",
        ) from problem
