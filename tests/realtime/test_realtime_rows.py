"""What a change looks like, and that nobody's policy costs anybody else a message."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from realtime_harness import Running, Wire, make_database, serve, settings, token, user_token

from vigil_cli.local.cluster import Cluster

numbers = itertools.count(1000)


async def subscribe(
    wire: Any, running: Running, access: str, *entries: dict[str, Any], vsn: str = "1.0.0"
) -> Wire:
    """A raw socket subscribed to the entries, live."""
    one: Wire = await wire(running, access, vsn=vsn)
    await one.join("rows", {"postgres_changes": list(entries)})
    system = await one.until("system")
    assert system["payload"]["status"] == "ok", system
    return one


async def data(one: Wire) -> Any:
    """The next change."""
    return (await one.until("postgres_changes"))["payload"]["data"]


async def test_values_are_native_json_as_the_database_writes_them(
    gateway: Running, wire: Any
) -> None:
    """Every type equals to_jsonb of the row, and columns name their types."""
    one = await subscribe(wire, gateway, token(), {"schema": "public", "table": "typed"})
    rows = [
        """gen_random_uuid(), 1, 9007199254740993, 1.10, 0.1, true, E'q"\\\\\\n\u00e9', 'c', 'p',
        '2026-01-02 03:04:05.678+01', '2026-01-02 03:04:05', '2026-01-02', '03:04', '1 day 2:00',
        '{"a": [1, null]}', '{"b":  2}', '\\xdeadbeef', '{a,"b,c",NULL}', '{{1,2},{3,4}}', 'happy',
        '[1,5)', '10.0.0.1', null""",
        """gen_random_uuid(), null, null, 'NaN', 'Infinity', false, '', null, null,
        'infinity', '0044-03-15 00:00:00 BC', 'infinity', null, null,
        'null', '[]', '', '{}', null, null, 'empty', null, null""",
    ]
    for values in rows:
        ((expected,),) = gateway.sql(
            f"with row as (insert into typed values ({values}) returning *)"
            " select to_jsonb(row) || jsonb_build_object('bits', encode(bits, 'hex')) from row"
        )
        change = await data(one)
        assert change["record"] == expected
    types = {column["name"]: column["type"] for column in change["columns"]}
    assert types["tags"] == "_text"
    assert types["mood"] == "mood"
    assert types["at"] == "timestamptz"


async def test_key_change_and_replica_identity(gateway: Running, wire: Any) -> None:
    """A new key comes with the old one; full identity sends all old values, as Supabase does."""
    entries = [{"schema": "public", "table": t} for t in ("open_things", "full_identity")]
    one = await subscribe(wire, gateway, token(), *entries)
    first, second = next(numbers), next(numbers)
    gateway.sql("insert into open_things values (%s, 'a', 1.50)", first)
    assert (await data(one))["record"] == {"id": first, "name": "a", "amount": 1.5}
    gateway.sql("update open_things set id = %s where id = %s", second, first)
    change = await data(one)
    assert (change["record"]["id"], change["old_record"]) == (second, {"id": first})
    gateway.sql("truncate open_things")
    gateway.sql("insert into full_identity values (%s, 'was')", first)
    await data(one)
    gateway.sql("update full_identity set body = 'is' where id = %s", first)
    assert (await data(one))["old_record"] == {"id": first, "body": "was"}
    gateway.sql("delete from full_identity where id = %s", first)
    change = await data(one)
    assert (change["type"], change["old_record"]) == ("DELETE", {"id": first, "body": "is"})
    assert "record" not in change


async def test_deleted_row_under_row_security_shows_its_key_only(
    gateway: Running, wire: Any
) -> None:
    """Nobody can check a row that is gone, so its contents stay behind, whatever was logged."""
    one = await subscribe(wire, gateway, token(), {"schema": "public", "table": "guarded"})
    row = next(numbers)
    gateway.sql("insert into guarded values (%s, 'was')", row)
    assert (await data(one))["record"] == {"id": row, "body": "was"}
    gateway.sql("update guarded set body = 'is' where id = %s", row)
    assert (await data(one))["old_record"] == {"id": row, "body": "was"}
    gateway.sql("delete from guarded where id = %s", row)
    assert (await data(one))["old_record"] == {"id": row}


async def test_unchanged_large_value_is_left_out(gateway: Running, wire: Any) -> None:
    """A TOASTed value that did not change is not in the log, so not in the record."""
    one = await subscribe(wire, gateway, token(), {"schema": "public", "table": "open_things"})
    row = next(numbers)
    large = "".join(str(uuid.uuid4()) for _ in range(500))
    gateway.sql("alter table open_things alter column name set storage external")
    gateway.sql("insert into open_things values (%s, %s, 1)", row, large)
    assert (await data(one))["record"]["name"] == large
    gateway.sql("update open_things set amount = 2 where id = %s", row)
    change = await data(one)
    assert change["record"] == {"id": row, "amount": 2}


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("insert into no_key values ('x')", "Error 400: Bad Request, no primary key"),
        ("insert into hidden_key values ({n}, 'x')", "Error 401: Unauthorized"),
    ],
)
async def test_error_events(gateway: Running, wire: Any, statement: str, error: str) -> None:
    """Errors come as events without data, with a timestamp that is text."""
    one = await subscribe(wire, gateway, token(), {"schema": "public", "table": "*"})
    gateway.sql(statement.format(n=next(numbers)))
    change = await data(one)
    assert change["errors"] == [error]
    assert (change["record"], change["columns"]) == ({}, [])
    assert isinstance(change["commit_timestamp"], str)


async def test_too_large_a_record_keeps_only_small_values(gateway: Running, wire: Any) -> None:
    """Above the limit only values of at most 64 bytes are sent, and the error says so."""
    one = await subscribe(wire, gateway, token(), {"schema": "public", "table": "open_things"})
    row = next(numbers)
    gateway.sql("insert into open_things values (%s, repeat('x', 1100000), 3)", row)
    change = await data(one)
    assert change["errors"] == ["Error 413: Payload Too Large"]
    assert change["record"] == {"id": row, "amount": 3}


async def test_selected_columns_and_ids(gateway: Running, wire: Any) -> None:
    """One frame for each view of the row, with the ids of all entries that share it."""
    thing = {"schema": "public", "table": "open_things"}
    one: Wire = await wire(gateway, token())
    reply = await one.join(
        "rows",
        {
            "postgres_changes": [
                thing | {"event": "INSERT"},
                thing | {"event": "*"},
                thing | {"event": "UPDATE"},
                thing | {"event": "INSERT", "select": ["id", "amount"]},
            ]
        },
    )
    numbered = [entry["id"] for entry in reply["payload"]["response"]["postgres_changes"]]
    await one.until("system")
    row = next(numbers)
    gateway.sql("insert into open_things values (%s, 'n', 4)", row)
    frames = [(await one.until("postgres_changes"))["payload"] for _ in range(2)]
    frames.sort(key=lambda frame: -len(frame["ids"]))
    assert frames[0]["ids"] == numbered[:2]
    assert frames[1]["ids"] == [numbered[3]]
    assert frames[1]["data"]["record"] == {"id": row, "amount": 4}
    assert [c["name"] for c in frames[1]["data"]["columns"]] == ["id", "amount"]
    await one.silence(0.2)


@pytest.mark.parametrize(
    ("filter_text", "matches"),
    [
        ("id=eq.{n}", True),
        ("id=neq.{n}", False),
        ("amount=gt.9", True),
        ("amount=lt.9", False),
        ("amount=eq.10", True),
        ("amount=lte.10.0,amount=gte.10", True),
        ("name=eq.b,name=eq.a", False),
        ('name=in.("it\\"s, b",x)', True),
        ("name=not.in.(x,y)", True),
        ("name=like.it%", True),
        ("name=ilike.IT%", True),
        ("name=match.^it", True),
        ("name=imatch.^IT", True),
        ("name=not.match.^it", False),
        ("name=is.null", False),
        ("name=not.is.null", True),
        ("name=isdistinct.x", True),
        ("", True),
    ],
)
async def test_filters(gateway: Running, wire: Any, filter_text: str, matches: bool) -> None:
    """Compared by the database's own rules: 10 equals 10.00, and 10 is greater than 9."""
    row = next(numbers)
    wanted = {"schema": "public", "table": "open_things", "filter": filter_text.format(n=row)}
    last = {"schema": "public", "table": "open_things", "filter": f"id=eq.{-row}"}
    one = await subscribe(wire, gateway, token(), wanted, last)
    gateway.sql("insert into open_things values (%s, %s, 10.00)", row, 'it"s, b')
    gateway.sql("insert into open_things values (%s)", -row)
    seen = [(await data(one))["record"]["id"]]
    if seen[0] != -row:
        seen.append((await data(one))["record"]["id"])
    assert (row in seen) is matches


