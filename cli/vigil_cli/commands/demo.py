"""`vigil demo`: watch a conversation being protected, with real clients, in half a minute."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vigil_cli.demo.facts import Facts
from vigil_cli.demo.show import Show
from vigil_cli.demo.stage import set_stage
from vigil_cli.demo.story import Story
from vigil_cli.errors import DONE, FAILED
from vigil_cli.local.errors import LocalStackError

app = typer.Typer(
    help="Watch Vigil protect a conversation, with real clients on a stack of its own.",
    invoke_without_command=True,
)


@app.callback()
def demo(
    fast: Annotated[bool, typer.Option("--fast", help="No pauses for reading.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON; the story goes to stderr.")
    ] = False,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="The project whose .vigil/ holds the demo.", file_okay=False),
    ] = None,
) -> None:
    """Members talk, one of them disturbs, a moderator acts; every figure is measured.

    Exits with 1 when anything of the story did not happen.
    """
    facts = Facts()
    console = Console(stderr=as_json, highlight=False)
    asyncio.run(_play(facts, console, directory, pace=0.0 if fast else 1.0))
    if as_json:
        print(json.dumps(facts.as_json(), indent=2))
    raise typer.Exit(DONE if facts.kept else FAILED)


async def _play(facts: Facts, console: Console, directory: Path | None, pace: float) -> None:
    show = Show(console)
    with show:
        async with set_stage(directory, lambda step: show.tell(f"Setting up: {step} ...")) as stage:
            story = Story(stage, facts, show.tell, show.changed, pace)
            show.story = story
            try:
                await story.play()
            except (LocalStackError, TimeoutError) as exc:
                facts.check(f"the story came to its end ({exc})", False)
            finally:
                await story.close()
    show.summary(facts)
