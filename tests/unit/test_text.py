"""What the filter finds, what it leaves alone, and where it says it found it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigil.text.engine import Budget, Engine, Item, Policy
from vigil.text.links import links
from vigil.text.normalise import views
from vigil.text.personal import legible, luhn, personal
from vigil.text.terms import Hit, Term, TermList

WORDS = ("glorp", "ass", "god", "kiffle", "bad phrase", "blat")


def engine(*extra: Term, **options: object) -> Engine:
    terms = [Term(word, "test", "remove") for word in WORDS]
    return Engine.build([*terms, *extra], **options)


def found(content: str, judge: Engine | None = None) -> list[str]:
    """The stretches of the original that were found."""
    verdict = (judge or engine()).judge_one(Item(1, content))
    return [content[match.start : match.end] for match in verdict.matches]


@pytest.mark.parametrize(
    ("content", "stretch"),
    [
        ("what a glorp!", "glorp"),
        ("GLORP", "GLORP"),
        ("g-l-o-r-p now", "g-l-o-r-p"),
        ("say g l o r p", "g l o r p"),
        ("i g l o r p you", "g l o r p"),
        ("gl0rp", "gl0rp"),
        ("k1ffl3", "k1ffl3"),
        ("gloooorp", "gloooorp"),
        ("gló\u0301rp", "gló\u0301rp"),
        ("g\u200bl\u200bo\u200brp", "g\u200bl\u200bo\u200brp"),
        ("ｇｌｏｒｐ", "ｇｌｏｒｐ"),
        ("glοrр", "glοrр"),
        ("a$$", "a$$"),
        ("@ss", "@ss"),
        ("a55", "a55"),
        ("b1at", "b1at"),
        ("bad -- phrase", "bad -- phrase"),
        ("G L 0 R P", "G L 0 R P"),
        ("glllooorrrp", "glllooorrrp"),
    ],
)
def test_a_disguise_is_seen_through_and_shown_as_it_was_written(content: str, stretch: str) -> None:
    assert stretch in found(content)


@pytest.mark.parametrize(
    "content",
    [
        "as good as it gets",
        "a class of glasses",
        "good day",
        "oh my goood, so coool",
        "455 5 5 5",
        "c l a s s",
        "bad. Phrases",
        "the glo rp",
        "room 4 at 7 pm",
        "x = [1, 2, 3]; y += 1!",
        "Привет, как дела?",
        "καλημέρα σας",
        "",
        " ",
        "!!!",
    ],
)
def test_innocent_texts_are_left_alone(content: str) -> None:
    judge = Engine.build(Term(word, "test", "remove") for word in WORDS if word != "god")
    assert found(content, judge) == []


def test_a_substring_is_found_inside_words_and_a_word_is_not() -> None:
    inside = TermList.build([Term("glorp", "test", "flag", "substring")])
    assert inside.find("xxglorpxx") == [Hit(Term("glorp", "test", "flag", "substring"), 2, 7)]
    assert TermList.build([Term("glorp", "test", "flag")]).find("xxglorpxx") == []


def test_an_allowed_phrase_covers_what_lies_within_it() -> None:
    judge = engine(Term("oh my god", "polite", "allow"))
    assert found("oh my god", judge) == []
    assert found("oh my god, god!", judge) == ["god"]


def test_a_term_of_one_conversation_counts_there_only() -> None:
    judge = Engine.build([Term("glorp", "test", "hold", conversation="here")])
    assert judge.judge_one(Item(1, "glorp", "here")).verdict == "hold"
    assert judge.judge_one(Item(1, "glorp", "there")).verdict == "approve"


def test_the_strictest_wins() -> None:
    judge = Engine.build(
        [
            Term("one", "a", "flag"),
            Term("two", "b", "hold"),
            Term("three", "c", "remove"),
            Term("four", "d", "block"),
        ],
        version=17,
    )
    contents = ["none", "one", "two one", "one three two", "four"]
    verdicts = judge.judge([Item(n, content) for n, content in enumerate(contents)])
    assert [v.verdict for v in verdicts] == ["approve", "flag", "hold", "remove", "remove"]
    assert [v.id for v in verdicts] == [0, 1, 2, 3, 4]
    assert verdicts[3].categories == ("a", "c", "b")
    assert {v.engine for v in verdicts} == {"terms-17"}
    assert "three" not in verdicts[3].reason, "a reason names categories, not what was written"


def test_a_term_spelled_with_signs_does_not_become_a_shorter_one() -> None:
    judge = Engine.build([Term("a$$", "test", "remove")])
    assert found("a good plan", judge) == []
    assert found("a$$ and ass", judge) == ["a$$"] or found("a$$", judge) == ["a$$"]


def test_severities_and_matches_are_checked() -> None:
    with pytest.raises(ValueError, match="severity"):
        Term("x", "y", "delete")
    with pytest.raises(ValueError, match="match"):
        Term("x", "y", "flag", "regex")


@given(st.text(max_size=200))
def test_any_text_gets_a_verdict_with_spans_inside_it(content: str) -> None:
    judge = engine(Term("e", "t", "flag", "substring"), policy=Policy(link="flag"))
    verdict = judge.judge_one(Item(1, content))
    assert verdict == judge.judge_one(Item(1, content))
    for match in verdict.matches:
        assert 0 <= match.start < match.end <= len(content)


@given(st.text(max_size=100))
def test_views_map_back_in_order(content: str) -> None:
    for view in views(content):
        assert len(view.text) == len(view.counts) == len(view.first) == len(view.last)
        for first, last in zip(view.first, view.last, strict=True):
            assert first <= last < max(len(content), 1)


@given(st.sampled_from(WORDS), st.data())
def test_a_term_between_words_is_always_found(word: str, data: st.DataObject) -> None:
    filler = st.text(st.sampled_from("xyz "), max_size=10)
    before, after = data.draw(filler), data.draw(filler)
    spelled = "".join(data.draw(st.sampled_from([c, c.upper()])) for c in word)
    assert spelled in found(f"{before} {spelled} {after}")


def test_a_text_over_its_size_is_flagged() -> None:
    judge = engine(budget=Budget(max_chars=5))
    assert judge.judge_one(Item(1, "short")).verdict == "approve"
    verdict = judge.judge_one(Item(1, "longer"))
    assert (verdict.verdict, verdict.categories) == ("flag", ("over_budget",))


def test_a_text_over_its_time_is_flagged_unless_worse_was_found_before() -> None:
    ticks = iter(range(1000))
    judge = engine(budget=Budget(seconds=1.5, clock=lambda: float(next(ticks))))
    assert judge.judge_one(Item(1, "fine")).verdict == "flag"
    assert judge.judge_one(Item(1, "glorp")).verdict == "remove"


@pytest.mark.parametrize(
    ("content", "kind", "stretch"),
    [
        ("write to ann.b+c@example.co.uk!", "email", "ann.b+c@example.co.uk"),
        ("card 4111 1111 1111 1111.", "card", "4111 1111 1111 1111"),
        ("5555-5555-5555-4444", "card", "5555-5555-5555-4444"),
        ("٤١١١ ١١١١ ١١١١ ١١١١", "card", "٤١١١ ١١١١ ١١١١ ١١١١"),
        ("call +49 30 901820 today", "phone", "+49 30 901820"),
        ("ｃａｌｌ ＋４９ ３０ ９０１８２０", "phone", "＋４９ ３０ ９０１８２０"),
        ("ａｎｎ＠ｅｘａｍｐｌｅ．ｏｒｇ", "email", "ａｎｎ＠ｅｘａｍｐｌｅ．ｏｒｇ"),
    ],
)
def test_personal_data_is_found_where_it_is(content: str, kind: str, stretch: str) -> None:
    assert [(p.kind, content[p.start : p.end]) for p in personal(content)] == [(kind, stretch)]


@pytest.mark.parametrize(
    "content",
    [
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "order 12345678901234567890123",
        "meet @ noon",
        "a@b",
        "2026-11-22 10:30",
        "1,000,000 people",
        "030 901820",
    ],
)
def test_other_numbers_and_signs_are_not_personal_data(content: str) -> None:
    assert personal(content) == []


def test_national_numbers_need_a_region() -> None:
    assert [p.kind for p in personal("030 901820", "DE")] == ["phone"]


@given(st.text())
def test_legible_text_keeps_its_offsets(content: str) -> None:
    assert len(legible(content)) == len(content)


@given(st.from_regex(r"[0-9]{1,18}", fullmatch=True))
def test_exactly_one_check_digit_is_right(digits: str) -> None:
    assert sum(luhn(digits + str(check)) for check in range(10)) == 1


def test_actions_follow_the_settings() -> None:
    content = "ann@example.org, 4111 1111 1111 1111"
    default = Engine.build([]).judge_one(Item(1, content))
    assert (default.verdict, default.categories) == ("hold", ("personal.email", "personal.card"))
    relaxed = Policy.from_settings({"email_action": "allow", "card_action": "flag", "other": 1})
    assert Engine.build([], policy=relaxed).judge_one(Item(1, content)).verdict == "flag"
    with pytest.raises(ValueError, match="phone_action"):
        Policy(phone="delete")


@pytest.mark.parametrize(
    ("content", "hosts"),
    [
        ("see https://Example.org/a?b=c.", ["example.org"]),
        ("www.example.org and foo.bar.co.uk/x", ["www.example.org", "foo.bar.co.uk"]),
        ("(http://user@evil.example:8080/x)", ["evil.example"]),
        ("bücher: https://bücher.example", ["bücher.example"]),
        ("hello.there you", []),
        ("mail ann@example.org", []),
        ("v1.2.3 e.g. this", []),
    ],
)
def test_links_and_their_hosts(content: str, hosts: list[str]) -> None:
    assert [link.host for link in links(content)] == hosts


def test_links_are_judged_only_when_asked() -> None:
    content = "see https://example.org/x."
    assert Engine.build([]).judge_one(Item(1, content)).verdict == "approve"
    strict = Engine.build([], policy=Policy(link="hold"))
    assert found(content, strict) == ["https://example.org/x"]


@pytest.mark.parametrize(
    "unit", ["1", "a@", "+49 30 ", "a.", "x ", "4111-", "+1 2", "1234567 ", "http://", "$", "lI1!"]
)
def test_a_hostile_text_costs_no_more_than_its_length(unit: str) -> None:
    judge = engine(region="DE", budget=Budget(max_chars=10**6, seconds=60))
    short, long = unit * (5_000 // len(unit)), unit * (20_000 // len(unit))

    def cost(content: str) -> float:
        began = time.process_time()
        judge.judge_one(Item(1, content))
        return time.process_time() - began

    # Four times the length: linear is four times the time, quadratic sixteen.
    for _ in range(5):
        if cost(long) <= 9 * max(cost(short), 0.001):
            return
    pytest.fail("the time grows faster than the text")
