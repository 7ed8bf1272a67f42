"""`vigil audit`: every act, with who, why and by which tool."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from vigil_cli.client import Api, connect
from vigil_cli.errors import FailedError
from vigil_cli.options import AsJson
from vigil_cli.output import Column, say, show_header, show_json, show_line, show_rows

app = typer.Typer(help="The record of every act.")

_COLUMNS = (
    Column("id", "ID", "number"),
    Column("at", "AT", "time"),
    Column("kind", "KIND"),
    Column("actor_name", "ACTOR"),
    Column("subject_name", "SUBJECT"),
    Column("on_behalf_of", "ON BEHALF OF"),
    Column("tool", "TOOL"),
    Column("batch", "BATCH"),
    Column("detail", "DETAIL"),
)
_LONGEST_PAUSE = 30.0
_PAGE = 500
_OVERLAP = 100


@app.callback()
def record() -> None:
    """The record of every act."""


@app.command()
def tail(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new events until interrupted.")
    ] = False,
    max_rows: Annotated[
        int, typer.Option("--max", "-n", min=1, max=1000, help="Begin with this many.")
    ] = 50,
    after: Annotated[
        int | None, typer.Option(metavar="ID", min=0, help="Begin after this event.")
    ] = None,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, max=3600, help="How often -f looks.")
    ] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Show the newest events, the newest last; with -f and --json one JSON object a line."""
    api = connect()
    if not follow:
        rows = api.rows("tail_audit", after_id=after, max_rows=max_rows)
        show_rows(rows, _COLUMNS, as_json=as_json, empty="No events.")
        return
    if not as_json:
        show_header(_COLUMNS)
    begin = None if after is None else max(0, after - _OVERLAP)
    rows = api.rows("tail_audit", after_id=begin, max_rows=_PAGE)
    old = rows[:-max_rows] if after is None else [row for row in rows if int(row["id"]) <= after]
    seen = _Seen(after or 0)
    seen.new(old)
    pause = every
    while True:
        for row in seen.new(rows):
            _show(row, as_json=as_json)
        if len(rows) < _PAGE:
            time.sleep(pause)
        rows, pause = _next(api, seen.overlap, every, pause)


@dataclass(slots=True)
class _Seen:
    """Which events were shown. An id is given before its commit, so a lower one can come later."""

    last: int
    ids: set[int] = field(default_factory=set)

    @property
    def overlap(self) -> int:
        """Where to look again from."""
        return max(0, self.last - _OVERLAP)

    def new(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows not shown before, which count as shown from now on."""
        fresh = [row for row in rows if int(row["id"]) not in self.ids]
        self.ids.update(int(row["id"]) for row in fresh)
        self.last = max([self.last, *self.ids])
        self.ids = {number for number in self.ids if number > self.last - 2 * _PAGE}
        return fresh


def _next(api: Api, begin: int, every: float, pause: float) -> tuple[list[dict[str, Any]], float]:
    """The events after `begin`; a server that is away is waited for, and said once."""
    try:
        return api.rows("tail_audit", after_id=begin, max_rows=_PAGE), every
    except FailedError as error:
        if error.code != "unreachable":
            raise
        if pause == every:
            say(f"{error.message}; waiting for it to come back.")
        return [], min(pause * 2, max(_LONGEST_PAUSE, every * 2))


def _show(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(row)
        return
    show_line(row, _COLUMNS)
