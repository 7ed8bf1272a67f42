"""This version's migrations against those a database has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vigil.version import NEWEST_SCHEMA
from vigil_cli.database import State
from vigil_cli.errors import CliError, FailedError
from vigil_cli.project import migrations_directory

_FILE = re.compile(r"(\d{14})_([a-z0-9_]+)\.sql", re.ASCII)
Standing = Literal["current", "behind", "ahead", "absent"]


@dataclass(frozen=True, slots=True)
class Report:
    """Every migration known to either side, and the database's own findings."""

    migrations: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    schema_version: int | None

    @property
    def pending(self) -> list[dict[str, Any]]:
        """What this version has and the database has not."""
        return [row for row in self.migrations if row["state"] == "pending"]

    @property
    def ahead(self) -> bool:
        """Whether a Vigil newer than this one has changed the database."""
        return self.schema_version is not None and self.schema_version > NEWEST_SCHEMA

    @property
    def standing(self) -> Standing:
        """Where the database stands against this version."""
        if self.ahead:
            return "ahead"
        if self.pending:
            applied = any(row["state"] == "applied" for row in self.migrations)
            return "behind" if applied else "absent"
        return "current"

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The checks the database fails."""
        return [row for row in self.checks if not row["ok"]]

    def problem(self) -> CliError | None:
        """What is wrong and what to do about it, or None."""
        if self.ahead:
            return FailedError(
                f"the database is ahead of this vigil: it is at schema {self.schema_version},"
                f" and {NEWEST_SCHEMA} is the newest known here",
                advice="upgrading vigil and the workers to the version that made it",
                code="VG302",
            )
        if self.pending:
            count = len(self.pending)
            what = "has no Vigil yet" if self.standing == "absent" else "is behind this vigil"
            return FailedError(
                f"the database {what}: {count} migrations are pending",
                advice="vigil db migrate",
                code="VG302",
            )
        if self.failed:
            names = ", ".join(str(row["check_name"]) for row in self.failed)
            return FailedError(
                f"{len(self.failed)} checks fail: {names}",
                advice="what the detail of each check says",
                code="inspect",
            )
        return None

    def as_json(self, where: str) -> dict[str, Any]:
        """The report for scripts."""
        return {
            "database": where,
            "state": self.standing,
            "ok": self.problem() is None,
            "schema_version": self.schema_version,
            "migrations": self.migrations,
            "checks": self.checks,
        }


def compare(state: State, directory: Path | None = None) -> Report:
    """Line the two sides up. What is not ours belongs to the app, or to a Vigil newer than this."""
    ours = shipped(directory or migrations_directory())
    rows = []
    for version in sorted({*ours, *state.applied}):
        name = ours.get(version) or state.applied.get(version, "")
        if version in ours:
            standing = "applied" if version in state.applied else "pending"
        else:
            standing = "other"
        rows.append({"version": version, "name": name, "state": standing})
    return Report(rows, state.checks, state.schema_version)


def shipped(directory: Path) -> dict[str, str]:
    """The migrations of this version: version to name."""
    found = {}
    for path in sorted(directory.glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is not None:
            found[match[1]] = match[2]
    if not found:
        raise FailedError(
            f"this installation has no migrations in {directory}", advice="installing vigil again"
        )
    return found


def push(url: str) -> None:
    """Apply what is pending, as the Supabase CLI does on a hosted project."""
    from vigil_cli.local import supabase_cli

    supabase_cli.push(url, migrations_directory().parents[1])
