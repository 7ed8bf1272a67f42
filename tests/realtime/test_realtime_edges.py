"""What is rare: limits, a database that is away, a table that is gone, a bug."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from realtime_harness import ANON, Running, Wire, make_database, serve, settings, token, user_token
from websockets.exceptions import ConnectionClosed

from vigil_cli.local.cluster import Cluster
from vigil_cli.local.realtime.channel import Channel
from vigil_cli.local.realtime.examiner import Examiner, Question

NOTES = {"event": "INSERT", "schema": "public", "table": "notes"}


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
async def test_farewell_before_the_server_stops(gateway: Running, wire: Any, vsn: str) -> None:
    """Each channel is told, what was queued still arrives, and the socket closes with 1012."""
    with serve(settings(gateway.admin_dsn), gateway.dsn) as going:
        one = await wire(going, vsn=vsn)
        for number, name in enumerate(("a", "b")):
            await one.join(name, {"broadcast": {"self": True}}, ref=str(number))
        await one.send("realtime:a", "phx_leave", {}, ref="9", join_ref="0")
        await one.until("phx_close")
        await one.send("realtime:b", "broadcast", {"event": "e", "payload": {}}, ref="8")
        await one.until("broadcast")
        stopping = asyncio.create_task(asyncio.to_thread(going.stop))
        told = await one.recv()
        payload = told[4] if vsn == "2.0.0" else told["payload"]
        assert payload == {
            "extension": "system", "status": "ok", "message": "Server requested disconnect",
            "channel": "b",
        }  # fmt: skip
        with pytest.raises(ConnectionClosed) as closed:
            await one.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        await stopping


async def test_project_without_public_channels(gateway: Running, wire: Any) -> None:
    """With public access off, a public join is refused by name."""
    with serve(settings(gateway.admin_dsn, private_only=True), gateway.dsn) as strict:
        one = await wire(strict)
        reply = await one.join("open")
        assert reply["payload"]["response"]["reason"].startswith("PrivateOnly:")


async def test_topic_name_is_required(gateway: Running, wire: Any) -> None:
    """The bare prefix is no topic."""
    reply = await (await wire(gateway)).join("")
    assert reply["payload"]["response"]["reason"].startswith("TopicNameRequired:")


async def test_denied_broadcast_is_met_with_silence(gateway: Running, wire: Any) -> None:
    """Nothing tells a sender without the right from one nobody listens to, not even with ack."""
    anna, ben = uuid.uuid4(), uuid.uuid4()
    one = await wire(gateway, user_token(ben))
    room = f"room:{anna}:{ben}"
    reply = await one.join(room, {"private": True, "broadcast": {"ack": True, "self": True}})
    assert reply["payload"]["status"] == "ok"
    await one.send(f"realtime:{room}", "broadcast", {"event": "e", "payload": {}}, ref="2")
    await one.silence()


async def test_too_large_a_broadcast(gateway: Running, wire: Any) -> None:
    """With ack the sender is told in one word, without it the message is dropped."""
    with serve(settings(gateway.admin_dsn, max_payload_bytes=100), gateway.dsn) as small:
        body = {"event": "e", "payload": {"x": "y" * 200}}
        hears = await wire(small)
        await hears.join("size")
        for ack in (True, False):
            one = await wire(small)
            await one.join("size", {"broadcast": {"ack": ack}, "presence": {"enabled": True}})
            await one.send("realtime:size", "broadcast", "not an object", ref="2")
            await one.send("realtime:size", "broadcast", body, ref="3")
            if ack:
                reply = await one.until("phx_reply")
                assert reply["payload"] == {"status": "error", "response": "payload_size_exceeded"}
        track = {"event": "track", "payload": body}
        await one.send("realtime:size", "presence", track, ref="4")
        system = await one.until("system")
        assert system["payload"]["message"] == "Track message size exceeded"
        await hears.silence(0.2)


async def test_presence_switched_on_by_tracking(gateway: Running, wire: Any) -> None:
    """A private channel joined without presence learns its rights at the first track."""
    anna, ben = uuid.uuid4(), uuid.uuid4()
    name = f"room:{anna}:{ben}"
    one = await wire(gateway, user_token(anna))
    await one.join(name, {"private": True})
    track = {"event": "track", "payload": {"m": 1}}
    await one.send(f"realtime:{name}", "presence", track, ref="2")
    assert (await one.recv())["event"] == "presence_state"
    assert (await one.recv())["event"] == "presence_diff"
    assert (await one.recv())["payload"]["status"] == "ok"
    two = await wire(gateway, user_token(ben))
    await two.join(name, {"private": True, "presence": {"enabled": True}})
    assert list((await two.until("presence_state"))["payload"])
    await two.send(f"realtime:{name}", "presence", track, ref="2")
    reply = await two.until("phx_reply")
    assert reply["payload"] == {"status": "error", "response": {}}
    await two.send(f"realtime:{name}", "presence", {"event": "dance"}, ref="3")
    assert (await two.until("phx_reply"))["payload"]["status"] == "error"


async def test_ready_for_messages_of_the_database(gateway: Running, wire: Any) -> None:
    """`replication_ready` is answered by a system message."""
    one = await wire(gateway)
    await one.join("ready", {"broadcast": {"replication_ready": True}})
    system = await one.until("system")
    assert system["payload"]["message"] == "Replication connection established"


async def test_bad_refresh_closes_the_channel(gateway: Running, wire: Any) -> None:
    """A token that fails to verify ends the channel; one that says nothing new changes nothing."""
    access = token()
    one = await wire(gateway, access)
    await one.join("refresh", access_token=access)
    for same in (None, access, "sb_publishable_test"):
        await one.send("realtime:refresh", "access_token", {"access_token": same}, ref="2")
    await one.silence(0.2)
    await one.send("realtime:refresh", "access_token", {"access_token": "nonsense"}, ref="3")
    message = (await one.until("system"))["payload"]["message"]
    assert message == "The token provided is not a valid JWT"
    assert (await one.recv())["event"] == "phx_close"


async def test_slow_reader_is_disconnected(gateway: Running, wire: Any) -> None:
    """Whoever does not take what is sent loses the connection, not the others their messages."""
    config = settings(gateway.admin_dsn, max_queued_bytes=2_000_000)
    with serve(config, gateway.dsn) as small:
        slow, sender = await wire(small), await wire(small)
        await slow.join("slow")
        await sender.join("slow", {"broadcast": {"ack": True}})
        slow.connection.transport.pause_reading()
        # Noise, for it must not be compressed away; enough of it to fill every buffer between.
        body = {"event": "e", "payload": {"x": os.urandom(200_000).hex()}}
        for ref in range(2, 80):
            await sender.send("realtime:slow", "broadcast", body, ref=str(ref))
            assert (await sender.recv())["payload"]["status"] == "ok"
        slow.connection.transport.resume_reading()
        frames = 0
        with suppress(ConnectionClosed):
            async with asyncio.timeout(10):
                async for _ in slow.connection:
                    frames += 1
        assert frames < 78
        assert slow.connection.close_code != 1000


async def test_bug_in_a_channel_ends_that_channel_only(
    gateway: Running, wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is told phx_error, and can join again on the same socket."""

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    one = await wire(gateway)
    await one.join("bug")
    await one.join("fine", ref="2")
    with monkeypatch.context() as patch:
        patch.setattr(Channel, "handle", broken)
        await one.send("realtime:bug", "broadcast", {}, ref="3")
        frame = await one.recv()
    assert (frame["event"], frame["ref"], frame["topic"]) == ("phx_error", "1", "realtime:bug")
    assert (await one.join("bug", ref="4"))["payload"]["status"] == "ok"


