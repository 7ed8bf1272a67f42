"""What can go wrong, sorted by what the caller of `vigil` should do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DONE = 0
FAILED = 1
MISUSED = 2
REFUSED = 3


class CliError(Exception):
    """An error with one sentence, a next step and an exit code; never shown as a traceback."""

    exit_code = FAILED

    def __init__(
        self,
        message: str,
        *,
        advice: str,
        code: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.code = code
        self.facts = dict(facts or {})

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` writes to stderr."""
        return {
            "error": {
                "message": self.message,
                "code": self.code,
                "try": self.advice,
                "exit_code": self.exit_code,
                **self.facts,
            }
        }


class FailedError(CliError):
    """It could not be done now: the server, the network, the disk or the schema."""

    exit_code = FAILED


class MisusedError(CliError):
    """The command was wrong as typed; typing it again will not help."""

    exit_code = MISUSED


class RefusedError(CliError):
    """The database understood the request and its policy says no."""

    exit_code = REFUSED
