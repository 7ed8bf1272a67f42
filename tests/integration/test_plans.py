"""Hot queries use indexes and call no function for each row, with every rule on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from bench.reads import NAMED, Scale, fill

from tests.support.database import Database, Databases

QUERIES = {
    "the latest of a conversation": "select m.* from public.messages m where m.conversation_id = %(one)s order by m.created_at desc, m.id desc limit 50",
    "the newest of all conversations": "select m.* from public.messages m order by m.created_at desc limit 50",
    "a page": "select * from public.list_messages(%(one)s)",
    "the next page": "select * from public.list_messages(%(one)s, %(last)s)",
    "the list of conversations": "select * from public.list_conversations()",
    "a search for common words": "select * from public.search_messages('heater garden')",
    "a search for a rare word": "select * from public.search_messages(%(rare)s)",
    "a search in one conversation": "select * from public.search_messages('heater', %(one)s)",
    "unread messages": "select public.get_unread_message_count(%(me)s)",
    "a thread": "select * from public.get_message_thread(%(message)s, %(me)s)",
    "Realtime's check": "select 1 from public.messages where id = %(message)s",
    "an exact count": "select count(*) from public.messages where conversation_id = %(one)s",
    "an embedded sender": "select m.id, (select jsonb_build_object('id', p.id, 'name', p.name) from public.profiles p where p.id = m.sender_id)"
    " from public.messages m where m.conversation_id = %(one)s order by m.created_at desc limit 50",
}  # fmt: skip
# Each of the few policies asks each helper once; a call for each row would be a hundred.
FEW = 15


@pytest.fixture(scope="module")
def crowd(databases: Databases) -> Iterator[Database]:
    """Ten thousand messages in five hundred conversations, one of them long."""
    db = databases.clone(databases.template("template_vigil"))
    fill(db, Scale.of(100))
    with psycopg.connect(db.dsn("supabase_admin")) as conn:
        conn.execute("set session_replication_role = replica")
        conn.execute(
            "insert into public.messages (conversation_id, sender_id, content, created_at) select p.conversation_id, p.user_id, 'n', now() - n * interval '1 s'"
            " from (select * from public.conversation_participants where user_id <> %s and conversation_id = (select min(conversation_id::text)::uuid"
            f" from public.conversation_participants where user_id = {NAMED.format('1')}) limit 1) p, generate_series(1, 300) n",
            ["00000000-0000-4000-8000-000000000001"],
        )
        conn.execute("set session_replication_role = origin")
    db.superuser().conn.execute("vacuum analyze")
    yield db
    databases.drop(db)


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from walk(child)


def watched(
    db: Database, query: str, arguments: dict[str, Any]
) -> tuple[int, list[dict[str, Any]], dict[str, int]]:
    """Rows, the plan nodes of all that ran, and how often each function of ours was called."""
    said: list[str] = []
    with psycopg.connect(db.dsn("supabase_admin")) as conn:
        conn.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        conn.execute("load 'auto_explain'")
        for name, value in {
            "auto_explain.log_min_duration": "0", "auto_explain.log_nested_statements": "on",
            "auto_explain.log_format": "json", "client_min_messages": "log", "track_functions": "all",
            "request.jwt.claims": json.dumps({"role": "authenticated", "sub": str(arguments["me"])}),
        }.items():  # fmt: skip
            conn.execute("select set_config(%s, %s, false)", [name, value])
        said.clear()
        conn.execute("set local role authenticated")
        rows = len(conn.execute(query, arguments).fetchall())
        plans = [json.loads(text[text.index("{") :])["Plan"] for text in said if '"Plan"' in text]
        conn.execute("reset role")
        calls = conn.execute(
            "select funcname::text, calls from pg_stat_xact_user_functions where schemaname = 'vigil'"
        ).fetchall()
    return rows, [node for plan in plans for node in walk(plan)], dict(calls)


@pytest.mark.parametrize("name", QUERIES)
def test_no_hot_query_scans_messages_or_calls_a_function_for_each_row(
    crowd: Database, name: str
) -> None:
    me = crowd.owner().value(f"select {NAMED.format('1')}")
    one = crowd.owner().value(
        "select conversation_id from public.messages where conversation_id in (select conversation_id from"
        " public.conversation_participants where user_id = %s) group by 1 order by count(*) desc limit 1",
        me,
    )
    last, message = (
        crowd.owner()
        .rows(
            "select to_jsonb(m) as row, id from public.messages m where conversation_id = %s order by created_at desc offset 20 limit 1",
            one,
        )[0]
        .values()
    )
    rare = crowd.owner().value(
        "select split_part(content, ' ', 2) from public.messages where sender_id = %s and content like 'message %%' limit 1",
        me,
    )
    arguments = {"rare": rare, "me": me, "one": one, "last": json.dumps(last), "message": message}
    rows, nodes, calls = watched(crowd, QUERIES[name], arguments)
    assert rows > 0, "it asks for something that is there"
    scans = [
        n for n in nodes if n["Node Type"] == "Seq Scan" and n.get("Relation Name") == "messages"
    ]
    assert scans == []
    # uid() is the one that policies ask in every subplan.
    often = {f: n for f, n in calls.items() if n > FEW and f != "uid"}
    assert often == {}
    if name == "a search for a rare word":
        assert "messages_by_words" in {n.get("Index Name") for n in nodes}


def test_what_is_watched_would_be_seen(crowd: Database) -> None:
    """A scan, and a call for each row, show in what the tests above look at."""
    me = crowd.owner().value(f"select {NAMED.format('1')}")
    _, nodes, _ = watched(
        crowd,
        "select count(*) from public.messages where content like '%%rain%%' and created_at < now()",
        {"me": me},
    )
    assert any(n.get("Relation Name") == "messages" for n in nodes)
    crowd.owner().run(
        "create policy slow on public.messages as restrictive for select to authenticated using (vigil.covers_my_stay(conversation_id, created_at))"
    )
    try:
        _, _, calls = watched(
            crowd,
            "select m.* from public.messages m order by m.created_at desc limit 50",
            {"me": me},
        )
    finally:
        crowd.owner().run("drop policy slow on public.messages")
    assert calls["covers_my_stay"] > FEW
