"""`vigil worker`: run the worker here, or see how the workers are."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vigil_cli import workerrun
from vigil_cli.client import connect
from vigil_cli.options import AsJson
from vigil_cli.output import Column, say, show_json, show_record, show_rows

app = typer.Typer(help="The worker: run it, see how it is.")

_COLUMNS = (
    Column("worker", "WORKER"),
    Column("last_beat", "LAST SEEN", "time"),
    Column("state", "STATE"),
)


@app.command()
def run(
    once: Annotated[bool, typer.Option("--once", help="Do what waits, then end.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Check the settings, then end.")] = False,
) -> None:
    """Run a worker in this process, with the local stack's settings where none are given."""
    raise typer.Exit(workerrun.run(once=once, check=check))


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the workers' heartbeats and what waits for them."""
    found = connect().record("worker_status")
    if as_json:
        show_json(found)
        return
    workers: list[dict[str, Any]] = found.get("workers") or []
    show_rows(workers, _COLUMNS, as_json=False, empty="No worker has ever been seen.")
    print()
    show_record({key: value for key, value in found.items() if key != "workers"}, as_json=False)
    if not workers:
        say("Try: vigil worker run")
