"""`vigil case`: what waits for a person to decide."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from vigil_cli.client import connect
from vigil_cli.options import AsJson, MaxRows
from vigil_cli.output import Column, show_rows

app = typer.Typer(help="Cases that wait for a decision.")

_COLUMNS = (
    Column("case_id", "ID", "id"),
    Column("subject_kind", "KIND"),
    Column("subject_id", "SUBJECT", "id"),
    Column("reason", "REASON"),
    Column("state", "STATE"),
    Column("opened_at", "OPENED", "time"),
    Column("closed_at", "CLOSED", "time"),
)


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    CLOSED = "closed"


@app.callback()
def cases() -> None:
    """Cases that wait for a decision."""


@app.command("list")
def list_(
    state: Annotated[CaseState, typer.Option(help="Only cases in this state.")] = CaseState.OPEN,
    max_rows: MaxRows = 100,
    as_json: AsJson = False,
) -> None:
    """List cases, the oldest first."""
    rows = connect().rows("list_cases", case_state=state.value, max_rows=max_rows)
    show_rows(rows, _COLUMNS, as_json=as_json, empty=f"No {state.value} cases.")
