"""`vigil demo`: watch a conversation being protected, with real clients, in half a minute."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import psycopg
import typer
from postgrest.exceptions import APIError
from rich.console import Console
from supabase_auth.errors import AuthError

from vigil_cli.demo.facts import Facts
from vigil_cli.demo.show import Show
from vigil_cli.demo.stage import set_stage
from vigil_cli.demo.story import Story
from vigil_cli.errors import DONE, FAILED, MisusedError
from vigil_cli.local.errors import LocalStackError

# What real clients, servers and processes answer when something does not work.
_TROUBLE = (
    LocalStackError, TimeoutError, APIError, AuthError, httpx.HTTPError, psycopg.Error, OSError,
)  # fmt: skip
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def demo(
    fast: Annotated[bool, typer.Option("--fast", help="No pauses for reading.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write the summary as JSON; the story goes to stderr.")
    ] = False,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="The project whose .vigil/ holds the demo.", file_okay=False),
    ] = None,
    save_svg: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Save the last screen as a picture.", dir_okay=False),
    ] = None,
) -> None:
    """Watch Vigil protect a conversation, with real clients on a stack of its own.

    Members talk, one of them disturbs, a moderator acts; every figure is measured.
    Exits with 1 when anything of the story did not happen.
    """
    facts = Facts()
    console = Console(stderr=as_json, highlight=False, record=save_svg is not None)
    if save_svg is not None and not console.is_terminal:
        raise MisusedError(
            "a picture shows a terminal, and there is none", advice="vigil demo without --save-svg"
        )
    show = Show(console)
    try:
        asyncio.run(_play(facts, show, directory, pace=0.0 if fast else 1.0))
    except _StoppedError as stopped:
        Console(stderr=True).print("Stopped. Nothing is left running.")
        raise typer.Exit(128 + stopped.signal) from None
    if save_svg is not None:
        show.save(save_svg)
    if as_json:
        print(json.dumps(facts.as_json(), indent=2))
    raise typer.Exit(DONE if facts.kept else FAILED)


async def _play(facts: Facts, show: Show, directory: Path | None, pace: float) -> None:
    steps: list[str] = []

    def say(step: str) -> None:
        if step not in steps:
            steps.append(step)
            show.tell(f"Setting up: {step} ...", again=len(steps) > 1)

    with _stoppable(show), show:
        try:
            async with set_stage(directory, say) as stage:
                story = Story(stage, facts, show.tell, show.changed, pace)
                show.story = story
                try:
                    await story.play()
                finally:
                    await story.close()
        except _TROUBLE as exc:
            facts.trouble = f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
    show.summary(facts)


class _StoppedError(Exception):
    """A signal ended the demo, and everything it had started has ended too."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


@contextmanager
def _stoppable(show: Show) -> Iterator[None]:
    """The first signal ends the story and clears the stage; more of them change nothing."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        if len(received) == 1 and task is not None:
            show.tell("Stopping, and leaving nothing running ...")
            task.cancel()

    for each in _SIGNALS:
        loop.add_signal_handler(each, stop, each)
    try:
        yield
    except asyncio.CancelledError:
        if not received:
            raise
        raise _StoppedError(received[0]) from None
    finally:
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
