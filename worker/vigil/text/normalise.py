"""See through disguises: leet, stretched letters, letters spaced apart; with a way back.

Every view remembers which character of the original each of its own came from, so that a match
can be shown in what the person wrote.
"""

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick

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
_LEET_WORD = re.compile(r"[0-9@$!|+€£¢¥](?:(?=[^\W\d_])|(?<=[^\W\d_][0-9@$€£¢¥]))")
# Cheap, and true of every text that the costlier pattern is in.
_TRIPLED = AhoCorasick([letter * 3 for letter in string.ascii_lowercase])
_TWO_APART = re.compile(r" (\S)\1* (\S)\2*(?!\S)")
_DIGITS = frozenset("0123456789")

# A character, the index of the original it was read from, and whether it is a digit. A plain
# tuple, because a text has many.
Letter = tuple[str, int, bool]


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
    return _LEET_WORD.search(content) is not None or stretched(folded) or apart(folded)


def stretched(folded: str) -> bool:
    """Whether a letter stands three times in a row."""
    if folded.isascii():
        return bool(_TRIPLED.find_matches_as_indexes(folded))
    return _STRETCHED.search(folded) is not None


def apart(folded: str) -> bool:
    """Whether three words in a row are one letter each."""
    return _TWO_APART.search(folded) is not None and _APART.search(folded) is not None


def views(content: str) -> tuple[View, ...]:
    """The readings of a text: one, or two where a sign may stand for i or l."""
    readings = [LEET]
    if not EITHER_I_OR_L.isdisjoint(content):
        readings.append(LEET | dict.fromkeys(EITHER_I_OR_L, "l"))
    return tuple(_press(_together(list(_words(content, leet)), leet)) for leet in readings)


def _words(content: str, leet: dict[str, str]) -> Iterator[list[Letter]]:
    word: list[Letter] = []
    for index, char in enumerate(content):
        if char in leet and not char.isdigit() and _inside(content, index, leet):
            word.append((leet[char], index, False))
            continue
        for image in FOLDS.get(ord(char), char):
            if image != " ":
                word.append((image, index, image in _DIGITS))
            elif word:
                yield _read_digits(word, leet)
                word = []
    if word:
        yield _read_digits(word, leet)


def _inside(content: str, index: int, leet: dict[str, str]) -> bool:
    """Whether the sign at `index` belongs to a word, and is not its punctuation."""
    following = content[index + 1 : index + 2]
    if following.isalnum() or following in leet:
        return True
    before = content[max(index - 1, 0)]
    return content[index] not in NEVER_LAST and (before.isalnum() or before in leet)


def _read_digits(word: list[Letter], leet: dict[str, str]) -> list[Letter]:
    """Digits among letters are letters; a number stays a number."""
    digits = [digit for _, _, digit in word]
    if all(digits) or not any(digits):
        return word
    return [
        (leet.get(char, char), at, False) if digit else (char, at, digit)
        for char, at, digit in word
    ]


def _single(word: list[Letter]) -> bool:
    first = word[0][0]
    return len(word) == 1 or (word[1][0] == first and all(char == first for char, _, _ in word))


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
            if whole[0][0] in ONE_LETTER_WORDS and end - index > 3:
                joined.append(words[index])
                joined.append(whole[len(words[index]) :])
            joined.append(whole)
        index = end
    return joined


def _press(words: list[list[Letter]]) -> View:
    """Press runs together, with one space around each word."""
    text, counts, first, last = [" "], [1], [0], [0]
    for word in words:
        previous = " "
        for char, origin, _ in word:
            if char == previous:
                counts[-1] += 1
                last[-1] = origin
            else:
                text.append(char)
                counts.append(1)
                first.append(origin)
                last.append(origin)
                previous = char
        text.append(" ")
        counts.append(1)
        first.append(word[-1][1])
        last.append(word[-1][1])
    return View("".join(text), tuple(counts), tuple(first), tuple(last))


def same_runs(seen: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """A run is as long as the term's, or plainly stretched: `good` is not `god`, `goood` is."""
    return all(s == w or (s >= 3 and s >= w) for s, w in zip(seen, wanted, strict=True))


__all__ = ["View", "disguised", "fold", "fold_with_origins", "same_runs", "views"]