async def test_filter_on_a_delete_sees_the_key_only(gateway: Running, wire: Any) -> None:
    """Without full identity the old row is its key, so other columns cannot match."""
    row = next(numbers)
    entries = [
        {"schema": "public", "table": "open_things", "event": "DELETE", "filter": text}
        for text in ("name=eq.z", f"id=eq.{row}")
    ]
    one: Wire = await wire(gateway, token())
    reply = await one.join("rows", {"postgres_changes": entries})
    expected = reply["payload"]["response"]["postgres_changes"][1]["id"]
    await one.until("system")
    gateway.sql("insert into open_things values (%s, 'z')", row)
    gateway.sql("delete from open_things where id = %s", row)
    frame = await one.until("postgres_changes")
    assert frame["payload"]["ids"] == [expected]


async def test_order_of_changes_and_messages(gateway: Running, wire: Any) -> None:
    """Rows and messages of one transaction, and of many, arrive in the order they were written."""
    anna = uuid.uuid4()
    one: Wire = await wire(gateway, user_token(anna))
    name = f"room:{anna}"
    entry = {"schema": "public", "table": "notes", "event": "INSERT"}
    await one.join(name, {"private": True, "postgres_changes": [entry]})
    await one.until("system")
    with psycopg.connect(gateway.dsn) as conn:
        for n in range(20):
            conn.execute("insert into notes (id, owner) values (%s, %s)", [next(numbers), anna])
            conn.execute("select send_to(%s, jsonb_build_object('n', %s::int))", [name, n])
    kinds = [(await one.recv())["event"] for _ in range(40)]
    assert kinds == ["postgres_changes", "broadcast"] * 20


