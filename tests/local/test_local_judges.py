"""Outside judges of the migrated schema: Supabase's advisors, and the types a frontend compiles against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.docs import TYPES
from tests.support.database import Database
from vigil_cli.local import node, supabase_cli


def tools(packages: Path) -> node.NodeTools:
    return node.NodeTools(node.find_node(), packages)


def advice(db: Database, packages: Path) -> list[dict[str, Any]]:
    """What the advisors say at warn or error."""
    found = supabase_cli.advisors(db.dsn(), tools=tools(packages))
    return [lint for lint in found if lint["level"].upper() in ("WARN", "ERROR")]


def test_the_advisors_find_nothing_to_warn_of(db: Database, packages: Path) -> None:
    assert [(lint["name"], lint.get("detail")) for lint in advice(db, packages)] == []


def test_the_advisors_would_say_so(db: Database, packages: Path) -> None:
    db.owner().run(
        "create function public.leak() returns int language sql security definer as 'select 1'"
    )
    db.owner().run("create table public.bare (id int)")
    db.owner().run(
        "create view public.around with (security_barrier) as select * from public.messages"
    )
    db.owner().run("grant select on public.bare, public.around to anon, authenticated")
    names = {lint["name"] for lint in advice(db, packages)}
    assert names >= {
        "function_search_path_mutable",
        "rls_disabled_in_public",
        "security_definer_view",
    }


def test_the_types_for_frontends_are_fresh(db: Database, packages: Path, root: Path) -> None:
    made = supabase_cli.gen_types(db.dsn(), tools=tools(packages))
    assert (root / TYPES).read_text() == made, "Try: make docs"
