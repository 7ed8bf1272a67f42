"""Where a stack keeps its things: everything lies below `.vigil/` of the project."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import vigil_cli
from vigil_cli.local.errors import LocalStackError

_PACKAGE = Path(vigil_cli.__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one stack."""

    root: Path
    project: Path

    @classmethod
    def find(cls, directory: Path | None = None) -> Layout:
        """The stack of `directory`, else of the checkout this runs from, else of the current one.

        The migrations come from the directory's own `supabase/`, or those Vigil ships.
        """
        checkout = _checkout()
        base = (directory or checkout or Path.cwd()).absolute()
        own = (base / "supabase" / "migrations").is_dir()
        return cls(base / ".vigil", base if own else checkout or _PACKAGE / "_project")

    @property
    def cluster(self) -> Path:
        return self.root / "postgres"

    @property
    def node(self) -> Path:
        return self.root / "node"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def keys(self) -> Path:
        return self.root / "keys.json"

    def jwks(self) -> object:
        """The public keys a developer put beside the stack's own secrets, for Realtime alone."""
        file = self.root / "jwks.json"
        if not file.exists():
            return None
        try:
            found = json.loads(file.read_text())
            if isinstance(found["keys"], list):
                return found
        except (ValueError, KeyError, TypeError):
            pass  # said below, like keys of another shape
        raise LocalStackError(
            f"{file} is not a JSON Web Key Set.",
            hint=f'give it the shape {{"keys": [...]}}, or delete {file}',
        )

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    def config(self, service: str) -> Path:
        """What a service is told at start; holds secrets."""
        return self.root / f"{service}.json"

    def log(self, service: str) -> Path:
        """What a service has to say."""
        return self.cluster / "postgres.log" if service == "postgres" else (
            self.logs / f"{service}.log"
        )  # fmt: skip

    @property
    def migrations(self) -> list[Path]:
        """The migrations to apply, in their order."""
        return sorted((self.project / "supabase" / "migrations").glob("*.sql"))

    def migrations_digest(self) -> str:
        """Changes whenever a migration is added, removed or edited."""
        return digest(*self.migrations)

    def make(self) -> None:
        """Create the directories; only the owner may list them."""
        self.root.mkdir(parents=True, exist_ok=True)
        # Root's Postgres runs as another account, which must pass through, and no more.
        self.root.chmod(0o711 if os.geteuid() == 0 else 0o700)
        for directory in (self.logs, self.node):
            directory.mkdir(exist_ok=True, mode=0o700)


def digest(*files: Path) -> str:
    """One value for the names and contents of some files."""
    total = hashlib.sha256()
    for file in files:
        total.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]


def _checkout() -> Path | None:
    base = _PACKAGE.parents[1]
    found = (base / "pyproject.toml").is_file() and (base / "supabase" / "config.toml").is_file()
    return base if found else None
