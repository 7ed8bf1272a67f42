"""`vigil message`: look at one message's state, and decide on it."""

from __future__ import annotations

from typing import Annotated

import typer

from vigil_cli.acts import show_effect
from vigil_cli.client import connect
from vigil_cli.options import (
    AsJson,
    Batch,
    DryRun,
    OnBehalfOf,
    Reason,
    as_uuid,
    given_reason,
    optional_uuid,
)
from vigil_cli.output import say, show_record
from vigil_cli.people import find_id

app = typer.Typer(help="Look at messages, hide, remove or approve them.")

MessageId = Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's id.")]


@app.command()
def show(message: MessageId, as_json: AsJson = False) -> None:
    """Show a message's state and verdicts; its text only while a case on it is open.

    Reading the text is recorded in the audit log.
    """
    message_id = as_uuid(message, "message")
    found = connect().record("show_message", message=message_id)
    show_record(found, as_json=as_json)
    if found.get("content_withheld"):
        say(f"The text is withheld: {found['content_withheld']}")


@app.command()
def hide(
    message: MessageId,
    *,
    reason: Reason,
    batch: Batch = None,
    on_behalf_of: OnBehalfOf = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Hide a message from everyone but its author; it can be approved again.

    Example: vigil message hide 0b5c1c1e-7a55-4a0c-9d25-0c9a4a3f1f10 --reason "doxxing"
    """
    _decide("hide", message, reason, batch, on_behalf_of, dry_run=dry_run, as_json=as_json)


@app.command()
def remove(
    message: MessageId,
    *,
    reason: Reason,
    batch: Batch = None,
    on_behalf_of: OnBehalfOf = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Remove a message for good, and tell its author."""
    _decide("remove", message, reason, batch, on_behalf_of, dry_run=dry_run, as_json=as_json)


@app.command()
def approve(
    message: MessageId,
    *,
    reason: Reason,
    batch: Batch = None,
    on_behalf_of: OnBehalfOf = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let a held or hidden message be seen."""
    _decide("approve", message, reason, batch, on_behalf_of, dry_run=dry_run, as_json=as_json)


def _decide(
    decision: str,
    message: str,
    reason: str,
    batch: str | None,
    on_behalf_of: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    message_id = as_uuid(message, "message")
    why = given_reason(reason)
    batch_id = optional_uuid(batch, "batch")
    api = connect()
    effect = api.record(
        "decide_message",
        message=message_id,
        decision=decision,
        reason=why,
        dry_run=dry_run,
        batch=batch_id,
        on_behalf_of=find_id(api, on_behalf_of),
    )
    done = f"The message went from {effect.get('from')} to {effect.get('to')}."
    show_effect(effect, done=done, dry_run=dry_run, as_json=as_json)