async def test_slow_questions_cost_the_others_one_wait(gateway: Running) -> None:
    """Who was slow is passed over for a while; who is fine is answered each time."""
    examiner = Examiner(settings(gateway.admin_dsn, policy_timeout_ms=200))
    try:
        slow = Question("select pg_sleep(10)::text")
        fine = [Question("select ($1)[1]", (str(n),)) for n in range(3)]
        broken = Question("select no_such_function()::text")
        for number in range(3):
            began = time.monotonic()
            answers = await examiner.ask([fine[0], slow, broken, *fine[1:]])
            taken = time.monotonic() - began
            assert [answers[q] for q in (slow, broken, *fine)] == [None, None, "0", "1", "2"]
            assert number == 0 or taken < 0.2, "it is passed over, and the others are not"
        many = [Question("select pg_sleep(10)::text, ($1)[1]", (str(n),)) for n in range(20)]
        began = time.monotonic()
        answers = await examiner.ask([*many, fine[0]])
        assert answers.pop(fine[0]) == "0"
        assert set(answers.values()) == {None}
        assert time.monotonic() - began < 3.5, "patience has an end"
        assert (await examiner.ask([fine[0]]))[fine[0]] == "0"
    finally:
        await examiner.close()


@pytest.fixture
def spoiled(realtime_cluster: Cluster) -> tuple[str, str]:
    """A database without a partition for today and without one of the publications."""
    admin, owner = make_database(realtime_cluster)
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute("drop publication supabase_realtime")
        names = "select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass"
        for (name,) in conn.execute(names, ["realtime.messages"]).fetchall():
            conn.execute(f"drop table {name}".encode())
    return admin, owner


