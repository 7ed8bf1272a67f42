"""The project in front of us: its local stack, if one was set up, and its migrations."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LocalProject:
    """How to reach the local stack of the current project."""

    url: str
    key: str
    db_url: str
    worker_environment: dict[str, str]

    def __repr__(self) -> str:
        return f"LocalProject(url={self.url!r})"


def local_project() -> LocalProject | None:
    """The local stack of the current project, or None when none was set up."""
    if find_spec("vigil_cli.local.state") is None:
        return None
    return None


def migrations_directory() -> Path:
    """Where this version's migrations lie: in the checkout, or in the installed package."""
    here = Path(__file__).resolve()
    checkout = here.parents[2] / "supabase" / "migrations"
    return checkout if checkout.is_dir() else here.parent / "_project" / "supabase" / "migrations"
