"""pgoutput as this server writes it, and what must not pass for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from realtime_harness import make_database

from vigil_cli.local.cluster import Cluster
from vigil_cli.local.realtime.wal import Change, Decoder, WalFormatError

Run = Any


@pytest.fixture(scope="module")
def conn(realtime_cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    """A connection with a slot of its own."""
    admin, _ = make_database(realtime_cluster)
    with psycopg.connect(admin, autocommit=True) as connection:
        # The log shows what is on disk; this server commits without waiting for that.
        connection.execute("set synchronous_commit = on")
        connection.execute("select pg_create_logical_replication_slot('here', 'pgoutput', true)")
        yield connection


def messages(conn: psycopg.Connection[Any]) -> list[bytes]:
    """Everything committed since the last call."""
    cursor = conn.execute(
        "select data from pg_logical_slot_get_binary_changes('here', null, null,"
        " 'proto_version', '1', 'publication_names', 'supabase_realtime')",
        binary=True,
    )
    return [row[0] for row in cursor.fetchall()]


def decoded(conn: psycopg.Connection[Any]) -> list[Change]:
    """The same, decoded by a decoder that knows nothing yet."""
    return list(Decoder().decode(messages(conn)))


def test_kinds(conn: psycopg.Connection[Any]) -> None:
    """Insert, update, key change and delete of one transaction; nulls kept, no truncate."""
    with conn.transaction():
        conn.execute("insert into open_things values (1, null, 2.50)")
        conn.execute("update open_things set name = 'n' where id = 1")
        conn.execute("update open_things set id = 2 where id = 1")
        conn.execute("delete from open_things where id = 2")
        conn.execute("truncate open_things")
    changes = decoded(conn)
    assert [(c.kind, c.old, c.new) for c in changes] == [
        ("INSERT", None, {"id": "1", "name": None, "amount": "2.50"}),
        ("UPDATE", {"id": "1"}, {"id": "1", "name": "n", "amount": "2.50"}),
        ("UPDATE", {"id": "1"}, {"id": "2", "name": "n", "amount": "2.50"}),
        ("DELETE", {"id": "2"}, None),
    ]
    relation = changes[0].relation
    assert (relation.schema, relation.name) == ("public", "open_things")
    assert [(c.name, c.key) for c in relation.columns] == [
        ("id", True), ("name", False), ("amount", False),
    ]  # fmt: skip
    assert len({c.committed_at for c in changes}) == 1
    assert changes[0].size == 5


def test_unchanged_large_values(conn: psycopg.Connection[Any]) -> None:
    """Left out with the default identity, taken from the old row with the full one."""
    conn.execute("alter table full_identity alter body set storage external")
    conn.execute("alter table open_things alter name set storage external")
    large = "x" * 9000
    conn.execute("insert into full_identity values (1, %s)", [large])
    conn.execute("insert into open_things values (3, %s)", [large])
    decoded(conn)
    conn.execute("update full_identity set id = 2")
    conn.execute("update open_things set amount = 1")
    full, default = decoded(conn)
    assert full.old == {"id": "1", "body": large}
    assert full.new == {"id": "2", "body": large}
    assert default.new == {"id": "3", "amount": "1"}


def test_only_published_tables(conn: psycopg.Connection[Any]) -> None:
    """A table outside the publication leaves nothing."""
    conn.execute("insert into unpublished values (1)")
    assert decoded(conn) == []


def test_changed_columns(conn: psycopg.Connection[Any]) -> None:
    """A relation is described anew after its columns changed."""
    conn.execute("insert into hidden_key values (1, 'a')")
    conn.execute("alter table hidden_key add column more int default 4")
    conn.execute("insert into hidden_key values (2, 'b')")
    first, second = decoded(conn)
    assert first.new == {"id": "1", "body": "a"}
    assert second.new == {"id": "2", "body": "b", "more": "4"}


def test_damaged_messages(conn: psycopg.Connection[Any]) -> None:
    """Cut anywhere, a message is an error and not a wrong row."""
    conn.execute("insert into open_things values (7, 'seven', 7)")
    whole = messages(conn)
    assert len(list(Decoder().decode(whole))) == 1
    for index, message in enumerate(whole):
        if message[:1] not in (b"R", b"I"):
            continue
        for cut in range(1, len(message)):
            damaged = [*whole[:index], message[:cut], *whole[index + 1 :]]
            with pytest.raises((WalFormatError, UnicodeDecodeError)):
                list(Decoder().decode(damaged))
    for alien in (b"", b"?", b"I\0\0\0\1N\0\0"):
        with pytest.raises(WalFormatError):
            list(Decoder().decode([alien]))
