"""`vigil restrict`: what a member may not do, for how long, and why."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer

from vigil_cli.acts import confirm, show_effect
from vigil_cli.client import Api, connect
from vigil_cli.durations import ADVICE, describe, parse_duration, to_interval
from vigil_cli.errors import MisusedError
from vigil_cli.options import (
    AsJson,
    Batch,
    DryRun,
    MaxRows,
    Member,
    OnBehalfOf,
    Reason,
    Yes,
    given_reason,
    optional_uuid,
)
from vigil_cli.output import Column, show_rows
from vigil_cli.people import find_id, find_person

app = typer.Typer(help="Restrict members, lift restrictions, see them.")

_COLUMNS = (
    Column("restriction_id", "ID", "id"),
    Column("member_name", "MEMBER"),
    Column("restriction", "TYPE"),
    Column("conversation", "CONVERSATION"),
    Column("reason", "REASON"),
    Column("created_by_name", "BY"),
    Column("created_at", "SINCE", "time"),
    Column("expires_at", "UNTIL", "time"),
)
_HISTORY = (
    *_COLUMNS,
    Column("lifted_at", "LIFTED", "time"),
    Column("lift_reason", "LIFTED BECAUSE"),
    Column("expired_at", "EXPIRED", "time"),
)


class Restriction(StrEnum):
    """The six kinds, from the mildest."""

    WARN = "warn"
    LIMIT = "limit"
    HOLD = "hold"
    MUTE = "mute"
    BLOCK = "block"
    SHADOW_BAN = "shadow_ban"


@app.command()
def add(
    member: Member,
    restriction: Annotated[
        Restriction, typer.Argument(metavar="TYPE", help="One of the six kinds, mildest first.")
    ],
    *,
    reason: Reason,
    duration: Annotated[
        str | None,
        typer.Option("--for", metavar="DURATION", help="45s, 30m, 12h, 7d, 2w, 1d12h, permanent."),
    ] = None,
    conversation: Annotated[
        str | None, typer.Option(metavar="UUID", help="Only in this conversation.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, max=100_000, help="Messages a day, for type limit.")
    ] = None,
    public_reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the member is told.")
    ] = None,
    legal_basis: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Needed for a shadow ban.")
    ] = None,
    batch: Batch = None,
    on_behalf_of: OnBehalfOf = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Restrict a member from now on.

    Example: vigil restrict add ann@example.org mute --for 12h --reason "spam in three groups"
    """
    if duration is None and restriction is not Restriction.WARN:
        raise MisusedError("for how long is not said", advice=f"--for with {ADVICE}")
    length = None if duration is None else parse_duration(duration)
    if (limit is not None) != (restriction is Restriction.LIMIT):
        raise MisusedError(
            "--limit belongs to the type limit, and that type needs it",
            advice='vigil restrict add MEMBER limit --limit 20 --for 7d --reason "…"',
        )
    if restriction is Restriction.SHADOW_BAN and not (legal_basis or "").strip():
        raise MisusedError(
            "a shadow ban needs a legal basis",
            advice='--legal-basis "why the law allows acting without telling the member"',
            code="VG203",
        )
    why = given_reason(reason)
    where = optional_uuid(conversation, "conversation")
    batch_id = optional_uuid(batch, "batch")
    api = connect()
    person = find_person(api, member)
    if restriction is Restriction.BLOCK and length is None and not dry_run:
        confirm(f"Block {person.label} permanently?", yes=yes)
    effect = api.record(
        "restrict_member",
        member=person.user_id,
        restriction=restriction.value,
        reason=why,
        duration=None if length is None else to_interval(length),
        conversation=where,
        public_reason=public_reason,
        message_limit=limit,
        legal_basis=legal_basis,
        dry_run=dry_run,
        batch=batch_id,
        on_behalf_of=find_id(api, on_behalf_of),
    )
    until = f" until {effect['expires_at']}" if effect.get("expires_at") else ""
    done = f"{restriction.value} for {person.label}, {describe(length)}{until}."
    show_effect(effect, done=done, dry_run=dry_run, as_json=as_json)


@app.command()
def lift(
    restriction: Annotated[
        str,
        typer.Argument(
            metavar="RESTRICTION", help="The restriction's id, or a member who has just one."
        ),
    ],
    *,
    reason: Reason,
    batch: Batch = None,
    on_behalf_of: OnBehalfOf = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """End a restriction before its time; the history keeps it.

    Example: vigil restrict lift ann@example.org --reason "apologised"
    """
    why = given_reason(reason)
    batch_id = optional_uuid(batch, "batch")
    api = connect()
    effect = api.record(
        "lift_restriction",
        restriction=_restriction_id(api, restriction),
        reason=why,
        dry_run=dry_run,
        batch=batch_id,
        on_behalf_of=find_id(api, on_behalf_of),
    )
    show_effect(effect, done="The restriction was lifted.", dry_run=dry_run, as_json=as_json)


@app.command("list")
def list_(
    member: Annotated[
        str | None, typer.Argument(metavar="[MEMBER]", help="Only this member's.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Ended and lifted ones too.")] = False,
    max_rows: MaxRows = 100,
    as_json: AsJson = False,
) -> None:
    """List restrictions that hold now."""
    _show(member, active_only=not everything, max_rows=max_rows, as_json=as_json)


@app.command()
def history(member: Member, max_rows: MaxRows = 100, as_json: AsJson = False) -> None:
    """List every restriction a member ever had."""
    _show(member, active_only=False, max_rows=max_rows, as_json=as_json)


def _show(member: str | None, *, active_only: bool, max_rows: int, as_json: bool) -> None:
    api = connect()
    rows = api.rows(
        "list_restrictions",
        member=find_id(api, member),
        active_only=active_only,
        max_rows=max_rows,
    )
    columns = _COLUMNS if active_only else _HISTORY
    show_rows(
        [_permanent(row) for row in rows] if not as_json else rows,
        columns,
        as_json=as_json,
        empty="No restrictions.",
    )


def _permanent(row: dict[str, Any]) -> dict[str, Any]:
    return row if row.get("expires_at") else {**row, "expires_at": "permanent"}


def _restriction_id(api: Api, text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        person = find_person(api, text)
    held = api.rows("list_restrictions", member=person.user_id, active_only=True)
    if len(held) == 1:
        return str(held[0]["restriction_id"])
    if not held:
        raise MisusedError(
            f"{person.label} has no restriction now",
            advice=f"vigil restrict history {person.user_id}",
            code="VG205",
        )
    listed = "; ".join(f"{row['restriction']} {row['restriction_id']}" for row in held)
    raise MisusedError(
        f"{person.label} has {len(held)} restrictions: {listed}",
        advice="one of these ids",
        facts={"candidates": held},
    )
