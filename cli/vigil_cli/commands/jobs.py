"""`vigil jobs`: work the worker has not done yet, or could not do."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from vigil_cli.client import connect
from vigil_cli.errors import MisusedError
from vigil_cli.options import AsJson, MaxRows
from vigil_cli.output import Column, say, show_record, show_rows

app = typer.Typer(help="Work that waits for the worker, or failed.")

_COLUMNS = (
    Column("job_id", "ID", "number"),
    Column("kind", "KIND"),
    Column("subject_id", "SUBJECT", "id"),
    Column("state", "STATE"),
    Column("attempts", "ATTEMPTS", "number"),
    Column("queued_at", "QUEUED", "time"),
    Column("run_at", "NEXT", "time"),
    Column("leased_by", "WORKER"),
    Column("last_error", "LAST ERROR"),
)


class JobState(StrEnum):
    """Where a job stands."""

    READY = "ready"
    LEASED = "leased"
    DEFERRED = "deferred"
    DEAD = "dead"


@app.command("list")
def list_(
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    max_rows: MaxRows = 100,
    as_json: AsJson = False,
) -> None:
    """List jobs in any state."""
    _show(None if state is None else state.value, max_rows, as_json=as_json)


@app.command()
def dead(max_rows: MaxRows = 100, as_json: AsJson = False) -> None:
    """List jobs that failed too often, with the last error."""
    _show("dead", max_rows, as_json=as_json)


@app.command()
def retry(
    job: Annotated[
        list[int] | None, typer.Argument(metavar="[JOB]...", help="The ids of dead jobs.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead job.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give dead jobs back to the worker."""
    if bool(job) == everything:
        raise MisusedError("say which jobs", advice="vigil jobs retry ID..., or --all")
    retried = int(connect().call("retry_jobs", job_ids=job or None))
    show_record({"retried": retried}, as_json=as_json)
    say(f"{retried} jobs wait for the worker again." if retried else "No dead job was found.")


def _show(state: str | None, max_rows: int, *, as_json: bool) -> None:
    rows = connect().rows("list_jobs", job_state=state, max_rows=max_rows)
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No jobs.")
