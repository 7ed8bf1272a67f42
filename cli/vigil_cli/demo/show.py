"""How the demo looks: members' screens side by side on a terminal, plain lines in a pipe."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from vigil_cli.demo.facts import Facts
from vigil_cli.demo.people import BrowserScreen, Member
from vigil_cli.demo.story import Story

_COLOURS = {"Ana": "cyan", "Ben": "green", "Sam": "magenta"}
_CLIENTS = {"Ana": "supabase-py", "Ben": "supabase-js", "Sam": "supabase-py"}
_FONTS = "ui-monospace, Menlo, DejaVu Sans Mono, Liberation Mono, Consolas,"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line on somebody's screen, and what became of it."""

    at: float
    name: str
    text: str
    fate: str = ""


@dataclass(frozen=True, slots=True)
class _Tail:
    """The last rows of some lines, as many as there is room for; none of them is cut."""

    lines: list[Text]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        rows = self.rows(console, options.max_width)
        yield from rows[-(options.height or len(rows)) :]

    def rows(self, console: Console, width: int) -> list[Text]:
        rows = [row for line in self.lines for row in line.wrap(console, width)]
        for row in rows:
            row.rstrip()  # or what is struck out would go on after its last word
        return rows


class Show:
    """Narration, screens and the worker's line. `tell` and `changed` may be called at any time."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.story: Story | None = None
        self._said: deque[str] = deque(maxlen=6)
        self._began = time.monotonic()
        pictures = console.is_terminal and not console.is_dumb_terminal
        self._live = (
            Live(console=console, refresh_per_second=5, screen=True, get_renderable=self._picture)
            if pictures
            else None
        )
        self._last: dict[str, list[str]] = {}
        self._worker = ""

    def __enter__(self) -> Show:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, words: str, *, again: bool = False) -> None:
        """One line of narration; `again` says the last one anew."""
        if again and self._said:
            self._said.pop()
        self._said.append(words)
        if self._live is None:
            self._print(f"  {words}")
        self.changed()

    def changed(self) -> None:
        """Somebody's screen may differ now."""
        if self._live is not None:
            self._live.refresh()
            return
        for name, entries in self._screens().items():
            shown = [f"{entry.text}{entry.fate}" for entry in entries]
            before = self._last.get(name, [])
            for text in [text for text in before if text not in shown]:
                self._print(f"    {name}'s screen: - {text}")
            for text in [text for text in shown if text not in before]:
                self._print(f"    {name}'s screen: + {text}")
            self._last[name] = shown
        if (line := self._worker_line()) != self._worker:
            self._worker = line
            self._print(f"    the worker: {line}")

    def summary(self, facts: Facts) -> None:
        """What everybody saw in the end, the promises with their figures, what to try next."""
        if self.console.record:
            self.console.export_text(clear=True)  # the picture is of the end alone
        if self._live is not None:
            self.console.print(self._last_screens())
        table = Table(box=box.SIMPLE, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column("check", overflow="fold", ratio=1)
        table.add_column("measured", justify="right", no_wrap=True)
        for check in facts.checks:
            mark = Text("✓", "green") if check.kept else Text("✗", "bold red")
            table.add_row(mark, check.name, Text(check.figure, "" if check.kept else "red"))
        self.console.print(table)
        if facts.trouble is not None:
            self.console.print(Text(facts.trouble, "red"), soft_wrap=True)
        if facts.kept:
            f = facts.figures
            told = (
                f"Everything happened: {f['messages']} messages, {f['refused']} refused sends, "
                f"{f['verdicts']} verdicts, {f['audit_events']} audit events."
            )
            self.console.print(Text(told, "bold green"), soft_wrap=True)
        else:
            self.console.print(Text("Something did not happen.", "bold red"))
        self.console.print(
            "Next:  make up     a stack and a worker of your own, with people to sign in as\n"
            "       make test   the proof\n"
            "       docs/       how it works, what it protects and what it does not",
            markup=False,
        )

    def save(self, path: Path) -> None:
        """Write what the recording console printed since the summary began, as an SVG file."""
        svg = self.console.export_svg(title="make demo")
        # Fetches nothing: a picture in a page may not, and a viewer's own font will do.
        svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
        path.write_text(svg.replace("Fira Code,", _FONTS))

    def _screens(self) -> dict[str, list[Entry]]:
        story = self.story
        screens: dict[str, list[Entry]] = {}
        for name in _COLOURS:
            screen = getattr(story, "browser" if name == "Ben" else name.lower(), None)
            screens[name] = [] if screen is None else self._entries(name, screen)
        return screens

    def _entries(self, name: str, screen: Member | BrowserScreen) -> list[Entry]:
        """What a member sees: messages, what was taken back, and their own refused attempts."""
        entries = [self._entry(row, " (removed)" if _removed(row) else "") for row in screen.screen]
        if isinstance(screen, BrowserScreen):
            entries += [self._entry(row, " (taken off)") for row in screen.taken]
        else:
            tries: dict[str, list[Any]] = {}
            for sent in screen.refusals:
                tries.setdefault(sent.content, []).append(sent)
            accepted = {row["content"] for row in screen.screen}
            entries += [
                Entry(sent[-1].ended, name, text, " (refused)")
                for text, sent in tries.items()
                if text not in accepted
            ]
        return sorted(entries, key=lambda entry: entry.at)

    def _entry(self, row: dict[str, Any], fate: str) -> Entry:
        story = self.story
        people = (getattr(story, who.lower(), None) for who in _COLOURS)
        names = {person.id: person.name for person in people if person is not None}
        return Entry(
            _time(row["created_at"]), names.get(row["sender_id"], "?"), row["content"], fate
        )

    def _worker_line(self) -> str:
        worker = self.story.stage.worker if self.story is not None else None
        return worker.line if worker is not None else "not started yet"

    def _picture(self) -> RenderableType:
        layout = Layout()
        layout.split_column(
            Layout(name="screens", ratio=1),
            Layout(name="worker", size=1),
            Layout(name="words", size=8),
        )
        layout["screens"].split_row(*(Layout(panel) for panel in self._panels()))
        worker = Text.assemble((" worker ", "reverse"), " ", self._worker_line(), no_wrap=True)
        worker.overflow = "ellipsis"
        layout["worker"].update(worker)
        said = _Tail([Text(words) for words in self._said])
        layout["words"].update(Panel(said, title=f"Vigil {self._seconds()}", border_style="dim"))
        return layout

    def _panels(self, height: int | None = None) -> Iterator[Panel]:
        for name, entries in self._screens().items():
            yield Panel(
                _Tail([_bubble(entry) for entry in entries]), height=height,
                title=f"{name} sees", subtitle=_CLIENTS[name],
                border_style=_COLOURS[name],
            )  # fmt: skip

    def _last_screens(self) -> RenderableType:
        """All three screens, as high as the fullest of them."""
        width = self.console.width // len(_COLOURS) - 4
        tails = [_Tail([_bubble(entry) for entry in all]) for all in self._screens().values()]
        grid = Table.grid(expand=True)
        for _ in tails:
            grid.add_column(ratio=1)
        grid.add_row(*self._panels(2 + max(len(tail.rows(self.console, width)) for tail in tails)))
        return grid

    def _print(self, words: str) -> None:
        self.console.print(f"{self._seconds()}{words}", markup=False, soft_wrap=True)

    def _seconds(self) -> str:
        return f"{time.monotonic() - self._began:5.1f} s"


def _bubble(entry: Entry) -> Text:
    style = "" if not entry.fate else "dim" if entry.fate.startswith(" (refused") else "dim strike"
    return Text.assemble(
        (f"{entry.name}: ", f"bold {_COLOURS.get(entry.name, 'white')}"),
        (entry.text, style),
        (entry.fate, "red" if entry.fate else ""),
    )


def _removed(row: dict[str, Any]) -> bool:
    return row.get("moderation_status") == "removed"


def _time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
