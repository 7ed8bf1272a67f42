"""Durations: what is accepted means what it says, what is not gets one clear error."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.harness import Vigil
from vigil_cli.durations import describe, parse_duration, to_interval
from vigil_cli.errors import MisusedError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("30m", 1800), ("12h", 43200), ("7d", 604800), ("2w", 1209600),
     ("1d12h", 129600), (" 1D12H ", 129600), ("1w2d3h4m5s", 788645), ("007s", 7)],
)  # fmt: skip
def test_durations_mean_what_they_say(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


def test_permanent_has_no_end() -> None:
    assert parse_duration("permanent") is None
    assert describe(None) == "permanent"


@pytest.mark.parametrize(
    ("text", "why"),
    [("-5h", "sign"), ("+5h", "sign"), ("1e9h", "not a duration"), ("0", "no time at all"),
     ("0h", "no time at all"), ("5", "no unit"), ("", "empty"), ("h", "not a duration"),
     ("5 h", "not a duration"), ("1.5h", "not a duration"), ("1h1h", "twice"),
     ("1h1d", "longest unit"), ("9" * 400 + "h", "ten years"), ("99999999999s", "ten years"),
     ("5y", "not a duration"), ("٣h", "not a duration"), ("forever", "not a duration"),
     ("9" * 400, "no unit"), ("5h\n", None), ("nan", "not a duration"), ("５h", "not a duration")],
)  # fmt: skip
def test_anything_else_is_one_clear_error(text: str, why: str | None) -> None:
    if why is None:
        assert parse_duration(text) == timedelta(hours=5)
        return
    with pytest.raises(MisusedError, match=why):
        parse_duration(text)


@pytest.mark.parametrize("text", ["-5h", "1e9h", "0", "5", "9" * 300 + "w"])
def test_the_command_refuses_them_before_anything_else(vigil: Vigil, text: str) -> None:
    answer = vigil("restrict", "add", "ann", "mute", "--reason", "x", f"--for={text}", expect=2)
    assert "duration" in answer.err
    assert len(answer.err.splitlines()) == 2


@given(st.integers(1, 3650 * 86400))
def test_describing_and_parsing_are_inverse(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(describe(duration)) == duration
    assert to_interval(duration) == f"{seconds} seconds"


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        parsed = parse_duration(text)
    except MisusedError as error:
        assert error.advice  # noqa: PT017
    else:
        assert parsed is None or parsed > timedelta(0)
