"""`vigil staff`: who may moderate, and as what."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from vigil_cli.acts import show_effect
from vigil_cli.client import connect
from vigil_cli.options import AsJson, DatabaseUrl, DryRun, Member, Reason, given_reason
from vigil_cli.output import Column, show_rows
from vigil_cli.people import find_person

app = typer.Typer(help="Who may moderate.")

_COLUMNS = (
    Column("user_id", "ID", "id"),
    Column("name", "NAME"),
    Column("role", "ROLE"),
    Column("added_by", "ADDED BY", "id"),
    Column("added_at", "SINCE", "time"),
)


class Role(StrEnum):
    """What a member of staff may do: read, act, manage."""

    AUDITOR = "auditor"
    MODERATOR = "moderator"
    ADMIN = "admin"


@app.command()
def add(
    member: Member,
    role: Annotated[Role, typer.Argument(help="auditor reads, moderator acts, admin manages.")],
    reason: Reason,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give a member a role, or another one.

    Example: vigil staff add mia@example.org moderator --reason "elected in May"
    """
    why = given_reason(reason)
    api = connect()
    person = find_person(api, member)
    effect = api.record(
        "add_staff", member=person.user_id, role=role.value, reason=why, dry_run=dry_run
    )
    done = f"{person.label} is {role.value} now."
    show_effect(effect, done=done, dry_run=dry_run, as_json=as_json)


@app.command()
def remove(
    member: Member, reason: Reason, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Take a member's role away; the last admin stays."""
    why = given_reason(reason)
    api = connect()
    person = find_person(api, member)
    effect = api.record("remove_staff", member=person.user_id, reason=why, dry_run=dry_run)
    done = f"{person.label} is not staff any more."
    show_effect(effect, done=done, dry_run=dry_run, as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List staff and their roles."""
    show_rows(connect().rows("list_staff"), _COLUMNS, as_json=as_json, empty="No staff yet.")


@app.command()
def bootstrap(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="A member who has signed up.")],
    db_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make a member the first admin, as the owner of the database.

    Example: vigil staff bootstrap you@example.org
    """
    from vigil_cli import database  # loads psycopg, which nothing else here needs

    user_id = database.bootstrap_admin(database.chosen_url(db_url), email)
    effect = {"user_id": user_id, "email": email, "role": "admin"}
    show_effect(effect, done=f"{email} is admin now.", dry_run=False, as_json=as_json)
