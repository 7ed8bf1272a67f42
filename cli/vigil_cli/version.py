"""The version of this tool, as the audit log records it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def cli_version() -> str:
    """The installed version, or `0+unknown` when run from files that were never installed."""
    try:
        return version("vigil-safety")
    except PackageNotFoundError:
        return "0+unknown"


def tool_name() -> str:
    """What acts through the database are recorded as."""
    return f"vigil-cli/{cli_version()}"
