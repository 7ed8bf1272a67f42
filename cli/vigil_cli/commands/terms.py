"""`vigil terms`: the community's word lists, and what they would do to a text."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from vigil_cli.acts import show_effect
from vigil_cli.client import Api, connect
from vigil_cli.durations import parse_duration
from vigil_cli.errors import CliError, FailedError, MisusedError
from vigil_cli.options import AsJson, DryRun, MaxRows, optional_uuid
from vigil_cli.output import Column, say, show_json, show_rows
from vigil_cli.progress import working
from vigil_cli.termfile import NO_LANGUAGE, TermLine, check_entry, parse_terms, write_terms
from vigil_cli.textin import read_file, read_stdin

app = typer.Typer(help="Word lists, and what they would do to a text.")

_COLUMNS = (
    Column("term_id", "ID", "number"),
    Column("term", "TERM"),
    Column("category", "CATEGORY"),
    Column("severity", "SEVERITY"),
    Column("language", "LANGUAGE"),
    Column("match", "MATCH"),
    Column("expires_at", "UNTIL", "time"),
    Column("conversation", "CONVERSATION"),
)

_TOO_SLOW = "57014"  # the statement timeout of the role
# What the database returns at most.
_ALL = 100_000


class Severity(StrEnum):
    """What happens to a message with the term, from the strictest."""

    BLOCK = "block"
    REMOVE = "remove"
    HOLD = "hold"
    FLAG = "flag"
    ALLOW = "allow"


class Match(StrEnum):
    """Whether a term stands alone or may be part of a word."""

    WORD = "word"
    SUBSTRING = "substring"


@app.command()
def add(
    term: Annotated[list[str], typer.Argument(metavar="TERM...", help="Words or phrases.")],
    *,
    category: Annotated[str, typer.Option(help="For example fraud, slur, drugs.")],
    severity: Annotated[
        Severity, typer.Option(help="block refuses the message before anybody sees it.")
    ],
    language: Annotated[str, typer.Option(metavar="TAG", help="en, pt-BR; und is any.")] = (
        NO_LANGUAGE
    ),
    match: Annotated[Match, typer.Option(help="A whole word, or a part of one.")] = Match.WORD,
    expires: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="Only for so long.")
    ] = None,
    conversation: Annotated[
        str | None, typer.Option(metavar="UUID", help="Only in this conversation.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add terms, or change those that are there already.

    Example: vigil terms add "quick cash" --category fraud --severity hold
    """
    where = optional_uuid(conversation, "conversation")
    until = _ends_at(expires)
    terms: list[dict[str, Any]] = []
    for text in term:
        given = {"term": text, "category": category, "severity": severity.value}
        given |= {"language": language, "match": match.value}
        entry: dict[str, Any] = dict(check_entry(f"the term '{text[:40]}'", given).as_json())
        if where is not None:
            entry["conversation"] = where
        if until is not None:
            entry["expires_at"] = until
        terms.append(entry)
    effect = connect().record("add_terms", terms=terms, dry_run=dry_run)
    show_effect(effect, done=_counted(effect), dry_run=dry_run, as_json=as_json)


@app.command()
def remove(
    term_id: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="Ids, as terms list shows them.")
    ] = None,
    term: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="The term itself; may be repeated.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Remove terms, by id or by text."""
    if not term_id and not term:
        raise MisusedError("say which terms", advice="vigil terms remove ID..., or --term TEXT")
    api = connect()
    ids = list(term_id or [])
    for text in term or []:
        ids += _ids_of(api, text)
    effect = api.record("remove_terms", term_ids=sorted(set(ids)), dry_run=dry_run)
    done = f"{effect.get('removed')} terms were removed."
    show_effect(effect, done=done, dry_run=dry_run, as_json=as_json)


