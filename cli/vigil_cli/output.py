"""Data on stdout, words on stderr; tables on a terminal, tab-separated lines in a pipe.

Whatever members wrote (names, reasons, messages) is shown with its control characters escaped, so
that no name can move a moderator's cursor, and is never read as markup.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from vigil_cli.errors import CliError

Kind = Literal["text", "time", "id", "number"]
# A column of text narrower than this breaks words on every line.
_READABLE = 12

# C0, DEL, C1, and the characters that reorder or hide text on a terminal.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: where it is found in a row and how it is shown."""

    key: str
    title: str
    kind: Kind = "text"


def prepare_streams() -> None:
    """Make both streams survive any character, whatever the locale says."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def on_terminal() -> bool:
    """Whether stdout is read by a person."""
    return sys.stdout.isatty()


def escape(text: str) -> str:
    """`text` with every character that could act on a terminal written out."""
    return _UNSAFE.sub(_written_out, text)


def to_json(data: Any) -> str:
    """One line of JSON, readable in any language and safe on a terminal."""
    dumped = json.dumps(data, ensure_ascii=False, default=str)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", dumped)


def show_json(data: Any) -> None:
    """Write one JSON document; each is a line, so several make NDJSON."""
    print(to_json(data), flush=True)


def show_rows(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    *,
    as_json: bool,
    empty: str,
) -> None:
    """Write a list; JSON keeps every key, the table only `columns`."""
    if as_json:
        show_json(list(rows))
        return
    if on_terminal():
        if not rows:
            say(empty)
            return
        _print_table(rows, columns)
        return
    show_header(columns)
    for row in rows:
        show_line(row, columns)
    if not rows:
        say(empty)


def show_header(columns: Sequence[Column]) -> None:
    """Write the first line of a list that is streamed or piped."""
    print("\t".join(column.title for column in columns), flush=True)


def show_line(row: Mapping[str, Any], columns: Sequence[Column]) -> None:
    """Write one row as a line of tab-separated cells."""
    print("\t".join(cell(row.get(column.key), column.kind) for column in columns), flush=True)


def show_record(record: Mapping[str, Any], *, as_json: bool) -> None:
    """Write one thing: a JSON object, or a name and a value on each line."""
    if as_json:
        show_json(dict(record))
        return
    if not on_terminal():
        for key, value in record.items():
            print(f"{key}\t{cell(value)}")
        sys.stdout.flush()
        return
    _print_block([(key, cell(value)) for key, value in record.items()])


def cell(value: Any, kind: Kind = "text") -> str:
    """How one value reads in a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(escape(str(item)) for item in value)
    if isinstance(value, list | dict):
        return to_json(value)
    if kind == "time" and on_terminal():
        return short_time(str(value))
    return escape(str(value))


def short_time(value: str) -> str:
    """A timestamp of the database in local time; anything else as it came."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return escape(value)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def say(message: str) -> None:
    """Tell the person something; never data."""
    print(escape(message), file=sys.stderr, flush=True)


def say_lines(messages: Iterable[str]) -> None:
    """Tell the person several things, one on each line."""
    for message in messages:
        say(message)


def show_error(error: CliError, *, as_json: bool) -> None:
    """Write an error to stderr: what went wrong, then what to try."""
    if as_json:
        print(to_json(error.as_json()), file=sys.stderr, flush=True)
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text.assemble(("error: ", "bold red"), escape(error.message)))
    console.print(Text.assemble(("Try: ", "bold"), escape(error.advice)))


def _written_out(match: re.Match[str]) -> str:
    point = ord(match[0])
    known = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(match[0])
    return known or (f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}")


def _print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> None:
    """A table without its empty columns; where it would not fit, one block for each row."""
    used = [column for column in columns if any(cell(row.get(column.key)) for row in rows)]
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in used:
        table.add_column(
            column.title,
            justify="right" if column.kind == "number" else "left",
            no_wrap=column.kind in ("id", "time"),
            min_width=_least_width(column, rows),
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(cell(row.get(column.key), column.kind)) for column in used))
    if Measurement.get(console, console.options.update(max_width=10_000), table).minimum <= (
        console.width
    ):
        console.print(table)
        return
    for row in rows:
        shown = [(column.title, cell(row.get(column.key), column.kind)) for column in used]
        _print_block([pair for pair in shown if pair[1]])
        console.print()


def _least_width(column: Column, rows: Sequence[Mapping[str, Any]]) -> int:
    """What a column needs so that ids and times stay whole and words stay readable."""
    widest = max(cell_len(cell(row.get(column.key), column.kind)) for row in rows)
    return widest if column.kind in ("id", "time") else min(_READABLE, widest)


def _print_block(pairs: Sequence[tuple[str, str]]) -> None:
    """A name and a value on each line; the terminal itself wraps what is long."""
    console = Console(soft_wrap=True, highlight=False)
    widest = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        console.print(Text.assemble((name.ljust(widest + 2), "bold"), value))
