"""Table changes through the official Python client: who sees what."""

from __future__ import annotations

import asyncio
import itertools
import socket
import uuid
from contextlib import ExitStack
from typing import Any

import pytest
from realtime_harness import Box, Running, serve, settings, user_token

from realtime import RealtimePostgresChangesListenEvent as Event

ids = itertools.count(1)


async def watch(
    client: Any, running: Running, access: str, table: str, event: Event = Event.All, **options: Any
) -> Box:
    """Subscribe with a client of its own; ready when the server says that it is live."""
    made = await client(running, access)
    box, system = Box(), Box()
    channel = made.channel(f"watch-{uuid.uuid4()}")
    channel.on_system(system).on_postgres_changes(event, box, table=table, **options)
    await channel.subscribe()
    await system.wait_for(lambda item: "Subscribed to PostgreSQL" in str(item))
    return box


async def test_each_member_sees_own_rows_only(gateway: Running, client: Any) -> None:
    """Insert, update and delete of one member's row; the other sees only the delete."""
    anna, ben = uuid.uuid4(), uuid.uuid4()
    anna_sees = await watch(client, gateway, user_token(anna), "notes")
    ben_sees = await watch(client, gateway, user_token(ben), "notes")
    note = next(ids)
    gateway.sql("insert into notes (id, owner, body, secret) values (%s, %s, 'a', 's')", note, anna)
    await anna_sees.wait(1)
    gateway.sql("update notes set body = 'b' where id = %s", note)
    await anna_sees.wait(2)
    gateway.sql("delete from notes where id = %s", note)
    inserted, updated, deleted = [item["data"] for item in await anna_sees.wait(3)]
    record = {"id": note, "owner": str(anna), "room": "lobby", "body": "a", "seen": True}
    assert (inserted["type"], inserted["record"]) == ("INSERT", record)
    assert (updated["type"], updated["record"]) == ("UPDATE", record | {"body": "b"})
    assert updated["old_record"] == {"id": note}
    assert (deleted["type"], deleted["old_record"]) == ("DELETE", {"id": note})
    assert inserted["columns"][0] == {"name": "id", "type": "int8"}
    assert "secret" not in {column["name"] for column in inserted["columns"]}
    assert inserted["errors"] is None
    (seen,) = await ben_sees.wait(1)
    assert (seen["data"]["type"], seen["data"]["old_record"]) == ("DELETE", {"id": note})


async def test_row_that_becomes_invisible_is_not_announced(gateway: Running, client: Any) -> None:
    """The update that hides a row stays silent; the next visible one arrives."""
    anna = uuid.uuid4()
    box = await watch(client, gateway, user_token(anna), "notes", Event.Update)
    hidden, other = next(ids), next(ids)
    for note in (hidden, other):
        gateway.sql("insert into notes (id, owner) values (%s, %s)", note, anna)
    gateway.sql("update notes set seen = false where id = %s", hidden)
    gateway.sql("update notes set body = 'x' where id = %s", other)
    (item,) = await box.wait(1)
    assert item["data"]["record"]["id"] == other
    await asyncio.sleep(0.2)
    assert len(box.items) == 1


async def test_filter(gateway: Running, client: Any) -> None:
    """Only rows that satisfy every condition."""
    anna = uuid.uuid4()
    box = await watch(
        client, gateway, user_token(anna), "notes", Event.Insert,
        filter="room=in.(tea,coffee),id=gt.0,body=like.%y%",
    )  # fmt: skip
    for room, body in (("tea", "no"), ("pub", "yes"), ("coffee", "yes")):
        gateway.sql(
            "insert into notes (id, owner, room, body) values (%s, %s, %s, %s)",
            next(ids), anna, room, body,
        )  # fmt: skip
    (item,) = await box.wait(1)
    assert (item["data"]["record"]["room"], item["data"]["record"]["body"]) == ("coffee", "yes")


# The client reads an attribute that websockets deprecated; as an error it would end its listener.
@pytest.mark.filterwarnings("ignore:ConnectionClosed.(code|reason):DeprecationWarning")
async def test_client_rejoins_after_the_gateway_restarted(gateway: Running, client: Any) -> None:
    """The official client comes back by itself, and what is written then arrives."""
    anna = uuid.uuid4()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    system, box = Box(), Box()
    config = settings(gateway.admin_dsn)
    with ExitStack() as first:
        running = first.enter_context(serve(config, gateway.dsn, port=port))
        made = await client(running, user_token(anna), max_retries=50, initial_backoff=0.05)
        channel = made.channel("rejoin")
        channel.on_system(system).on_postgres_changes(Event.Insert, box, table="notes")
        await channel.subscribe()
        await system.wait(1)
        # In a thread, for the client answers the closing handshake meanwhile.
        await asyncio.to_thread(first.close)
    with serve(config, gateway.dsn, port=port):
        said = [item.message for item in await system.wait(3, seconds=20)]
        live = "Subscribed to PostgreSQL"
        assert said == [live, "Server requested disconnect", live]
        note = next(ids)
        gateway.sql("insert into notes (id, owner) values (%s, %s)", note, anna)
        await box.wait_for(lambda item: item["data"]["record"]["id"] == note)
        await made.close()
