"""What each cell must say, and why: a few rules, asked in order, for all viewers, states and surfaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.leaks.stage import NOTHING, PRIVATE, ROW, TEXT
from tests.leaks.surfaces import Surface
from tests.leaks.world import Viewer

REFUSED = "42501"
LIVE = ("visible", "edited", "being edited")
BURIED = ("hidden", "removed", "deleted")
Outcome = str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """`decide` answers None where the rule does not speak; the first that speaks wins."""

    why: str
    decide: Callable[[Viewer, str, Surface], Outcome]


def is_member(v: Viewer) -> bool:
    return v.role == "authenticated"


def is_there(v: Viewer) -> bool:
    """In the conversation now."""
    return v.stay in ("all", "since")


def heard(v: Viewer) -> bool:
    """Somebody else whose stay covers the message, and whom no block keeps out."""
    return v.stay in ("all", "until after") and not v.author and v.restriction != "block"


def reads(v: Viewer, state: str) -> bool:
    """The rule of sql/templates/visible_message.sql, said once more in other words."""
    return v.author or (heard(v) and state in LIVE)


def speaks(v: Viewer) -> bool:
    return v.stay == "all" and v.restriction not in ("mute", "block")


def of_kind(*kinds: str) -> Callable[[Surface], bool]:
    return lambda s: s.kind.removeprefix("call ") in kinds or s.kind in kinds


QUIET = of_kind("event", "pushed", "receipt reaches")
ROWS, COUNTS = of_kind("row", "call"), of_kind("counted", "realtime")
TOMBSTONES = of_kind("tombstone", "tombstone counted")
IDS_ALONE = ("count by id", "Realtime INSERT and UPDATE")


def _outside(v: Viewer, state: str, s: Surface) -> Outcome:
    if v.role not in ("anon", "vigil_worker", "vigil_doorbell") or s.name == "Realtime DELETE":
        return None
    if QUIET(s):
        return NOTHING
    if v.role == "vigil_worker" and s.kind == "leased":
        return None
    if s.name in IDS_ALONE and v.role != "vigil_worker":
        return ROW if v.role == "vigil_doorbell" else NOTHING
    return REFUSED


def _service(v: Viewer, state: str, s: Surface) -> Outcome:
    if v.role != "service_role" or s.name == "Realtime DELETE":
        return None
    if (ROWS(s) and s.kind == "row") or s.kind == "with people":
        return ROW if state == "deleted" else TEXT
    if COUNTS(s) and not s.kind.startswith("call"):
        return ROW
    if TOMBSTONES(s):
        return ROW if state in BURIED else NOTHING
    if s.kind == "notice":
        return ROW if state == "removed" else NOTHING
    if s.kind == "push service":
        return ROW if state in LIVE else NOTHING
    if s.kind in ("receipt written", "receipt returned", "deletion written"):
        return "VG110"
    if s.name == "UPDATE of the content":
        return "VG110"
    if s.kind in ("replied", "own token", "reported") or s.name == "INSERT with its id":
        return NOTHING
    if QUIET(s) or s.kind in ("never", "sent alone", "receipt"):
        return NOTHING
    return REFUSED


def _never(v: Viewer, state: str, s: Surface) -> Outcome:
    return NOTHING if s.kind in ("never", "call never", "sent alone", "receipt") else None


def _private(v: Viewer, state: str, s: Surface) -> Outcome:
    return REFUSED if s.kind in ("refused", "private table", "push service") else None


def _worker(v: Viewer, state: str, s: Surface) -> Outcome:
    if s.kind != "leased":
        return None
    if v.role != "vigil_worker":
        return REFUSED
    return {"being edited": PRIVATE, "deleted": ROW}.get(state, TEXT)


def _staff(v: Viewer, state: str, s: Surface) -> Outcome:
    if s.kind == "staff shown":
        if v.name == "moderator, case":
            return PRIVATE if state == "deleted" else TEXT
        return ROW if v.staff else NOTHING
    if s.kind == "staff decided":
        if v.staff != "moderator":
            return NOTHING
        return {"pending": ROW, "hidden": ROW, "shadowed": ROW, "removed": "VG206"}.get(
            state, "VG207"
        )
    return None


def _told(v: Viewer, state: str, s: Surface) -> Outcome:
    if TOMBSTONES(s):
        return ROW if heard(v) and state in BURIED else NOTHING
    if s.kind == "event":
        return ROW if heard(v) and state in (*BURIED, "edited") else NOTHING
    if s.kind == "notice":
        return ROW if v.author and state == "removed" else NOTHING
    return None


def _author(v: Viewer, state: str, s: Surface) -> Outcome:
    """Beyond reading: what an author may do with their own message, and is refused."""
    if s.kind in ("receipt written", "receipt returned") and v.author:
        return "VG110"
    if s.kind == "deletion written":
        if v.author:
            return "VG110" if state == "deleted" else ROW
        return "VG110" if v.name == "recipient" and reads(v, state) else NOTHING
    if s.kind == "call deletion":
        return ROW if v.author and state != "deleted" else NOTHING
    if s.kind == "edited":
        if not v.author:
            return NOTHING
        return ROW if state in (*LIVE, "shadowed") else "VG114"
    if s.kind in ("own token", "call own token") and not v.author:
        return NOTHING
    if s.kind == "own token":
        return ROW
    return None


def _read_marks(v: Viewer, state: str, s: Surface) -> Outcome:
    read = reads(v, state) and not v.author
    if s.kind == "marked":
        return ROW if read else NOTHING
    if s.kind == "unread":
        return ROW if read and is_there(v) else NOTHING
    if s.kind == "pushed":
        return ROW if read and v.name != "blocks sender" else NOTHING
    if s.kind in ("receipt written", "receipt returned"):
        if not (read and v.name == "recipient"):
            return NOTHING
        return TEXT if s.kind == "receipt returned" else ROW
    if s.kind == "receipt reaches":
        silent = v.restriction in ("mute", "shadow_ban") or "sender" in v.name
        return ROW if read and not silent else NOTHING
    return None


def _replies(v: Viewer, state: str, s: Surface) -> Outcome:
    if s.kind in ("replied", "call replied"):
        there = state in (*LIVE, "shadowed") and reads(v, state)
        return ROW if there and speaks(v) else NOTHING
    if s.kind == "reported":
        return ROW if reads(v, state) and not v.author else NOTHING
    return None


def _reading(v: Viewer, state: str, s: Surface) -> Outcome:
    if not reads(v, state):
        return NOTHING
    if s.kind == "with people" and not is_there(v):
        return NOTHING
    if s.kind == "found":
        return TEXT if state != "deleted" else NOTHING
    if s.kind == "reply counted":
        return ROW if state != "deleted" else NOTHING
    if COUNTS(s):
        return ROW
    return ROW if state == "deleted" else TEXT


RULES = (
    Rule("Without an account there is a grant on ids that shows no row: with none, Realtime would tell of every change that it may not be seen. The worker has its own functions and no table, the doorbell sees ids.", _outside),
    Rule("`service_role` skips policies, by its own definition, so it reads the public tables; triggers refuse what is the server's, and calls of members and staff are not granted to it.", _service),
    Rule("Nothing there speaks of a message: a send alone moves no `last_message_at`, nobody has read or reported yet, and private text is in no index.", _never),
    Rule("No grant: contents change by `edit_message` alone, rows are never deleted, ids are the server's, and schema `vigil` is closed.", _private),
    Rule("The worker gets the texts of what it has leased, and nothing else.", _worker),
    Rule("Staff see metadata; the text reaches a moderator through an open case. To members a message that exists and one that does not answer alike.", _staff),
    Rule("Those who could see a message are told to drop or reload it, by a tombstone and an event; its author never is, or they would learn whether others could see it. The author is told of a removal.", _told),
    Rule("An author keeps sight of their rows and may edit what is approved and delete once; to everybody else the id answers as if absent.", _author),
    Rule("What one reads counts as unread while one is there, may be marked, and sends its author a receipt, unless a restriction or a block between the two silences it.", _read_marks),
    Rule("One replies to, and reports, what one sees; an id out of sight answers as if absent.", _replies),
    Rule("The author sees their own rows, always. Others see what is approved, neither deleted nor shadowed, during their stay, unless a `block` binds them. A message beside its author's profile needs a conversation shared now.", _reading),
)  # fmt: skip


def expected(viewer: Viewer, state: str, surface: Surface) -> tuple[str, str]:
    """The outcome of a cell and the reason for it."""
    for rule in RULES:
        outcome = rule.decide(viewer, state, surface)
        if outcome is not None:
            return outcome, rule.why
    raise AssertionError(f"no rule speaks of {viewer.name} x {state} x {surface.name}")
