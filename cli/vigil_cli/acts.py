"""What every command that changes something does: call, then show the effect."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import typer

from vigil_cli.errors import MisusedError
from vigil_cli.output import say, show_record


def show_effect(effect: Mapping[str, Any], *, done: str, dry_run: bool, as_json: bool) -> None:
    """Write the effect as data, and say in words whether it happened."""
    show_record(effect, as_json=as_json)
    if dry_run:
        say(f"Dry run: nothing was changed. Without --dry-run: {done[:1].lower()}{done[1:]}")
    else:
        say(done)


def confirm(question: str, *, yes: bool) -> None:
    """Ask on stderr before something grave; without a terminal `--yes` is needed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise MisusedError(f"{question} needs a yes", advice="the same command with --yes")
    typer.confirm(question, abort=True, err=True)
