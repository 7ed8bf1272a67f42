"""Fold text for comparison, exactly as `vigil.fold` does in the database."""

from vigil.text.fold_table import DROPPED, LETTERS, SEPARATORS, TABLE_VERSION, UNICODE_VERSION

FOLD_VERSION = f"{TABLE_VERSION}-{UNICODE_VERSION}"


def _build() -> dict[int, str]:
    table = {ord(line[0]): line[1:] for line in LETTERS.split("\n") if line}
    for image, ranges in ((" ", SEPARATORS), ("", DROPPED)):
        for entry in ranges.split():
            first, last = (int(point, 16) for point in entry.split("-"))
            table.update(dict.fromkeys(range(first, last + 1), image))
    table.update({point: chr(point + 32) for point in range(ord("A"), ord("Z") + 1)})
    return table


FOLDS = _build()


def fold(content: str) -> str:
    """Words as they are compared, one space apart; folding twice changes nothing."""
    folded = content.translate(FOLDS)
    # Each round halves a run of spaces; splitting would make a string of every word.
    while "  " in folded:
        folded = folded.replace("  ", " ")
    return folded.strip(" ")
