"""The project in front of us: its local stack, if one was set up, and its migrations."""

from __future__ import annotations

from dataclasses import dataclass
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
    from vigil_cli.local.errors import LocalStackError
    from vigil_cli.local.layout import Layout
    from vigil_cli.local.stack import Stack

    here = Layout.find(Path.cwd())
    layout = here if here.state.exists() else Layout.find()
    if not layout.state.exists():
        return None
    try:
        values = Stack(layout).env()
    except LocalStackError:
        return None  # set up halfway; `vigil local up` says what is wrong with it
    return LocalProject(
        url=values["API_URL"],
        key=values["PUBLISHABLE_KEY"],
        db_url=values["DB_URL"],
        worker_environment={
            name: value for name, value in values.items() if name.startswith("VIGIL_")
        },
    )


def migrations_directory() -> Path:
    """Where this version's migrations lie: in the checkout, or in the installed package."""
    here = Path(__file__).resolve()
    checkout = here.parents[2] / "supabase" / "migrations"
    return checkout if checkout.is_dir() else here.parent / "_project" / "supabase" / "migrations"
