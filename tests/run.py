"""Run the tests as `make test` and `make check` do; pytest's summary is the last thing printed.

With --every-postgres the database tests run on the oldest supported system Postgres first, when there is one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ON_EVERY_POSTGRES = ("tests/integration", "tests/leaks", "tests/realtime")


def system_postgres() -> Path | None:
    """The server binaries of an installed Postgres 15 or later, by pg_config."""
    tool = shutil.which("pg_config")
    if tool is None:
        return None
    directory = Path(
        subprocess.run(
            [tool, "--bindir"], check=True, capture_output=True, text=True
        ).stdout.strip()
    )
    if not (directory / "postgres").exists() or not (directory / "initdb").exists():
        return None
    version = subprocess.run(
        [directory / "postgres", "--version"], check=True, capture_output=True, text=True
    ).stdout
    return directory if int(version.split()[2].split(".")[0]) >= 15 else None


def pytest(*arguments: str, environ: dict[str, str] | None = None) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode


def main(arguments: list[str]) -> int:
    every = "--every-postgres" in arguments
    rest = [a for a in arguments if a != "--every-postgres"]
    if every and "VIGIL_PG_BIN" not in os.environ:
        found = system_postgres()
        if found is None:
            print(
                "No system Postgres 15 or later here: the tests run on the wheel's Postgres 17 alone."
            )
        else:
            print(f"The database tests on the system's Postgres ({found}):", flush=True)
            status = pytest(
                "-q", *ON_EVERY_POSTGRES, environ={**os.environ, "VIGIL_PG_BIN": str(found)}
            )
            if status:
                return status
    coverage = (
        ["--cov", "--cov-report=term:skip-covered", "--cov-fail-under=90"] if not rest else []
    )
    return pytest(*coverage, *rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
