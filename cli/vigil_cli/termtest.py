"""What the worker's engine says about one text, shown to a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rich.console import Console
from rich.text import Text

from vigil.text.engine import Engine, Item
from vigil.text.fold import fold
from vigil.text.terms import Term
from vigil_cli.output import Column, escape, on_terminal, say, show_json, show_record, show_rows

_COLUMNS = (
    Column("text", "FOUND"),
    Column("term", "TERM"),
    Column("category", "CATEGORY"),
    Column("severity", "SEVERITY"),
    Column("start", "FROM", "number"),
    Column("end", "TO", "number"),
)
_STYLES = {"approve": "green", "flag": "yellow", "hold": "dark_orange", "remove": "bold red"}
_MEANING = {
    "approve": "It would be let through.",
    "flag": "It would be let through, and a case opened.",
    "hold": "It would be held until a moderator decides.",
    "remove": "It would be removed.",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The engine's verdict, and whether the database would refuse the text on sending."""

    verdict: str
    refused_inline: bool
    reason: str
    matches: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """The judgement for scripts; offsets count characters of the text."""
        return {
            "verdict": self.verdict,
            "refused_inline": self.refused_inline,
            "reason": self.reason,
            "matches": self.matches,
        }


def judge(text: str, rows: Iterable[Mapping[str, Any]], conversation: str | None) -> Judgement:
    """Judge `text` with these terms, as a worker with default settings would."""
    terms = [_term(row) for row in rows]
    (verdict,) = Engine.build(terms).judge([Item("text", text, conversation)])
    severities = {(term.term, term.category): term.severity for term in terms}
    matches = [
        {
            "text": text[found.start : found.end],
            "term": found.term or None,
            "category": found.category,
            "severity": severities.get((found.term, found.category)),
            "start": found.start,
            "end": found.end,
        }
        for found in verdict.matches
    ]
    return Judgement(
        verdict.verdict, _refused_inline(text, terms, conversation), verdict.reason, matches
    )


def show(text: str, judgement: Judgement, *, as_json: bool) -> None:
    """Write the judgement: JSON, or the text with what was found marked and then listed."""
    if as_json:
        show_json(judgement.as_json())
        return
    if on_terminal():
        Console(soft_wrap=True).print(_marked(text, judgement))
    else:
        show_record({"verdict": judgement.verdict, "text": text}, as_json=False)
    if judgement.matches:
        show_rows(judgement.matches, _COLUMNS, as_json=False, empty="")
    if judgement.refused_inline:
        say("It would be refused as it is sent: nobody would see it, not even for a moment.")
    else:
        say(_MEANING[judgement.verdict])


def _term(row: Mapping[str, Any]) -> Term:
    return Term(
        term=str(row["term"]),
        category=str(row["category"]),
        severity=str(row["severity"]),
        match=str(row["match"]),
        conversation=row.get("conversation"),
    )


def _refused_inline(text: str, terms: Iterable[Term], conversation: str | None) -> bool:
    """The rule of the sender's own transaction: whole words of severity block, after folding."""
    words = f" {fold(text)} "
    return any(
        f" {folded} " in words
        for term in terms
        if term.severity == "block" and term.match == "word"
        if term.conversation is None or term.conversation == conversation
        if (folded := fold(term.term))
    )


def _marked(text: str, judgement: Judgement) -> Text:
    """The text on one terminal, what was found standing out; controls are written out."""
    starts = {match["start"] for match in judgement.matches}
    ends = {match["end"] for match in judgement.matches}
    covered: set[int] = set()
    for match in judgement.matches:
        covered.update(range(match["start"], match["end"]))
    marked = Text()
    style = f"reverse {_STYLES[judgement.verdict]}"
    cuts = sorted({0, len(text), *starts, *ends})
    for begin, end in pairwise(cuts):
        marked.append(escape(text[begin:end]), style if begin in covered else "")
    return marked
