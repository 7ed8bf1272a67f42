"""Judge texts: term lists, personal data and links; the strictest finding wins.

A text that is too long, or takes too long, is flagged for a person: never approved unseen.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from vigil.text.links import links
from vigil.text.personal import personal
from vigil.text.terms import Term, TermList

VERDICTS = ("approve", "flag", "hold", "remove")
_VERDICT_OF_SEVERITY = {"flag": "flag", "hold": "hold", "remove": "remove", "block": "remove"}
_VERDICT_OF_ACTION = {"allow": "approve", "flag": "flag", "hold": "hold", "remove": "remove"}
OVER_BUDGET = "over_budget"


@dataclass(frozen=True, slots=True)
class Item:
    """A text to judge; `id` comes back with its verdict."""

    id: object
    content: str
    conversation: object | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in `start` to `end` of the original text; `term` is empty for detectors."""

    term: str
    category: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about a text, and why; `engine` names the version of the lists."""

    id: object
    verdict: str
    matches: tuple[Finding, ...]
    engine: str
    reason: str

    @property
    def categories(self) -> tuple[str, ...]:
        """Each category found, once, in the order of the text."""
        found = [match.category for match in self.matches]
        return tuple(dict.fromkeys(found + ([OVER_BUDGET] if self.reason == OVER_BUDGET else [])))


@dataclass(frozen=True, slots=True)
class Policy:
    """What the community does about personal data and links."""

    phone: str = "flag"
    email: str = "flag"
    card: str = "hold"
    link: str = "allow"

    def __post_init__(self) -> None:
        for name in ("phone", "email", "card", "link"):
            action = getattr(self, name)
            if action not in _VERDICT_OF_ACTION:
                raise ValueError(f"{name}_action must be one of {', '.join(_VERDICT_OF_ACTION)}")

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Self:
        """Read `phone_action` and its like from the database's settings."""
        named = {
            kind: str(settings[f"{kind}_action"])
            for kind in ("phone", "email", "card", "link")
            if settings.get(f"{kind}_action")
        }
        return cls(**named)


@dataclass(frozen=True, slots=True)
class Budget:
    """How long one text may be and may take."""

    max_chars: int = 20_000
    seconds: float = 0.25
    clock: Callable[[], float] = field(default=time.perf_counter, compare=False)


@dataclass(frozen=True, slots=True)
class Engine:
    """One version of lists and policy. Pure: judging twice gives the same verdicts."""

    terms: TermList
    version: int = 0
    policy: Policy = Policy()
    region: str | None = None
    budget: Budget = Budget()

    @classmethod
    def build(cls, terms: Iterable[Term], **options: object) -> Self:
        """Compile a list of terms into an engine."""
        return cls(TermList.build(terms), **options)  # type: ignore[arg-type]

    @property
    def name(self) -> str:
        """What a verdict says it came from."""
        return f"terms-{self.version}"

    def judge(self, batch: Sequence[Item]) -> list[Verdict]:
        """One verdict for each text, in the order given."""
        return [self.judge_one(item) for item in batch]

    def judge_one(self, item: Item) -> Verdict:
        """The strictest of everything found; flagged when the budget did not suffice."""
        if len(item.content) > self.budget.max_chars:
            return Verdict(item.id, "flag", (), self.name, OVER_BUDGET)
        end = self.budget.clock() + self.budget.seconds

        def in_time() -> bool:
            return self.budget.clock() <= end

        strictest, findings, complete = 0, [], True
        for look in (self._terms, self._personal, self._links):
            if not in_time():
                complete = False
                break
            for verdict, finding in look(item, in_time):
                strictest = max(strictest, VERDICTS.index(verdict))
                findings.append(finding)
        if complete and in_time():
            reason = ", ".join(dict.fromkeys(f.category for f in findings)) if strictest else ""
        else:
            strictest, reason = max(strictest, VERDICTS.index("flag")), OVER_BUDGET
        return Verdict(item.id, VERDICTS[strictest], tuple(findings), self.name, reason)

    def _terms(self, item: Item, _: Callable[[], bool]) -> Iterator[tuple[str, Finding]]:
        for hit in self.terms.find(item.content, item.conversation):
            finding = Finding(hit.term.term, hit.term.category, hit.start, hit.end)
            yield _VERDICT_OF_SEVERITY[hit.term.severity], finding

    def _personal(self, item: Item, ok: Callable[[], bool]) -> Iterator[tuple[str, Finding]]:
        for each in personal(item.content, self.region, ok):
            action = getattr(self.policy, each.kind)
            if action != "allow":
                finding = Finding("", f"personal.{each.kind}", each.start, each.end)
                yield _VERDICT_OF_ACTION[action], finding

    def _links(self, item: Item, _: Callable[[], bool]) -> Iterator[tuple[str, Finding]]:
        if self.policy.link != "allow":
            for link in links(item.content):
                finding = Finding("", "link", link.start, link.end)
                yield _VERDICT_OF_ACTION[self.policy.link], finding
