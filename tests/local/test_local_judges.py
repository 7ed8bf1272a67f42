"""What the Supabase CLI, which others wrote, says of the migrated schema, and the types it makes of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import docs
from tests.support.database import Database
from vigil_cli.local import supabase_cli
from vigil_cli.local.node import NodeTools, find_node

# Hints that are meant to stay. A private table has row-level security and no policy, so that a grant
# made by mistake shows nothing; an index of a new database was never used; and rows of conversations
# are never deleted, so an index for that delete would only slow down the writes.
MEANT = {
    "rls_enabled_no_policy",
    "unused_index",
    "unindexed_foreign_keys_vigil_read_marks_read_marks_conversation_id_fkey",
    "unindexed_foreign_keys_vigil_restrictions_restrictions_conversation_id_fkey",
    "unindexed_foreign_keys_vigil_terms_terms_conversation_id_fkey",
}
CLIENT = """
import { createClient } from '@supabase/supabase-js'
import type { Database } from './database.ts'

const supabase = createClient<Database>('http://127.0.0.1', 'key')
const { data } = await supabase.from('messages')
  .select('id, content, sender:profiles!messages_sender_id_fkey(id, name)')
const texts: (string | null)[] = data!.map((message) => message.content)
const names: (string | null)[] = data!.map((message) => message.sender.name)
const sent = await supabase.rpc('send_message', { conversation: 'id', content: 'hello' })
const id: string = sent.data!.id
"""


@pytest.fixture(scope="module")
def tools(packages: Path) -> NodeTools:
    return NodeTools(find_node(), packages)


def advice(db: Database, tools: NodeTools) -> list[dict[str, Any]]:
    return [
        lint
        for lint in supabase_cli.advisors(db.dsn(), tools=tools)
        if lint["level"] != "INFO" or not {lint["name"], lint["cacheKey"]} & MEANT
    ]


def test_the_advisors_find_nothing_in_the_schema(db: Database, tools: NodeTools) -> None:
    assert [(lint["level"], lint["detail"]) for lint in advice(db, tools)] == []


def test_the_advisors_would_find_holes_of_both_kinds(db: Database, tools: NodeTools) -> None:
    owner = db.owner()
    owner.run("alter table public.notices disable row level security")
    owner.run("create view public.latest as select * from public.messages")
    owner.run("grant select on public.latest to authenticated")
    owner.run(
        "create policy a on public.messages for select to authenticated using (auth.uid() is null)"
    )
    owner.run(
        "create table vigil.notes (id int primary key, job bigint references vigil.jobs, at text)"
    )
    found = {lint["name"] for lint in advice(db, tools)}
    assert found >= {
        "rls_disabled_in_public", "policy_exists_rls_disabled", "security_definer_view",
        "auth_rls_initplan", "multiple_permissive_policies", "unindexed_foreign_keys",
    }  # fmt: skip


def test_the_typescript_types_are_fresh(db: Database, tools: NodeTools) -> None:
    assert docs.TYPES.read_text() == docs.types(db, tools), "Try: make docs"
    db.owner().run("alter table public.messages add column app_note text")
    assert docs.TYPES.read_text() != docs.types(db, tools)


def test_a_client_written_with_the_types_compiles_and_a_wrong_one_does_not(
    tools: NodeTools, tmp_path: Path
) -> None:
    (tmp_path / "node_modules").symlink_to(tools.modules)
    (tmp_path / "package.json").write_text(json.dumps({"type": "module"}))
    (tmp_path / "database.ts").write_text(docs.TYPES.read_text())

    def complaints(source: str) -> str:
        (tmp_path / "client.ts").write_text(source)
        compiler = [tools.runtime.node, str(tools.modules / "typescript" / "bin" / "tsc")]
        flags = "--noEmit --strict --skipLibCheck --target es2022 --module nodenext --allowImportingTsExtensions"
        done = subprocess.run(
            [*compiler, *flags.split(), "client.ts"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    assert complaints(CLIENT) == ""
    assert "TS" in complaints(CLIENT.replace("content: 'hello'", "text: 'hello'"))
    assert "TS" in complaints(CLIENT.replace("message.content", "message.no_such_column"))
