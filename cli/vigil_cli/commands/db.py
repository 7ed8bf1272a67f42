"""`vigil db`: whether the database fits this version, and making it fit."""

from __future__ import annotations

from typing import Any

import typer

from vigil_cli.errors import FailedError
from vigil_cli.options import AsJson, DatabaseUrl, DryRun
from vigil_cli.output import Column, say, show_json, show_rows

app = typer.Typer(help="The database: state and migrations.")

_MIGRATIONS = (
    Column("version", "MIGRATION", "id"),
    Column("name", "NAME"),
    Column("state", "STATE"),
)
_CHECKS = (Column("check_name", "CHECK"), Column("ok", "OK"), Column("detail", "DETAIL"))


@app.command()
def status(db_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Show applied and pending migrations, and what the database finds about itself.

    Fails when the database is behind or ahead of this version, or when a check fails.
    """
    from vigil_cli import database, migrations  # loads psycopg, which few commands need

    url = database.chosen_url(db_url)
    state = database.read_state(url)
    report = migrations.compare(state)
    if as_json:
        show_json(report.as_json(database.describe(url)))
    else:
        show_rows(report.migrations, _MIGRATIONS, as_json=False, empty="No migrations.")
        if report.checks:
            print()
            show_rows(report.checks, _CHECKS, as_json=False, empty="")
    problem = report.problem()
    if problem is not None:
        raise problem
    say(f"The database at {database.describe(url)} fits this version.")


@app.command()
def migrate(db_url: DatabaseUrl = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Apply pending migrations with the official Supabase CLI; twice does nothing more."""
    from vigil_cli import database, migrations  # loads psycopg, which few commands need

    url = database.chosen_url(db_url)
    before = migrations.compare(database.read_state(url))
    if before.ahead:
        raise before.problem() or FailedError("the database is ahead", advice="a newer vigil")
    pending = before.pending
    if pending and not dry_run:
        migrations.push(url)
        after = migrations.compare(database.read_state(url))
        if after.pending:
            raise after.problem() or FailedError("not applied", advice="vigil db status")
    applied: list[dict[str, Any]] = [
        {**row, "state": "pending" if dry_run else "applied"} for row in pending
    ]
    if as_json:
        show_json(
            {
                "applied": [] if dry_run else applied,
                "pending": applied if dry_run else [],
                "dry_run": dry_run,
            }
        )
    elif applied:
        show_rows(applied, _MIGRATIONS, as_json=False, empty="")
    if not pending:
        say("Nothing to do: every migration is applied.")
    elif dry_run:
        say(f"Dry run: {len(pending)} migrations would be applied.")
    else:
        say(f"{len(applied)} migrations were applied.")
