"""`vigil` without the cost of a process: the same entry, streams of its own, a given environment."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from vigil_cli import app


@dataclass(frozen=True)
class Ran:
    """What one command line did."""

    code: int
    out: bytes
    err: bytes


def run_vigil(
    arguments: Sequence[str], *, environ: Mapping[str, str], directory: Path, stdin: bytes = b""
) -> Ran:
    """Run one command line here, as `vigil` would; only the start of the interpreter is missing."""
    with tempfile.TemporaryDirectory() as place:
        given, out, err = (Path(place) / name for name in ("in", "out", "err"))
        given.write_bytes(stdin)
        with (
            mock.patch.dict(os.environ, environ, clear=True),
            contextlib.chdir(directory),
            _streams(given, out, err),
        ):
            try:
                app.main(arguments)
            except SystemExit as ended:
                code = ended.code
        assert isinstance(code, int), code
        return Ran(code, out.read_bytes(), err.read_bytes())


@contextlib.contextmanager
def _streams(given: Path, out: Path, err: Path) -> Iterator[None]:
    with (
        given.open(encoding="utf-8") as stdin,
        out.open("w", encoding="utf-8") as stdout,
        err.open("w", encoding="utf-8") as stderr,
        mock.patch.multiple(sys, stdin=stdin, stdout=stdout, stderr=stderr),
    ):
        yield
