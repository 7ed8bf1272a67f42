"""The one error the local stack raises on purpose: what is wrong, and what to try."""

from __future__ import annotations


class LocalStackError(Exception):
    """Something a person can put right; `hint` says how."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.args[0]}\n  Try: {self.hint}"

    @property
    def problem(self) -> str:
        """The message without the hint."""
        return str(self.args[0])