async def test_failing_policies_cost_nobody_else_a_message(
    gateway: Running, wire: Any, realtime_cluster: Cluster
) -> None:
    """One policy raises, one never ends: the third subscriber gets every change, in order."""
    entry = {"schema": "public", "table": "judged", "event": "INSERT"}
    with serve(settings(gateway.admin_dsn, policy_timeout_ms=400), gateway.dsn) as running:
        raising = await subscribe(wire, running, token(name="raise"), entry)
        sleeping = await subscribe(wire, running, token(name="sleep"), entry)
        nameless = await subscribe(wire, running, token(), entry)
        fine = await subscribe(wire, running, token(name="anna"), entry)
        first = next(numbers)
        for row in (first, first + 1, first + 2):
            gateway.sql("insert into judged values (%s)", row)
        assert [(await data(fine))["record"]["id"] for _ in range(3)] == [
            first,
            first + 1,
            first + 2,
        ]
        assert (await data(nameless))["record"]["id"] == first
        await raising.silence(0.1)
        await sleeping.silence(0.1)
    for _ in range(4):
        next(numbers)


async def test_publication_changes_while_running(gateway: Running, wire: Any) -> None:
    """A table added later can be watched; one removed ends the subscription with an error."""
    late = {"schema": "public", "table": "late"}
    one = await subscribe(wire, gateway, token(), {"schema": "public"})
    gateway.sql("alter publication supabase_realtime add table public.late")
    assert (await one.until("system"))["payload"]["message"] == "Subscribed to PostgreSQL"
    row = next(numbers)
    gateway.sql("insert into late values (%s)", row)
    assert (await data(one))["record"] == {"id": row}
    two = await subscribe(wire, gateway, token(), late)
    gateway.sql("alter publication supabase_realtime drop table public.late")
    system = await two.until("system")
    assert system["payload"]["status"] == "error"
    assert "Please check Realtime is enabled" in system["payload"]["message"]


