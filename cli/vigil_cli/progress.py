"""A sign of life for work that takes longer than a second, on stderr and never in a pipe."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator

from rich.console import Console

from vigil_cli.output import say

_PATIENCE = 1.0


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Show a spinner (on a terminal) or say `what` once, but only if the body takes a while."""
    status = Console(stderr=True).status(what)
    shown = threading.Event()

    def show() -> None:
        if sys.stderr.isatty():
            shown.set()
            status.start()
        else:
            say(f"{what} …")

    timer = threading.Timer(_PATIENCE, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if shown.is_set():
            status.stop()
