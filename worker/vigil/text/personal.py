"""Personal data in a text: phone numbers, e-mail addresses, payment cards."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from phonenumbers import Leniency, PhoneNumberMatcher

# Addresses longer than the standard allows are not addresses; bounds keep matching linear.
_EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)
_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d])")
# In every text with a phone number or a card.
_NUMBER = re.compile(r"(?:\d[^\da-z]{0,3}){6}\d")
# Every detector needs a digit or an at sign, in whatever width or script.
_HINT = re.compile("[\\d@\uff20]")
# First digits and lengths of the networks people pay with.
_NETWORKS = (
    (re.compile(r"4"), frozenset({13, 16, 19})),
    (re.compile(r"5[1-5]|2(?:2[2-9]|[3-6]|7[01]|720)"), frozenset({16})),
    (re.compile(r"3[47]"), frozenset({15})),
    (re.compile(r"3(?:0[0-5]|[68])"), frozenset({14})),
    (re.compile(r"6(?:011|4[4-9]|5)"), frozenset({16, 19})),
    (re.compile(r"35(?:2[89]|[3-8])"), frozenset({16})),
    (re.compile(r"62"), frozenset({16, 17, 18, 19})),
    (re.compile(r"(?:50|5[6-9]|6)"), frozenset({16, 18, 19})),
)
_WIDE = {point: chr(point - 0xFEE0) for point in range(0xFF01, 0xFF5F)} | {
    0x3000: " ", 0x2010: "-", 0x2011: "-", 0x2012: "-", 0x2013: "-", 0x2212: "-", 0x00A0: " ",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Personal:
    """A piece of personal data at `start` to `end` of the original text."""

    kind: str
    start: int
    end: int


def legible(content: str) -> str:
    """Digits and signs of other scripts as ASCII, character by character: offsets stay."""
    if content.isascii():
        return content
    return "".join(
        str(unicodedata.digit(char)) if char.isdecimal() else char
        for char in content.translate(_WIDE)
    )


def luhn(digits: str) -> bool:
    """Whether the check digit at the end is right."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def emails(text: str) -> Iterator[Personal]:
    """E-mail addresses."""
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield Personal("email", match.start(), match.end())


def cards(text: str) -> Iterator[Personal]:
    """Numbers that are payment cards by length, network and check digit."""
    for match in _CARD.finditer(text):
        digits = re.sub("[ -]", "", match.group())
        known = any(
            prefix.match(digits) and len(digits) in lengths for prefix, lengths in _NETWORKS
        )
        if known and len(set(digits)) > 1 and luhn(digits):
            yield Personal("card", match.start(), match.end())


def phones(
    text: str, region: str | None, in_time: Callable[[], bool] = lambda: True
) -> Iterator[Personal]:
    """Valid phone numbers: with +, or national ones of `region`; stops when time is up."""
    for match in PhoneNumberMatcher(text, region, leniency=Leniency.VALID, max_tries=200):
        yield Personal("phone", match.start, match.end)
        if not in_time():
            return


def personal(
    content: str, region: str | None = None, in_time: Callable[[], bool] = lambda: True
) -> list[Personal]:
    """Everything found; what is a card or lies in an address is not a phone number too."""
    if not _HINT.search(content):
        return []
    text = legible(content)
    found = [*emails(text)]
    if _NUMBER.search(text):
        found += cards(text)
        for phone in phones(text, region, in_time):
            if not any(other.start < phone.end and phone.start < other.end for other in found):
                found.append(phone)
    return sorted(found, key=lambda each: each.start)
