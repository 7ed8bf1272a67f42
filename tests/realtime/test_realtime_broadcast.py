"""Broadcasts through the official Python client: public, private, and from the database."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from realtime_harness import Box, Running, token, user_token

from realtime import RealtimeSubscribeStates as State

PRIVATE = {"config": {"private": True, "broadcast": {"ack": False, "self": False}}}


async def subscribed(client: Any, name: str, box: Box, params: Any = None) -> Any:
    """A channel that listens to every broadcast; fails unless it is joined."""
    states = Box()
    channel = client.channel(name, params)
    channel.on_broadcast("*", box)
    await channel.subscribe(states)
    assert states.items[0][0] == State.SUBSCRIBED, states.items
    return channel


async def test_realtime_send_reaches_the_private_topic(gateway: Running, client: Any) -> None:
    """A row written by realtime.send arrives after its commit, with its id, in order."""
    anna = uuid.uuid4()
    box, public = Box(), Box()
    made = await client(gateway, user_token(anna))
    await subscribed(made, f"room:{anna}", box, PRIVATE)
    other = await client(gateway, user_token(uuid.uuid4()))
    await subscribed(other, f"room:{anna}", public)
    for n in range(3):
        gateway.sql(
            "select public.send_to(%s, jsonb_build_object('n', %s::int))", f"room:{anna}", n
        )
    got = await box.wait(3)
    assert [item["payload"]["n"] for item in got] == [0, 1, 2]
    assert got[0]["event"] == "news"
    assert got[0]["meta"]["id"] == got[0]["payload"]["id"]
    assert not public.items, "the public channel of that name is another world"


async def test_private_channel_is_refused_without_a_policy(gateway: Running, client: Any) -> None:
    """Somebody whom no policy names gets an error with the server's words."""
    made = await client(gateway, user_token(uuid.uuid4()))
    states = Box()
    await made.channel(f"room:{uuid.uuid4()}", PRIVATE).subscribe(states)
    state, error = states.items[0]
    assert state == State.CHANNEL_ERROR
    assert "Unauthorized: You do not have permissions to read from this Channel topic" in str(error)


async def test_private_broadcast_needs_the_right_to_send(gateway: Running, client: Any) -> None:
    """The owner's message arrives; a reader's is dropped without a word."""
    anna, ben = uuid.uuid4(), uuid.uuid4()
    topic = f"room:{anna}:{ben}"
    anna_hears, ben_hears = Box(), Box()
    anna_in = await subscribed(await client(gateway, user_token(anna)), topic, anna_hears, PRIVATE)
    ben_in = await subscribed(await client(gateway, user_token(ben)), topic, ben_hears, PRIVATE)
    await ben_in.send_broadcast("x", {"from": "ben"})
    await anna_in.send_broadcast("x", {"from": "anna"})
    assert (await ben_hears.wait(1))[0]["payload"] == {"from": "anna"}
    await asyncio.sleep(0.2)
    assert not anna_hears.items


async def test_public_broadcast_and_self(gateway: Running, client: Any) -> None:
    """Everybody on the topic but the sender, who gets it too when it asked for that."""
    topic = f"pub-{uuid.uuid4()}"
    first, second = Box(), Box()
    one = await subscribed(await client(gateway, token("anon")), topic, first)
    two = await subscribed(
        await client(gateway, token("anon")), topic, second,
        {"config": {"broadcast": {"self": True, "ack": True}, "private": False}},
    )  # fmt: skip
    await one.send_broadcast("a", {"n": 1})
    await second.wait(1)
    await two.send_broadcast("b", {"n": 2})
    assert [item["event"] for item in await second.wait(2)] == ["a", "b"]
    assert [item["event"] for item in await first.wait(1)] == ["b"]


@pytest.mark.parametrize("payload", [{"n": 1}, b"\x00\xff"])
async def test_http_send(gateway: Running, client: Any, payload: Any) -> None:
    """One message by REST; raw bytes cannot reach a version 1 socket, and do it no harm."""
    topic = f"pub/{uuid.uuid4()}"
    box = Box()
    made = await client(gateway, token("anon"))
    channel = await subscribed(made, topic, box)
    await channel.http_send("e/1", payload)
    await channel.http_send("last", {"n": 2})
    items = await box.wait(1 if isinstance(payload, bytes) else 2)
    assert [item["event"] for item in items] == (
        ["last"] if isinstance(payload, bytes) else ["e/1", "last"]
    )


async def test_presence(gateway: Running, client: Any) -> None:
    """Members see each other come, change and go."""
    topic = f"pub-{uuid.uuid4()}"
    joins, leaves = Box(), Box()
    watcher = (await client(gateway, token("anon"))).channel(topic)
    watcher.on_presence_join(joins).on_presence_leave(leaves).on_presence_sync(Box())
    await watcher.subscribe()
    guest_client = await client(gateway, token("anon"))
    guest = guest_client.channel(
        topic, {"config": {"presence": {"key": "guest", "enabled": True}, "private": False}}
    )
    await guest.subscribe()
    await guest.track({"mood": "calm"})
    (joined,) = await joins.wait(1)
    assert joined[0] == "guest"
    assert watcher.presence_state()["guest"][0]["mood"] == "calm"
    await guest.track({"mood": "cross"})
    await joins.wait(2)
    assert [p["mood"] for p in watcher.presence_state()["guest"]] == ["cross"]
    await guest_client.close()
    await leaves.wait(2)
    assert "guest" not in watcher.presence_state()
