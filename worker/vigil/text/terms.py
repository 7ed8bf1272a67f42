"""Term lists: which terms a text contains, and where in what the person wrote."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from ahocorasick_rs import AhoCorasick, MatchKind

from vigil.text.fold import fold
from vigil.text.normalise import View, disguised, fold_with_origins, same_runs, views

SEVERITIES = ("allow", "flag", "hold", "remove", "block")
MATCHES = ("word", "substring")


@dataclass(frozen=True, slots=True)
class Term:
    """One entry of a list; without a conversation it counts everywhere."""

    term: str
    category: str
    severity: str
    match: str = "word"
    conversation: object | None = None

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity must be one of {', '.join(SEVERITIES)}")
        if self.match not in MATCHES:
            raise ValueError(f"match must be one of {', '.join(MATCHES)}")


@dataclass(frozen=True, slots=True)
class Hit:
    """A term found at `start` to `end` of the original text."""

    term: Term
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Pattern:
    terms: tuple[Term, ...]
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Automaton:
    """Many patterns looked for at once; `patterns` are what each one means."""

    automaton: AhoCorasick | None
    patterns: tuple[_Pattern, ...]

    @classmethod
    def build(cls, found: dict[tuple[str, tuple[int, ...]], list[Term]]) -> Self:
        patterns = tuple(_Pattern(tuple(terms), counts) for (_, counts), terms in found.items())
        texts = [text for text, _ in found]
        if not texts:
            return cls(None, ())
        return cls(AhoCorasick(texts, MatchKind.Standard, store_patterns=False), patterns)

    def matches(self, text: str) -> Iterator[tuple[_Pattern, int, int]]:
        if self.automaton is None:
            return
        for index, start, end in self.automaton.find_matches_as_indexes(text, overlapping=True):
            yield self.patterns[index], start, end


@dataclass(frozen=True, slots=True)
class TermList:
    """A version of the list, compiled. Matching is linear in the text."""

    plain: _Automaton
    deep: _Automaton
    size: int

    @classmethod
    def build(cls, terms: Iterable[Term]) -> Self:
        """Compile terms; those that fold to nothing match nothing."""
        plain: dict[tuple[str, tuple[int, ...]], list[Term]] = {}
        deep: dict[tuple[str, tuple[int, ...]], list[Term]] = {}
        size = 0
        for term in terms:
            size += 1
            folded = fold(term.term)
            readings = views(term.term)
            letters = max(sum(view.counts) - view.text.count(" ") for view in readings)
            # A term spelled with signs (a$$) folds to less than it says.
            if folded and letters <= len(folded.replace(" ", "")):
                plain.setdefault((folded, ()), []).append(term)
            for view in readings:
                if text := view.text.strip(" "):
                    deep.setdefault((text, view.counts[1:-1]), []).append(term)
        return cls(_Automaton.build(plain), _Automaton.build(deep), size)

    def find(self, content: str, conversation: object | None = None) -> list[Hit]:
        """Every hit not covered by an allowed one, in the order of the text."""
        folded = fold(content)
        hits = set(self._plain_hits(content, folded, conversation))
        if disguised(content, folded):
            for view in views(content):
                hits.update(self._deep_hits(view, conversation))
        if not hits:
            return []
        allowed = [hit for hit in hits if hit.term.severity == "allow"]
        kept = [
            hit
            for hit in hits
            if hit.term.severity != "allow"
            and not any(a.start <= hit.start and hit.end <= a.end for a in allowed)
        ]
        return sorted(kept, key=lambda hit: (hit.start, hit.end, hit.term.term))

    def _plain_hits(self, content: str, folded: str, conversation: object | None) -> Iterator[Hit]:
        origins: list[int] | None = None
        padded = f" {folded} "
        for pattern, start, end in self.plain.matches(padded):
            whole = padded[start - 1] == " " and padded[end] == " "
            for term in _meant(pattern, whole, conversation):
                if origins is None:
                    origins = fold_with_origins(content)[1]
                yield Hit(term, origins[start - 1], origins[end - 2] + 1)

    def _deep_hits(self, view: View, conversation: object | None) -> Iterator[Hit]:
        for pattern, start, end in self.deep.matches(view.text):
            if same_runs(view.counts[start:end], pattern.counts):
                whole = view.text[start - 1] == " " and view.text[end] == " "
                for term in _meant(pattern, whole, conversation):
                    yield Hit(term, *view.span(start, end))


def _meant(pattern: _Pattern, whole: bool, conversation: object | None) -> Iterator[Term]:
    for term in pattern.terms:
        here = term.conversation is None or term.conversation == conversation
        if here and (whole or term.match == "substring"):
            yield term