async def test_changed_schema_and_grants_count_at_once(gateway: Running, wire: Any) -> None:
    """A column added or a grant taken while subscribed shows in the next change."""
    one = await subscribe(wire, gateway, token(), {"schema": "public", "table": "full_identity"})
    gateway.sql("alter table full_identity add column extra int default 5")
    gateway.sql("revoke select on full_identity from authenticated")
    gateway.sql("grant select (id, extra) on full_identity to authenticated")
    row = next(numbers)
    gateway.sql("insert into full_identity values (%s, 'b')", row)
    assert (await data(one))["record"] == {"id": row, "extra": 5}
    gateway.sql("alter table full_identity drop column extra")
    gateway.sql("grant select on full_identity to authenticated")


async def test_changed_policies_count_at_once(gateway: Running, wire: Any) -> None:
    """A planned check is planned anew when row-level security or a policy changes."""
    one = await subscribe(
        wire, gateway, token(),
        {"schema": "public", "table": "open_things", "event": "INSERT"},
        {"schema": "public", "table": "full_identity", "event": "INSERT"},
    )  # fmt: skip
    steps = [
        ("select", True),
        ("alter table open_things enable row level security", False),
        ("create policy open_now on open_things for select to authenticated using (true)", True),
        ("alter policy open_now on open_things using (name = 'seen')", False),
        ("alter policy open_now on open_things using (name = 'new')", True),
        ("revoke select on open_things from authenticated", None),
        ("grant select on open_things to authenticated", True),
        ("alter table open_things disable row level security", True),
    ]
    for statement, seen in steps:
        row = next(numbers)
        gateway.sql(statement)
        gateway.sql("insert into open_things values (%s, 'new')", row)
        if seen:
            assert (await data(one))["record"]["id"] == row, statement
        elif seen is None:
            assert (await data(one))["errors"] == ["Error 401: Unauthorized"]
        else:
            # What is written next tells that the row was judged; a policy changed sooner would judge it.
            gateway.sql("insert into full_identity values (%s, 'marker')", next(numbers))
            assert (await data(one))["table"] == "full_identity", statement
    gateway.sql("drop policy open_now on open_things")


@pytest.fixture
def own_cluster(tmp_path: Any) -> Iterator[Cluster]:
    """A server that a test may stop."""
    cluster = Cluster(tmp_path / "pg", durable=False)
    cluster.init()
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        cluster.destroy()


async def test_database_restart(own_cluster: Cluster, wire: Any) -> None:
    """Channels stay, say "Subscribed" again, and deliver what is written from then on."""
    admin, owner = make_database(own_cluster)
    anna = uuid.uuid4()
    name = f"room:{anna}"
    with serve(settings(admin), owner) as running:
        one: Wire = await wire(running, user_token(anna))
        entry = {"schema": "public", "table": "notes", "event": "INSERT"}
        await one.join(name, {"private": True, "postgres_changes": [entry]})
        await one.until("system")
        await asyncio.to_thread(own_cluster.stop)
        reply = await one.join(f"room:{anna}:2", {"private": True}, ref="2")
        assert reply["payload"]["response"]["reason"].startswith("UnableToConnectToProject")
        await asyncio.to_thread(own_cluster.start)
        system = await one.until("system", seconds=15)
        assert system["payload"]["message"] == "Subscribed to PostgreSQL"
        running.sql("insert into notes (id, owner) values (1, %s)", anna)
        assert (await data(one))["record"]["id"] == 1
        running.sql("select public.send_to(%s, '{\"n\": 1}')", name)
        assert (await one.until("broadcast"))["payload"]["payload"]["n"] == 1
        slots = running.sql("select count(*) from pg_replication_slots")
        assert slots == [(1,)]
        running.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'vigil_realtime'",
            dsn=running.admin_dsn,
        )
        await one.until("system", seconds=15)
        running.sql("insert into notes (id, owner) values (2, %s)", anna)
        assert (await data(one))["record"]["id"] == 2
    left = psycopg.connect(admin).execute(
        "select count(*) from pg_stat_activity where application_name = 'vigil_realtime'"
    )
    assert left.fetchone() == (0,)
    left.connection.close()
