"""Generate the fold table that Python and PostgreSQL share.

`python -m vigil.text.generate_fold CHECKOUT` rewrites both files. Each code point folds by itself
to a short text, to a separator or to nothing, so the two sides cannot disagree about context.
"""

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

TABLE_VERSION = 1

# Shapes taken for Latin letters that Unicode neither decomposes nor names after them. Written in
# the case-folded form, so that an upper and a lower case letter always fold alike.
LOOKALIKES = {
    "a": "аαɑᎪꓮ",
    "b": "вβƅꞵᏴꓐ",
    "c": "сᏟꓚϲ",
    "d": "ԁðᎠᏧꓓ",
    "e": "еєҽεɛᎬꓰ",
    "f": "ꓝϝ",
    "g": "ɡցԍᏀꓖ",
    "h": "нһհᎻꓧ",
    "i": "іιɩᎥꓲ",
    "j": "јյϳᎫꓙ",
    "k": "кκĸᏦꓗ",
    "l": "ӏᏞꓡ",
    "m": "мμᎷꓟ",
    "n": "ηոŋꓠ",
    "o": "оοօөסꓳ",
    "p": "рρƿᏢꓑ",
    "q": "ԛզ",
    "r": "гᎡꓣ",
    "s": "ѕƨᏚꓢ",
    "t": "тτᎢꓔ",
    "u": "υսꓴ",
    "v": "νѵᏙꓦ",
    "w": "ԝѡᎳꓪ",
    "x": "хχꭓꓫ",
    "y": "уүұγɣᎩꓬ",
    "z": "ζʒᏃꓜ",
    "ae": "æӕ",
    "oe": "œ",
    "4": "Ꮞ",
}
# Letters whose names hold the Latin letter they look like; symbols that stand for a letter.
NAMED_AFTER = re.compile(
    r"(?:LATIN (?:CAPITAL|SMALL) LETTER (?:DOTLESS )?(?P<letter>[A-Z])(?: WITH .*)?"
    r"|LATIN LETTER SMALL CAPITAL (?P<small>[A-Z])"
    r"|NEGATIVE (?:CIRCLED|SQUARED) LATIN CAPITAL LETTER (?P<negative>[A-Z])"
    r"|REGIONAL INDICATOR SYMBOL LETTER (?P<regional>[A-Z]))"
)
# Accents, points and enclosing marks. Vowel signs of other scripts are letters and stay.
ACCENTS = (
    (0x0300, 0x036F), (0x0483, 0x0489), (0x0591, 0x05C7), (0x0610, 0x061A), (0x0640, 0x0640),
    (0x064B, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06ED), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF), (0xFE20, 0xFE2F),
)  # fmt: skip
# Invisible by default, including code points that are not assigned yet.
INVISIBLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
TATWEEL = "\u0640"  # stretches Arabic words, and is called a letter
HANGUL = range(0xAC00, 0xD7A4)
SURROGATES = range(0xD800, 0xE000)
Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class FoldTable:
    """Every code point that does not fold to itself, ASCII letters aside."""

    unicode_version: str
    letters: dict[str, str]
    separators: Ranges
    dropped: Ranges


def _invisible(char: str) -> bool:
    point, category = ord(char), unicodedata.category(char)
    accent = point in _ACCENTS and (category in ("Mn", "Me") or char == TATWEEL)
    return accent or category == "Cf" or point in _INVISIBLE


def _image_once(char: str, lookalikes: dict[str, str]) -> str:
    category = unicodedata.category(char)
    if _invisible(char):
        return ""
    if char in lookalikes:
        return lookalikes[char]
    if named := NAMED_AFTER.fullmatch(unicodedata.name(char, "")):
        return next(group for group in named.groups() if group).lower()
    if category == "Nd":
        return str(unicodedata.digit(char))
    return " " if category[0] in "PSZ" or category == "Cc" else char


def _image(char: str, lookalikes: dict[str, str]) -> str:
    """What one code point folds to; the answer folds to itself."""
    image = char
    for _ in range(8):
        plain = unicodedata.normalize("NFKD", image) if image not in _HANGUL_TEXT else image
        plain = unicodedata.normalize("NFKD", plain.casefold())
        after = "".join(_image_once(each, lookalikes) for each in plain)
        if after == image:
            return image
        image = after
    raise ValueError(f"U+{ord(char):04X} does not settle: drop it from LOOKALIKES")


_ACCENTS = frozenset(point for first, last in ACCENTS for point in range(first, last + 1))
_INVISIBLE = frozenset(point for first, last in INVISIBLE for point in range(first, last + 1))
_HANGUL_TEXT = frozenset(chr(point) for point in HANGUL)


def _ranges(points: Iterable[int]) -> Ranges:
    found: list[tuple[int, int]] = []
    for point in sorted(points):
        if found and found[-1][1] == point - 1:
            found[-1] = (found[-1][0], point)
        else:
            found.append((point, point))
    return tuple(found)


