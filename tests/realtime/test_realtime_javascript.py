"""The gateway with supabase-js (its Realtime part) under Node, in both wire formats."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from realtime_harness import Box, Running, user_token

KEY = "sb_publishable_test"
SCRIPT = Path(__file__).parent / "js_client.mjs"


class Member:
    """A Node process that acts on commands and reports what its client saw."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = Box()
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            self.said(json.loads(line))

    async def tell(self, command: str, **rest: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"command": command, **rest}).encode() + b"\n")
        await self.process.stdin.drain()

    async def hears(self, kind: str, count: int = 1) -> list[Any]:
        async with asyncio.timeout(8):
            while len(found := [i["value"] for i in self.said.items if i["kind"] == kind]) < count:
                await asyncio.sleep(0.01)
        return found

    async def join(self, topic: str, **rest: Any) -> Any:
        await self.tell("join", topic=topic, **rest)
        return (await self.hears("status"))[0]


@pytest.fixture
async def member(node: tuple[str, Path]) -> AsyncIterator[Callable[..., Awaitable[Member]]]:
    """Starts members, and ends them after the test."""
    program, modules = node
    started: list[Member] = []

    async def start(running: Running, access: str, vsn: str = "2.0.0") -> Member:
        process = await asyncio.create_subprocess_exec(
            program, str(SCRIPT), str(modules), running.base, KEY, access, vsn,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        started.append(Member(process))
        return started[-1]

    yield start
    for one in started:
        if one.process.returncode is None:
            one.process.kill()
        await one.process.wait()
        one.reading.cancel()
        await asyncio.gather(one.reading, return_exceptions=True)
        one.process._transport.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
async def test_changes_and_private_messages(gateway: Running, member: Any, vsn: str) -> None:
    """Own rows only, then a message from the database, on one private channel."""
    anna = uuid.uuid4()
    topic = f"room:{anna}"
    js = await member(gateway, user_token(anna), vsn)
    changes = [
        {"event": "INSERT", "schema": "public", "table": "notes", "filter": f"owner=eq.{anna}"},
        {"event": "*", "schema": "public", "table": "notes"},
    ]
    status = await js.join(topic, changes=changes, config={"private": True})
    assert status["status"] == "SUBSCRIBED", status
    await js.hears("system")
    stranger, own = (uuid.uuid4().int % 10**12 for _ in range(2))
    gateway.sql("insert into notes (id, owner) values (%s, %s)", stranger, uuid.uuid4())
    gateway.sql("insert into notes (id, owner, body) values (%s, %s, 'hi')", own, anna)
    seen = await js.hears("change", 2)
    assert [item["new"]["id"] for item in seen] == [own, own]
    assert {item["filter"]["event"] for item in seen} == {"INSERT", "*"}
    gateway.sql("select public.send_to(%s, '{\"n\": 1}')", topic)
    (message,) = await js.hears("broadcast")
    assert message["event"] == "news"
    assert message["payload"]["n"] == 1
    assert message["meta"]["id"] == message["payload"]["id"]


async def test_refreshed_token(gateway: Running, member: Any) -> None:
    """After setAuth the changes are those the new token may see."""
    anna, ben = uuid.uuid4(), uuid.uuid4()
    js = await member(gateway, user_token(anna))
    await js.join("refreshed", changes=[{"event": "INSERT", "schema": "public", "table": "notes"}])
    await js.hears("system")
    await js.tell("auth", token=user_token(ben))
    await js.hears("system", 2)
    for owner in (anna, ben):
        number = uuid.uuid4().int % 10**12
        gateway.sql("insert into notes (id, owner) values (%s, %s)", number, owner)
    assert (await js.hears("change"))[0]["new"]["owner"] == str(ben)


async def test_both_formats_on_one_topic(gateway: Running, member: Any, client: Any) -> None:
    """JSON sent by either format reaches both; raw bytes reach version 2 only."""
    topic, access = f"pub-{uuid.uuid4()}", user_token(uuid.uuid4())
    old, new = await member(gateway, access, "1.0.0"), await member(gateway, access, "2.0.0")
    config = {"broadcast": {"self": True, "ack": True}}
    for one in (old, new):
        assert (await one.join(topic, config=config))["status"] == "SUBSCRIBED"
    await new.tell("send", topic=topic, event="raw", bytes=[0, 255, 7])
    assert await new.hears("sent") == ["ok"]
    await new.tell("send", topic=topic, event="from-new", payload={"n": 2})
    await old.hears("broadcast")
    await old.tell("send", topic=topic, event="from-old", payload={"n": 1})
    heard = await new.hears("broadcast", 3)
    assert [(m["event"], m["payload"]) for m in heard] == [
        ("raw", {"bytes": [0, 255, 7]}), ("from-new", {"n": 2}), ("from-old", {"n": 1}),
    ]  # fmt: skip
    heard = await old.hears("broadcast", 2)
    assert [m["event"] for m in heard] == ["from-new", "from-old"]


async def test_presence_and_leaving(gateway: Running, member: Any) -> None:
    """A key given at the join appears to all, and goes with the channel."""
    topic, access = f"pub-{uuid.uuid4()}", user_token(uuid.uuid4())
    one, two = await member(gateway, access), await member(gateway, access, "1.0.0")
    await one.join(topic, presence=True)
    await two.join(topic, presence=True, config={"presence": {"key": "two"}})
    await two.tell("track", topic=topic, meta={"mood": "calm"})
    await one.said.wait_for(lambda item: item["kind"] == "sync" and "two" in item["value"])
    await two.tell("leave", topic=topic)
    assert await two.hears("left") == ["ok"]
    async with asyncio.timeout(5):
        while "two" in (await one.hears("sync"))[-1]:
            await asyncio.sleep(0.01)


async def test_waiting_join(gateway: Running, member: Any) -> None:
    """With `wait`, SUBSCRIBED already means live; a table that is not published is refused."""
    anna = uuid.uuid4()
    js = await member(gateway, user_token(anna))
    changes = [{"event": "INSERT", "schema": "public", "table": "notes"}]
    config = {"postgres_changes_options": {"wait": True}}
    assert (await js.join("waiting", changes=changes, config=config))["status"] == "SUBSCRIBED"
    gateway.sql("insert into notes (id, owner) values (%s, %s)", uuid.uuid4().int % 10**12, anna)
    await js.hears("change")
    refused = await member(gateway, user_token(anna))
    changes = [{"event": "INSERT", "schema": "public", "table": "unpublished"}]
    status = await refused.join("waiting", changes=changes, config=config)
    assert status["status"] == "CHANNEL_ERROR"
    assert "RealtimeDisabledForConfiguration" in status["error"]
