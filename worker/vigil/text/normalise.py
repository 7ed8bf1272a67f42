"""See through disguises: leet, stretched letters, letters spaced apart; with a way back.

Every view remembers which character of the original each of its own came from, so that a match
can be shown in what the person wrote.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vigil.text.fold import FOLDS, fold

LEET = {
    "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "i", "|": "i", "+": "t", "€": "e", "£": "l", "¢": "c", "¥": "y",
}  # fmt: skip
# Written for either letter, so both readings are tried.
EITHER_I_OR_L = frozenset("1!|")
# At the end of a word these are punctuation.
NEVER_LAST = frozenset("!|+")
# A word that may stand alone before a word whose letters are spaced apart.
ONE_LETTER_WORDS = frozenset("ia")

_STRETCHED = re.compile(r"([^\W\d_])\1\1")
_APART = re.compile(r"(?<!\S)(?:(\S)\1* ){2,}(\S)\2*(?!\S)")
# A sign that may only stand inside a word shows by the letter after it.
_LEET_WORD = re.compile(r"[^\W\d_][0-9@$€£¢¥]|[0-9@$!|+€£¢¥][^\W\d_]")


@dataclass(frozen=True, slots=True)
class Letter:
    """One character read from the original at `origin`."""

    char: str
    origin: int
    digit: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """Letters with runs pressed together; `counts` keeps how long each run was."""

    text: str
    counts: tuple[int, ...]
    first: tuple[int, ...]
    last: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a match of this view lies in the original."""
        return self.first[start], self.last[end - 1] + 1


def fold_with_origins(content: str) -> tuple[str, list[int]]:
    """`fold(content)` and, for each of its characters, the index it came from."""
    chars: list[str] = []
    origins: list[int] = []
    for index, char in enumerate(content):
        for image in FOLDS.get(ord(char), char):
            if image == " " and (not chars or chars[-1] == " "):
                continue
            chars.append(image)
            origins.append(index)
    if chars and chars[-1] == " ":
        chars.pop()
        origins.pop()
    return "".join(chars), origins


def disguised(content: str, folded: str) -> bool:
    """Whether a deeper look can find anything that the folded text does not show."""
    return (
        _LEET_WORD.search(content) is not None
        or _STRETCHED.search(folded) is not None
        or _APART.search(folded) is not None
    )


def views(content: str) -> tuple[View, ...]:
    """The readings of a text: one, or two where a sign may stand for i or l."""
    readings = [LEET]
    if not EITHER_I_OR_L.isdisjoint(content):
        readings.append(LEET | dict.fromkeys(EITHER_I_OR_L, "l"))
    return tuple(_press(_together(list(_words(content, leet)), leet)) for leet in readings)


def _letters(content: str, leet: dict[str, str]) -> Iterator[Letter | None]:
    """Letters in order; nothing between words."""
    for index, char in enumerate(content):
        image = FOLDS.get(ord(char), char)
        if char in leet and not char.isdigit():
            following = content[index + 1 : index + 2]
            before = content[max(index - 1, 0)]
            joined = following.isalnum() or following in leet
            if joined or (char not in NEVER_LAST and (before.isalnum() or before in leet)):
                yield Letter(leet[char], index)
                continue
        for each in image:
            yield None if each == " " else Letter(each, index, each in "0123456789")


def _words(content: str, leet: dict[str, str]) -> Iterator[list[Letter]]:
    word: list[Letter] = []
    for letter in [*_letters(content, leet), None]:
        if letter is not None:
            word.append(letter)
        elif word:
            yield _read_digits(word, leet)
            word = []


def _read_digits(word: list[Letter], leet: dict[str, str]) -> list[Letter]:
    """Digits among letters are letters; a number stays a number."""
    if all(letter.digit for letter in word):
        return word
    return [
        Letter(leet.get(letter.char, letter.char), letter.origin) if letter.digit else letter
        for letter in word
    ]


def _single(word: list[Letter]) -> bool:
    return all(letter.char == word[0].char for letter in word)


def _together(words: list[list[Letter]], leet: dict[str, str]) -> list[list[Letter]]:
    """Three or more letters standing alone in a row are read as one word."""
    joined: list[list[Letter]] = []
    index = 0
    while index < len(words):
        end = index
        while end < len(words) and _single(words[end]):
            end += 1
        if end - index < 3:
            end = max(end, index + 1)
            joined.extend(words[index:end])
        else:
            whole = _read_digits([letter for word in words[index:end] for letter in word], leet)
            if whole[0].char in ONE_LETTER_WORDS and end - index > 3:
                joined.append(words[index])
                joined.append(whole[len(words[index]) :])
            joined.append(whole)
        index = end
    return joined


def _press(words: list[list[Letter]]) -> View:
    """Press runs together, with one space around each word."""
    text, counts, first, last = [" "], [1], [0], [0]
    for word in words:
        for letter in word:
            if text[-1] == letter.char:
                counts[-1] += 1
                last[-1] = letter.origin
            else:
                text.append(letter.char)
                counts.append(1)
                first.append(letter.origin)
                last.append(letter.origin)
        text.append(" ")
        counts.append(1)
        first.append(word[-1].origin)
        last.append(word[-1].origin)
    return View("".join(text), tuple(counts), tuple(first), tuple(last))


def same_runs(seen: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """A run is as long as the term's, or plainly stretched: `good` is not `god`, `goood` is."""
    return all(s == w or (s >= 3 and s >= w) for s, w in zip(seen, wanted, strict=True))


__all__ = ["View", "disguised", "fold", "fold_with_origins", "same_runs", "views"]