@app.command("list")
def list_(
    prefix: Annotated[str | None, typer.Argument(metavar="[PREFIX]", help="How terms begin.")] = (
        None
    ),
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    max_rows: MaxRows = 1000,
    as_json: AsJson = False,
) -> None:
    """List terms."""
    rows = connect().rows("list_terms", prefix=prefix, in_category=category, max_rows=max_rows)
    show_rows(rows, _COLUMNS, as_json=as_json, empty="No terms.")
    if len(rows) == max_rows:
        say("There may be more: --max shows more, vigil terms export shows all.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="- is standard input.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Import a CSV file with the header term,category,severity,language,match.

    Everything is imported or nothing: a bad line is named by its number.
    Example: vigil terms import words.csv --dry-run
    """
    source = "standard input" if str(file) == "-" else file.name
    entries = parse_terms(read_file(file), source)
    api = connect()
    with working(f"Importing {len(entries)} terms"):
        effect = _imported(api, entries, source, dry_run=dry_run)
    show_effect(effect, done=_counted(effect), dry_run=dry_run, as_json=as_json)


@app.command()
def export(
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write all terms as a CSV file that import reads back."""
    rows = list(_all_terms(connect(), category))
    kept = [row for row in rows if row.get("conversation") is None]
    if as_json:
        show_json(rows)
        return
    sys.stdout.write(write_terms(kept))
    sys.stdout.flush()
    if len(kept) < len(rows):
        say(f"{len(rows) - len(kept)} terms of single conversations are left out; --json has them.")


@app.command("test")
def try_out(
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="Standard input when left out.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Use this term list, without any server."),
    ] = None,
    conversation: Annotated[
        str | None, typer.Option(metavar="UUID", help="Judge as in this conversation.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the filter would do to a text, the matches highlighted; nothing is sent."""
    from vigil_cli import termtest  # loads the engine, which only this needs

    where = optional_uuid(conversation, "conversation")
    content = read_stdin().rstrip("\n") if text is None or text == "-" else text
    if not content:
        raise MisusedError("there is no text to test", advice='vigil terms test "some text"')
    if file is not None:
        terms = [entry.as_json() for entry in parse_terms(read_file(file), file.name)]
    else:
        terms = list(_all_terms(connect(), None))
    termtest.show(content, termtest.judge(content, terms, where), as_json=as_json)


def _all_terms(api: Api, category: str | None) -> list[dict[str, Any]]:
    with working("Reading the terms"):
        arguments = {"in_category": category, "max_rows": _ALL}
        rows = list(api.pages("list_terms", "term_id", **arguments))
    if len(rows) >= _ALL:
        raise FailedError(
            f"there are {_ALL} terms or more, which is all one command can read",
            advice="one category at a time: vigil terms export --category NAME",
        )
    return rows


def _imported(api: Api, entries: list[TermLine], source: str, *, dry_run: bool) -> dict[str, Any]:
    try:
        return api.record(
            "add_terms", terms=[entry.as_json() for entry in entries], dry_run=dry_run
        )
    except CliError as error:
        if error.code == "VG208":
            raise _with_line(error, entries, source) from None
        if error.code == _TOO_SLOW:
            raise FailedError(
                f"{len(entries)} terms are more than the database takes in one go;"
                " nothing was imported",
                advice=f"files of {max(1, len(entries) // 4)} lines, each imported by itself",
                code=_TOO_SLOW,
            ) from None
        raise


def _with_line(error: CliError, entries: list[TermLine], source: str) -> CliError:
    """The database counts elements; people count lines."""
    words = (word.strip(":,.") for word in error.message.split())
    digits = [int(word) for word in words if word.isdecimal()]
    if not digits or not 1 <= digits[0] <= len(entries):
        return error
    line = entries[digits[0] - 1].line
    return MisusedError(
        f"{source} line {line}: {error.message}",
        advice=error.advice,
        code=error.code,
        facts={"line": line},
    )


def _ids_of(api: Api, text: str) -> list[int]:
    rows = api.rows("list_terms", prefix=text, max_rows=1000)
    found = [int(row["term_id"]) for row in rows if row["term"].casefold() == text.casefold()]
    if not found:
        raise MisusedError(
            f"there is no term '{text}'", advice=f"vigil terms list '{text[:20]}'", code="VG205"
        )
    return found


def _ends_at(expires: str | None) -> str | None:
    if expires is None:
        return None
    from datetime import UTC, datetime

    length = parse_duration(expires)
    return None if length is None else (datetime.now(UTC) + length).isoformat()


def _counted(effect: dict[str, Any]) -> str:
    return (
        f"{effect.get('added')} added, {effect.get('updated')} changed,"
        f" {effect.get('unchanged')} as they were."
    )
