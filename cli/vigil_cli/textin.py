"""Text that comes in, refused when no database could hold it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vigil_cli.errors import FailedError, MisusedError
from vigil_cli.output import escape

_LARGEST = 64 * 1024 * 1024


def read_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments as text, whatever the locale made of them; bytes that are none are refused."""
    return [check_text(_reread(argument), "an argument") for argument in arguments]


def check_text(text: str, what: str, *, secret: bool = False) -> str:
    """`text` itself, unless it holds NUL or half a character; a secret is never repeated."""
    shown = "" if secret else f": {_shortened(text)}"
    if "\x00" in text:
        raise MisusedError(
            f"{what} holds a NUL byte, which no message can hold{shown}",
            advice="the same without it",
        )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise MisusedError(
            f"{what} is not UTF-8 text{shown}",
            advice="a terminal or a file in UTF-8",
        )
    return text


def read_file(path: Path) -> str:
    """The text of a file, `-` meaning standard input; a byte order mark is dropped."""
    if str(path) == "-":
        return read_stdin()
    try:
        if path.is_dir():
            raise MisusedError(f"{path} is a directory", advice="the path of a file")
        if path.is_file() and path.stat().st_size > _LARGEST:
            raise MisusedError(
                f"{path} is larger than {_LARGEST // 1024**2} MiB", advice="several smaller files"
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise MisusedError(f"there is no file {path}", advice="the path of a file") from None
    except OSError as error:
        raise FailedError(
            f"cannot read {path}: {error.strerror or error}", advice=f"ls -l '{path}'"
        ) from None
    return _decoded(content, str(path))


def read_stdin() -> str:
    """All of standard input."""
    return _decoded(sys.stdin.buffer.read(_LARGEST), "standard input")


def _decoded(content: bytes, source: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise MisusedError(f"{source} is UTF-16", advice="saving it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise MisusedError(
            f"{source} is not UTF-8 at line {line}",
            advice="saving it as UTF-8",
            facts={"line": line},
        ) from None
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise MisusedError(
            f"{source} holds a NUL byte at line {line}",
            advice="the same text without it",
            facts={"line": line},
        )
    return text


def _reread(argument: str) -> str:
    """A locale that is not UTF-8 turns good UTF-8 into half characters; take the bytes again."""
    try:
        return os.fsencode(argument).decode("utf-8")
    except UnicodeError:
        return argument


def _shortened(text: str) -> str:
    return escape(text[:60].replace("\x00", ""))
