"""docs/visibility.md, printed from the rules that the matrix is compared with."""

from __future__ import annotations

from pathlib import Path

from tests.leaks.people import SIGHTS
from tests.leaks.rules import LIVE, RULES, expected
from tests.leaks.stage import NOTHING
from tests.leaks.surfaces import SURFACES, Surface
from tests.leaks.world import STATES, VIEWERS, Viewer

TEMPLATE = Path(__file__).with_name("visibility.md")
GROUPS = {
    "author": ("sender", "group sender"),
    "members": ("recipient", "member", "blocked by sender", "blocks sender", "muted", "held", "shadow-banned"),
}  # fmt: skip


def visibility() -> str:
    """The page."""
    parts = {"reading": _reading(), "surfaces": _surfaces(), "people": _people(), "rules": _rules()}
    text = TEMPLATE.read_text()
    for name, part in parts.items():
        text = text.replace("{{" + name + "}}", part)
    return text


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(map(_row, [head, ["---"] * len(head), *rows]))


def _reading() -> str:
    select = next(s for s in SURFACES if s.name == "select")
    rows = []
    for viewer in VIEWERS.values():
        cells = [expected(viewer, state, select)[0] for state in STATES]
        if viewer.role == "vigil_doorbell":
            cells = ["its id"] * len(STATES)
        plain = {"42501": "refused", NOTHING: "–", "the text": "text"}
        rows.append([viewer.name, viewer.gist, *(plain.get(cell, cell) for cell in cells)])
    return _table(["viewer", "who that is", *STATES], rows)


def _surfaces() -> str:
    rows = []
    for surface in SURFACES:
        by_cells: dict[tuple[str, ...], list[str]] = {}
        for viewer in VIEWERS.values():
            cells = tuple(expected(viewer, state, surface)[0] for state in STATES)
            if set(cells) - {NOTHING, "42501"}:
                by_cells.setdefault(cells, []).append(viewer.name)
        who = "; ".join(
            f"**{_names(names)}**: {_cells(cells)}" for cells, names in by_cells.items()
        )
        rows.append([surface.name, who or "nobody", _number(surface)])
    return _table(["surface", "who, and in which states", "why"], rows)


def _names(names: list[str]) -> str:
    for group, parts in GROUPS.items():
        if set(parts) <= set(names):
            names = [group, *(name for name in names if name not in parts)]
    return ", ".join(names)


def _cells(cells: tuple[str, ...]) -> str:
    by_outcome: dict[str, list[str]] = {}
    for state, outcome in zip(STATES, cells, strict=True):
        if outcome not in (NOTHING, "42501"):
            by_outcome.setdefault(outcome, []).append(state)
    return ", ".join(f"{outcome} ({_states(states)})" for outcome, states in by_outcome.items())


def _states(states: list[str]) -> str:
    if len(states) == len(STATES):
        return "all"
    if set(LIVE) <= set(states):
        states = ["live", *(state for state in states if state not in LIVE)]
    return ", ".join(states)


def _number(surface: Surface) -> str:
    """The rules that speak of a surface for those signed in."""
    whys = [rule.why for rule in RULES]
    viewers: list[Viewer] = [v for v in VIEWERS.values() if v.role == "authenticated"]
    used = {whys.index(expected(v, s, surface)[1]) + 1 for v in viewers for s in STATES}
    return ", ".join(map(str, sorted(used)))


def _people() -> str:
    rows = []
    for sight in SIGHTS:
        names = [v.name for v in VIEWERS.values() if sight.wanted(v)]
        rows.append(_row([sight.name, _names(names) or "nobody", sight.why]))
    return "\n".join(rows)


def _rules() -> str:
    return "\n".join(f"{n}. {rule.why}" for n, rule in enumerate(RULES, start=1))
