"""Term lists as CSV files: every line is checked before anything is sent."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vigil.text.fold import fold
from vigil_cli.errors import MisusedError

SEVERITIES = ("block", "remove", "hold", "flag", "allow")
MATCHES = ("word", "substring")
NO_LANGUAGE = "und"
COLUMNS = ("term", "category", "severity", "language", "match")
_NEEDED = ("term", "category", "severity")
_HEADER = ",".join(COLUMNS)
_LONGEST_TERM = 200
_LONGEST_CATEGORY = 60


@dataclass(frozen=True, slots=True)
class TermLine:
    """One entry and the line of the file it begins on."""

    line: int
    term: str
    category: str
    severity: str
    language: str
    match: str

    def as_json(self) -> dict[str, str]:
        """The entry as `add_terms` takes it."""
        return {column: getattr(self, column) for column in COLUMNS}


def parse_terms(text: str, source: str) -> list[TermLine]:
    """Every entry of a CSV file; the first bad line is the one error."""
    csv.field_size_limit(1_000_000)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records = _records(reader, source)
    header = next(records, None)
    if header is None:
        raise MisusedError(f"{source} is empty", advice=f"a first line of {_HEADER}")
    names = _checked_header(header[1], source, header[0])
    entries: list[TermLine] = []
    seen: dict[tuple[str, str, str], int] = {}
    for line, cells in records:
        if len(cells) != len(names):
            raise _bad(source, line, f"has {len(cells)} cells where the header has {len(names)}")
        entry = _entry(source, line, dict(zip(names, cells, strict=True)))
        key = (fold(entry.term), entry.match, entry.language)
        if key in seen:
            raise _bad(source, line, f"repeats the term of line {seen[key]}")
        seen[key] = line
        entries.append(entry)
    if not entries:
        raise MisusedError(f"{source} has a header and no terms", advice="one term a line below it")
    return entries


def check_entry(where: str, values: Mapping[str, str], line: int = 0) -> TermLine:
    """One entry, whatever it was read from; `where` begins the error."""
    entry = TermLine(
        line=line,
        term=values["term"].strip(),
        category=values["category"].strip(),
        severity=values["severity"].strip().lower(),
        language=(values.get("language") or "").strip() or NO_LANGUAGE,
        match=(values.get("match") or "").strip().lower() or "word",
    )
    problem = _problem(entry)
    if problem is not None:
        raise MisusedError(
            f"{where} {problem}",
            advice=f"cells in the order {_HEADER}, for example: scam,fraud,hold,en,word",
            code="VG208",
            facts={"line": line} if line else {},
        )
    return entry


def write_terms(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as a CSV file that `parse_terms` reads back."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([row.get(column) or "" for column in COLUMNS])
    return written.getvalue()


def _records(reader: Any, source: str) -> Iterator[tuple[int, list[str]]]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _bad(source, line, f"is not CSV: {error}") from None
        if any(cell.strip() for cell in cells):
            yield line, cells


def _checked_header(cells: list[str], source: str, line: int) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    missing = [name for name in _NEEDED if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    if missing:
        raise _bad(source, line, f"is no header: {', '.join(missing)} is missing", _HEADER)
    if unknown:
        raise _bad(source, line, f"has a column '{unknown[0]}' nobody knows", _HEADER)
    if len(set(names)) != len(names):
        raise _bad(source, line, "names a column twice", _HEADER)
    return names


def _entry(source: str, line: int, values: Mapping[str, str]) -> TermLine:
    return check_entry(f"{source} line {line}", values, line)


def _problem(entry: TermLine) -> str | None:
    """What is wrong with an entry, the first thing only."""
    rules = (
        (bool(entry.term), "has no term"),
        (
            len(entry.term) <= _LONGEST_TERM,
            f"has a term longer than {_LONGEST_TERM} characters",
        ),
        (bool(fold(entry.term)), f"has a term of punctuation alone: '{entry.term[:40]}'"),
        (
            1 <= len(entry.category) <= _LONGEST_CATEGORY,
            f"needs a category of 1 to {_LONGEST_CATEGORY} characters",
        ),
        (
            entry.severity in SEVERITIES,
            f"has the severity '{entry.severity[:40]}', not one of {', '.join(SEVERITIES)}",
        ),
        (
            entry.match in MATCHES,
            f"has the match '{entry.match[:40]}', not one of {', '.join(MATCHES)}",
        ),
        (
            _is_language(entry.language),
            f"has the language '{entry.language[:40]}', not a tag such as en or pt-BR",
        ),
    )
    return next((problem for holds, problem in rules if not holds), None)


def _is_language(tag: str) -> bool:
    parts = tag.split("-")
    return (
        2 <= len(tag) <= 35
        and parts[0].isalpha()
        and all(part.isascii() and part.isalnum() and len(part) <= 8 for part in parts)
    )


def _bad(source: str, line: int, problem: str, advice: str | None = None) -> MisusedError:
    return MisusedError(
        f"{source} line {line} {problem}",
        advice=f"a header of {_HEADER} and such cells on every line"
        if advice is None
        else f"a first line of {advice}",
        code="VG208",
        facts={"line": line},
    )
