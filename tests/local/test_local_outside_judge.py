"""What rlsautotest, a generated tester by an author we do not know, finds in the schema: compared with what is on record."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.database import Database
from vigil_cli.local.cluster import SUPERUSER

RECORD = Path(__file__).resolve().parents[1] / "fixtures" / "outside_judge.json"
TOOL = Path(sys.executable).parent / "rlsautotest"


def ask(db: Database, *arguments: str) -> None:
    # It ends with 1 whenever it has something to say, so its reports are the answer.
    subprocess.run(
        [TOOL, *arguments, "--db-url", db.dsn(SUPERUSER), "--schema", "public"],
        capture_output=True,
        check=False,
    )


def linted(db: Database, directory: Path) -> list[str]:
    """What it reads in the policies, views and functions."""
    ask(db, "lint", "--json", str(directory / "lint.json"))
    found: list[dict[str, Any]] = json.loads((directory / "lint.json").read_text())
    return sorted(
        f"{f['severity']} {f['table']} {f['policy'] or ''}: {f['message']}" for f in found
    )


def probed(db: Database, directory: Path) -> dict[str, Any]:
    """What its generated tests expect of each table, verb and identity, and whether it came so."""
    ask(db, "--report", "--report-json", str(directory / "report.json"))
    report = json.loads((directory / "report.json").read_text())
    answers = {
        f"{table['table']} {verb} {identity}": f"expected {answer['exp']}, as expected {answer['pass']}"
        for table in report["tables"]
        for verb, identities in table.get("idgrid", {}).items()
        for identity, answer in identities.items()
    }
    exposed = [table["table"] for table in report["tables"] if not table["rls_enabled"]]
    return {"exposed": exposed, "answers": dict(sorted(answers.items()))}


def test_its_findings_are_those_on_record(db: Database, tmp_path: Path) -> None:
    found = {"lint": linted(db, tmp_path), **probed(db, tmp_path)}
    kept = json.loads(RECORD.read_text()) if RECORD.exists() else None
    if found != kept:
        (tmp_path / "outside_judge.json").write_text(json.dumps(found, indent=1) + "\n")
    assert found == kept, (
        f"Read what is new; if it is meant: cp {tmp_path}/outside_judge.json {RECORD}"
    )
    assert found["exposed"] == []


@pytest.mark.parametrize(
    "hole",
    [
        "drop policy vigil_messages_guard_select on public.messages",
        "alter policy vigil_messages_guard_select on public.messages using (true)",
        "alter policy vigil_message_reports_select on public.message_reports using (true)",
        "alter policy vigil_messaging_preferences_insert on public.messaging_preferences with check (true)",
        "alter table public.notices disable row level security",
        "create view public.latest as select * from public.messages; grant select on public.latest to authenticated",
        "create function public.history(member uuid) returns setof public.messages language sql stable"
        " security definer set search_path = '' as $$ select * from public.messages where sender_id = member $$;"
        " grant execute on function public.history(uuid) to authenticated",
    ],
)
def test_a_planted_hole_changes_what_it_finds(db: Database, tmp_path: Path, hole: str) -> None:
    owner = db.owner()
    for statement in hole.split("; "):
        owner.run(statement)
    assert linted(db, tmp_path) != json.loads(RECORD.read_text())["lint"]
