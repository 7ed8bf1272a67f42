"""Options that several commands share, declared once."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from vigil_cli.errors import MisusedError

AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON document instead of a table.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the effect and change nothing.")]
Reason = Annotated[
    str,
    typer.Option("--reason", metavar="TEXT", help="Why; kept in the audit log."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
MaxRows = Annotated[
    int, typer.Option("--max", "-n", min=1, max=1000, help="At most this many rows.")
]
Batch = Annotated[
    str | None,
    typer.Option(metavar="UUID", help="Ties several acts together in the audit log."),
]
OnBehalfOf = Annotated[
    str | None,
    typer.Option(metavar="MEMBER", help="Whoever asked for this; kept in the audit log."),
]
Member = Annotated[
    str,
    typer.Argument(
        metavar="MEMBER", help="A user id, an e-mail address, or the beginning of a name."
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--db-url",
        envvar="VIGIL_DB_URL",
        metavar="URL",
        help="The owner's connection string; the local stack's by default.",
        show_default=False,
    ),
]


def as_uuid(text: str, what: str) -> str:
    """`text` as a canonical uuid, or a clear error that names `what` it should have been."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise MisusedError(
            f"'{text}' is not the id of a {what}",
            advice="a uuid such as 0b5c1c1e-7a55-4a0c-9d25-0c9a4a3f1f10",
        ) from None


def optional_uuid(text: str | None, what: str) -> str | None:
    """Like `as_uuid`, for an option that may be absent."""
    return None if text is None else as_uuid(text, what)


def given_reason(reason: str) -> str:
    """The reason, which must say something."""
    if not reason.strip():
        raise MisusedError("the reason is empty", advice='--reason "what happened, in a few words"')
    return reason.strip()
