"""The generated pages say what the code does today."""

from __future__ import annotations

import re
from pathlib import Path

from tests import docs
from tests.support.database import Database


def test_the_generated_pages_are_fresh(db: Database, root: Path) -> None:
    stale = [
        name
        for name, text in docs.pages(db).items()
        if not (root / "docs" / name).exists() or (root / "docs" / name).read_text() != text
    ]
    assert stale == [], "Try: make docs"


def test_every_setting_and_error_is_explained(db: Database) -> None:
    unexplained = db.owner().column(
        "select attname::text from pg_attribute where attrelid = 'vigil.settings'::regclass and attnum > 0"
        " and attname <> 'only_row' and col_description(attrelid, attnum) is null"
    )
    assert unexplained == []
    raised = set(re.findall(r"`(VG\d{3})`", docs.errors()))
    assert raised == set(docs.MEANING)


def test_links_in_the_docs_lead_somewhere(root: Path) -> None:
    broken = []
    for page in [*root.glob("*.md"), *(root / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_the_architecture_names_what_exists(db: Database, root: Path) -> None:
    page = (root / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"`((?:vigil|public)\.\w+)`", page))
    assert len(named) > 15
    there = set(
        db.superuser().column(
            "select n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
            " union select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        )
    )
    assert named - there == set()
    triggers = set(re.findall(r"`((?:zzz_)?vigil_\d+_\w+)`", page))
    assert triggers <= set(db.superuser().column("select tgname::text from pg_trigger"))
