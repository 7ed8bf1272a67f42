"""How the demo looks: members' screens side by side on a terminal, plain lines in a pipe."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from vigil_cli.demo.facts import Facts
from vigil_cli.demo.story import Story

_COLOURS = {"Ana": "cyan", "Ben": "green", "Sam": "magenta", "Mia": "yellow"}


class Show:
    """Narration and screens. `tell` and `changed` are safe to call at any time."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.story: Story | None = None
        self._said: deque[str] = deque(maxlen=4)
        self._began = time.monotonic()
        self._live = (
            Live(console=console, auto_refresh=False, transient=True)
            if console.is_terminal
            else None
        )
        self._last: dict[str, list[str]] = {}

    def __enter__(self) -> Show:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, words: str) -> None:
        """One line of narration."""
        self._said.append(words)
        if self._live is None:
            self.console.print(f"{self._seconds()}  {words}", markup=False, soft_wrap=True)
        self.changed()

    def changed(self) -> None:
        """Somebody's screen may differ now."""
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)
            return
        for name, rows in self._screens().items():
            shown = [row["content"] for row in rows]
            before = self._last.get(name, [])
            for text in shown:
                if text not in before:
                    self.console.print(
                        f"{self._seconds()}    {name}'s screen: + {text}", markup=False
                    )
            for text in before:
                if text not in shown:
                    self.console.print(
                        f"{self._seconds()}    {name}'s screen: - {text}", markup=False
                    )
            self._last[name] = shown

    def summary(self, facts: Facts) -> None:
        """The checks with their figures; what to try next."""
        table = Table(box=box.SIMPLE, title="What happened", title_justify="left", pad_edge=False)
        table.add_column("")
        table.add_column("check", overflow="fold")
        table.add_column("measured", justify="right")
        for check in facts.checks:
            mark = Text("✓", "green") if check.kept else Text("✗", "bold red")
            table.add_row(mark, check.name, check.figure)
        self.console.print(table)
        verdict = "Everything happened." if facts.kept else "Something did not happen."
        self.console.print(Text(verdict, "bold green" if facts.kept else "bold red"))
        self.console.print(
            "Next: make up (keep a stack and a worker), make test (the proof), README.md."
        )

    def _screens(self) -> dict[str, list[dict[str, Any]]]:
        story = self.story
        if story is None:
            return {}
        screens = {}
        for name in ("Ana", "Ben", "Sam"):
            source = getattr(story, "browser" if name == "Ben" else name.lower(), None)
            screens[name] = source.screen if source is not None else []
        return screens

    def _picture(self) -> RenderableType:
        layout = Layout()
        layout.split_column(Layout(name="screens", ratio=1), Layout(name="words", size=7))
        panels = []
        for name, rows in (self._screens() or {"Ana": [], "Ben": [], "Sam": []}).items():
            how = "supabase-js" if name == "Ben" else "supabase-py"
            body = Group(*(self._bubble(row) for row in rows[-8:]))
            title = f"{name} sees [dim]({how})[/dim]"
            panels.append(Layout(Panel(body, title=title, border_style=_COLOURS[name])))
        layout["screens"].split_row(*panels)
        words = Text("\n".join(self._said))
        layout["words"].update(Panel(words, title=f"Vigil · {self._seconds()}", border_style="dim"))
        return layout

    def _bubble(self, row: dict[str, Any]) -> Text:
        story = self.story
        names = {m.id: m.name for m in (story.ana, story.ben, story.sam)} if story else {}
        name = names.get(row["sender_id"], "?")
        taken = row.get("moderation_status") == "removed"
        return Text.assemble(
            (f"{name}: ", f"bold {_COLOURS.get(name, 'white')}"),
            (row["content"], "dim strike" if taken else ""),
            (" (removed)", "dim") if taken else "",
        )

    def _seconds(self) -> str:
        return f"{time.monotonic() - self._began:5.1f} s"
