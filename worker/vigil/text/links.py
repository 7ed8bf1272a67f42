"""Links in a text, with and without a scheme."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Bare names count as links only under endings that people type and that are no English words.
_ENDINGS = (
    "com|org|net|info|biz|edu|gov|io|co|app|dev|xyz|site|online|shop|club|link|top|ru|de|uk|fr|nl"
    "|it|es|pl|eu|ch|at|be|cz|se|dk|fi|pt|gr|tr|ua|ca|au|nz|us|br|mx|cn|jp|kr|ly|gg|tv"
)
_LINK = re.compile(
    r"(?<![\w@.-])(?:"
    r"(?:https?|ftp)://(?P<host>[^\s/?#\"'<>]{1,253})"
    r"|(?P<www>www\.(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24})"
    rf"|(?P<bare>(?:[a-z0-9-]{{1,63}}\.){{1,8}}(?:{_ENDINGS}))(?![\w.@-])"
    r")(?:[/?#][^\s\"'<>]{0,2000})?",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?)]}'\""


@dataclass(frozen=True, slots=True)
class Link:
    """A link at `start` to `end` of the original text, and the host it leads to."""

    host: str
    start: int
    end: int


def links(content: str) -> Iterator[Link]:
    """Links in order; punctuation that ends the sentence is not part of them."""
    if "." not in content and "://" not in content:
        return
    for match in _LINK.finditer(content):
        host = match["host"] or match["www"] or match["bare"]
        host = host.rpartition("@")[2].partition(":")[0].rstrip(_TRAILING).lower()
        end = match.start() + len(match.group().rstrip(_TRAILING))
        if host:
            yield Link(host, match.start(), end)
