"""Durations as people write them: `45s 30m 12h 7d 2w 1d12h permanent`."""

from __future__ import annotations

import re
from datetime import timedelta

from vigil_cli.errors import MisusedError

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WHOLE = re.compile(r"(?:\d+[wdhms])+", re.ASCII)
_PART = re.compile(r"(\d+)([wdhms])", re.ASCII)
_LONGEST_DAYS = 3_650
_LONGEST_DIGITS = 12

ADVICE = "a duration such as 45s, 30m, 12h, 7d, 2w, 1d12h or permanent"


def parse_duration(text: str) -> timedelta | None:
    """The duration `text` names; None for `permanent`; anything else is one clear error."""
    written = text.strip().lower()
    if written == "permanent":
        return None
    if not written:
        raise _bad(text, "is empty")
    if written.startswith(("-", "+")):
        raise _bad(text, "has a sign; a restriction always ends in the future")
    if written.isascii() and written.isdigit():
        raise _bad(text, "has no unit" if int(written[:_LONGEST_DIGITS]) else "is no time at all")
    if not _WHOLE.fullmatch(written):
        raise _bad(text, "is not a duration")
    units = [unit for _, unit in _PART.findall(written)]
    if len(set(units)) != len(units):
        raise _bad(text, "names a unit twice")
    if units != sorted(units, key=list(_SECONDS).index):
        raise _bad(text, "must go from the longest unit to the shortest")
    seconds = 0
    for number, unit in _PART.findall(written):
        digits = number.lstrip("0") or "0"
        if len(digits) > _LONGEST_DIGITS:
            raise _too_long(text)
        seconds += int(digits) * _SECONDS[unit]
    if seconds == 0:
        raise _bad(text, "is no time at all")
    if seconds > _LONGEST_DAYS * _SECONDS["d"]:
        raise _too_long(text)
    return timedelta(seconds=seconds)


def to_interval(duration: timedelta) -> str:
    """The duration as an interval of the database, free of calendars and time zones."""
    return f"{int(duration.total_seconds())} seconds"


def describe(duration: timedelta | None) -> str:
    """The duration as `parse_duration` would read it back."""
    if duration is None:
        return "permanent"
    rest = int(duration.total_seconds())
    parts = []
    for unit, size in _SECONDS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _bad(text: str, why: str) -> MisusedError:
    return MisusedError(f"the duration {_quoted(text)} {why}", advice=ADVICE, code="VG204")


def _too_long(text: str) -> MisusedError:
    return MisusedError(
        f"the duration {_quoted(text)} is longer than ten years",
        advice="permanent, which can be lifted at any time",
        code="VG204",
    )


def _quoted(text: str) -> str:
    return f"'{text[:40]}…'" if len(text) > 40 else f"'{text}'"