def build() -> FoldTable:
    """The table of this Python's Unicode data."""
    lookalikes = {shape: latin for latin, shapes in LOOKALIKES.items() for shape in shapes}
    letters: dict[str, str] = {}
    separators: list[int] = []
    dropped: list[int] = []
    for point in range(sys.maxunicode + 1):
        char = chr(point)
        if point in SURROGATES or point in HANGUL or (char.isascii() and char.isalnum()):
            continue
        image = _image(char, lookalikes)
        if not image:
            dropped.append(point)
        elif not image.strip(" "):
            separators.append(point)
        elif image != char:
            letters[char] = re.sub(" +", " ", image)
    return FoldTable(unicodedata.unidata_version, letters, _ranges(separators), _ranges(dropped))


def _wrapped(pieces: Iterable[str], width: int = 96) -> Iterator[str]:
    line = ""
    for piece in pieces:
        if line and len(line) + len(piece) > width:
            yield line
            line = ""
        line += piece
    yield line


def render_python(table: FoldTable) -> str:
    """The module `fold_table`."""
    letters = (f"{ascii(c)[1:-1]}{ascii(i)[1:-1]}\\n" for c, i in table.letters.items())
    lines = [
        "# ruff: noqa: E501",
        '"""Generated by generate_fold.py from the Unicode Character Database; do not edit."""',
        "",
        f'TABLE_VERSION = "{TABLE_VERSION}"',
        f'UNICODE_VERSION = "{table.unicode_version}"',
        "# One line per code point: itself, then what it folds to.",
        "LETTERS = (",
        *(f'    "{line}"' for line in _wrapped(letters, 88)),
        ")",
    ]
    for name, ranges in (("SEPARATORS", table.separators), ("DROPPED", table.dropped)):
        lines += ["# First and last code point of each range.", f"{name} = ("]
        lines += [f'    "{line}"' for line in _wrapped((f"{a:X}-{z:X} " for a, z in ranges), 92)]
        lines.append(")")
    return "\n".join(lines) + "\n"


def _sql_class(ranges: Ranges) -> str:
    def entry(point: int) -> str:
        return f"\\u{point:04X}" if point <= 0xFFFF else f"\\U{point:08X}"

    return "".join(
        entry(a) if a == z else f"{entry(a)}-{entry(z)}" for a, z in ranges if a > 0x7F or z > 0x7F
    )


SQL = r"""-- Generated by `python -m vigil.text.generate_fold`; do not edit. Fold table {version}, Unicode {ucd}.
create or replace function vigil.fold(content text) returns text
    language plpgsql immutable strict parallel safe
    set search_path = ''
as $fold$
declare
    -- Ranges go by code point. The C collation lowers ASCII alone and no locale is asked.
    folded text := lower(content collate "C");
begin
    if octet_length(folded) > length(folded) then
        folded := array_to_string(array(
            select coalesce(
                '{letters}'::jsonb ->> c.ch, c.ch)
            from unnest(string_to_array(folded, null)) as c(ch)
        ), '');
        folded := regexp_replace(folded,
            '[{dropped}]+',
            '', 'g');
        folded := regexp_replace(folded,
            '[\u0001-\u002F\u003A-\u0060\u007B-\u007F{separators}]+',
            ' ', 'g');
        return btrim(folded, ' ');
    end if;
    return {ascii};
end;
$fold$;
comment on function vigil.fold(text) is
    'Words as they are compared: look-alikes, accents, case and invisible characters folded away, one space between words. Equal to the worker''s vigil.text.fold.fold() on every text.';
revoke all on function vigil.fold(text) from public;
"""  # noqa: E501
# A lone space is already right: a match costs more than the rest of the scan.
ASCII_FOLD = "btrim(regexp_replace(folded, ' *[^a-z0-9 ][^a-z0-9]*| {2,}', ' ', 'g'), ' ')"


def render_sql(table: FoldTable) -> str:
    """The file `sql/functions/fold.sql`; ASCII only, so that no client encoding can spoil it."""
    pairs = [f"{json.dumps(c)}:{json.dumps(i)}" for c, i in table.letters.items()]
    letters = "\n".join(_wrapped([f"{pair}," for pair in pairs[:-1]] + [pairs[-1]]))
    text = SQL
    for name, value in {
        "version": str(TABLE_VERSION),
        "ucd": table.unicode_version,
        "letters": "{" + letters + "}",
        "dropped": _sql_class(table.dropped),
        "separators": _sql_class(table.separators),
        "ascii": ASCII_FOLD,
    }.items():
        text = text.replace("{" + name + "}", value)
    return text


def main(checkout: Path) -> None:
    """Write both generated files into a checkout."""
    table = build()
    here = checkout / "worker" / "vigil" / "text" / "fold_table.py"
    here.write_text(render_python(table), encoding="ascii")
    there = checkout / "sql" / "functions" / "fold.sql"
    there.write_text(render_sql(table), encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
