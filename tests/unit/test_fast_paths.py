"""The cheap tests before the costly patterns leave nothing out: with and without, texts read alike."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from vigil.text.fold import FOLDS, fold
from vigil.text.normalise import disguised
from vigil.text.personal import cards, emails, legible, personal, phones

# Mostly what the patterns are about, so that random texts come near to them.
texts = st.text(
    st.one_of(
        st.sampled_from("aaabbi  01457@$!|+€£¢¥.-_\n\téß０１＠＋．٤１ａ\u200b\u0301ºα"),
        st.characters(),
    ),
    max_size=60,
)
numbers = st.lists(
    st.sampled_from(
        ["4111", " ", "1111", "-", "+49 30 ", "901820", "030", "a@example.org", "７", "٤١١١", "x"]
    ),
    max_size=12,
).map("".join)

PATTERNS = (
    re.compile(r"[^\W\d_][0-9@$€£¢¥]|[0-9@$!|+€£¢¥][^\W\d_]"),
    re.compile(r"([^\W\d_])\1\1"),
    re.compile(r"(?<!\S)(?:(\S)\1* ){2,}(\S)\2*(?!\S)"),
)
SEVEN_DIGITS = re.compile(r"(?:\d[^\da-z]{0,3}){6}\d")


@settings(max_examples=1000)
@given(texts)
@example("a b c")
@example("x aaa")
@example("ααα")
@example("5pm")
def test_a_disguise_is_suspected_exactly_where_the_patterns_are(content: str) -> None:
    folded = fold(content)
    leet, *others = PATTERNS
    wanted = leet.search(content) or any(pattern.search(folded) for pattern in others)
    assert disguised(content, folded) == bool(wanted)


@settings(max_examples=1000)
@given(texts)
def test_spaces_are_pressed_as_splitting_would(content: str) -> None:
    assert fold(content) == " ".join(filter(None, content.translate(FOLDS).split(" ")))


@settings(max_examples=1000)
@given(st.one_of(texts, numbers))
@example("4111 1111 1111 1111")
@example("４１１１　１１１１　１１１１　１１１１")
@example("ａ＠ｅｘａｍｐｌｅ．ｏｒｇ")
def test_personal_data_is_what_every_detector_would_find(content: str) -> None:
    text = legible(content)
    first = [*emails(text), *cards(text)]
    rest = [
        phone
        for phone in phones(text, "DE")
        if SEVEN_DIGITS.search(text)
        and not any(other.start < phone.end and phone.start < other.end for other in first)
    ]
    assert personal(content, "DE") == sorted(first + rest, key=lambda each: each.start)