async def test_missing_partition_and_publication(spoiled: tuple[str, str], wire: Any) -> None:
    """Both are said, and a publication made later is found."""
    admin, owner = spoiled
    with serve(settings(admin), owner) as running:
        one: Wire = await wire(running, user_token(uuid.uuid4()))
        reply = await one.join("room:x", {"private": True})
        assert reply["payload"]["response"]["reason"].startswith("MissingPartition")
        await one.join("open", {"postgres_changes": [NOTES]}, ref="2")
        assert (await one.until("system"))["payload"]["status"] == "error"
        running.sql("create publication supabase_realtime for table notes", dsn=admin)
        await asyncio.sleep(1.3)
        anna = uuid.uuid4()
        wait = {"postgres_changes": [NOTES], "postgres_changes_options": {"wait": True}}
        reply = await one.join("late", wait, ref="3", access_token=user_token(anna))
        assert reply["payload"]["status"] == "ok"
        running.sql("insert into notes (id, owner) values (1, %s)", anna)
        assert (await one.until("postgres_changes"))["payload"]["data"]["record"]["id"] == 1


async def test_subscribed_is_said_only_once_live(gateway: Running, wire: Any) -> None:
    """A slot cannot start while older transactions run, and nothing is promised before it has."""
    entry = {"schema": "public", "table": "open_things", "event": "INSERT"}
    with psycopg.connect(gateway.dsn) as busy:
        busy.execute("select pg_current_xact_id()")
        with serve(settings(gateway.admin_dsn), gateway.dsn) as waiting:
            one = await wire(waiting, token())
            reply = await one.join("live", {"postgres_changes": [entry]})
            assert reply["payload"]["status"] == "ok"
            await one.silence()
            busy.rollback()
            assert (await one.until("system"))["payload"]["message"] == "Subscribed to PostgreSQL"
            gateway.sql("insert into open_things values (-77)")
            assert (await one.until("postgres_changes"))["payload"]["data"]["record"]["id"] == -77
    gateway.sql("delete from open_things where id = -77")


async def test_database_that_is_away(realtime_cluster: Cluster, wire: Any) -> None:
    """Public channels work, a waiting join runs out of time, a private send is not decided."""
    nowhere = "postgresql://nobody:x@127.0.0.1:1/none"
    with serve(settings(nowhere), nowhere) as lonely:
        one, two = await wire(lonely, ANON), await wire(lonely, ANON)
        for each in (one, two):
            assert (await each.join("open"))["payload"]["status"] == "ok"
        await one.send("realtime:open", "broadcast", {"event": "e", "payload": {}}, ref="2")
        assert (await two.recv())["event"] == "broadcast"
        options = {"wait": True, "timeout": 200}
        wait = {"postgres_changes": [NOTES], "postgres_changes_options": options}
        reply = await one.join("wait", wait, ref="3")
        reason = reply["payload"]["response"]["reason"]
        assert reason.startswith("PostgresChangesSubscribeTimeout")
        reply = await one.join("private", {"private": True}, ref="4")
        assert reply["payload"]["response"]["reason"].startswith("UnableToConnectToProject")
