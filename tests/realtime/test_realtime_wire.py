"""The protocol frame by frame, as a client library would hide it."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest
from realtime_harness import (
    ANON,
    SECRET,
    Running,
    serve,
    settings,
    token,
    user_token,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus

NOTES = {"event": "*", "schema": "public", "table": "notes"}


async def test_version_1_frames(gateway: Running, wire: Any) -> None:
    """Four keys, always a ref, null where Python's client wants null; entries echoed as sent."""
    one = await wire(gateway, user_token(uuid.uuid4()), vsn=None)
    asked = [
        {"table": "notes", "event": "insert", "schema": "public", "x": [1]},
        {"event": "*", "schema": "public"},
        {"table": "notes", "event": "insert", "schema": "public", "x": [1]},
    ]
    await one.send("realtime:frames", "phx_join", {"config": {"postgres_changes": asked}}, ref="7")
    reply = await one.recv()
    assert list(reply) == ["topic", "event", "payload", "ref"]
    echoed = reply["payload"]["response"]["postgres_changes"]
    numbers = [entry.pop("id") for entry in echoed]
    assert (echoed, reply["ref"], reply["payload"]["status"]) == (asked, "7", "ok")
    assert numbers[0] == numbers[2] != numbers[1]
    assert all(0 < number < 2**27 for number in numbers)
    system = await one.recv()
    assert system == {
        "topic": "realtime:frames",
        "event": "system",
        "payload": {
            "extension": "postgres_changes",
            "status": "ok",
            "message": "Subscribed to PostgreSQL",
            "channel": "frames",
        },
        "ref": None,
    }
    await one.send("realtime:frames", "phx_leave", {}, ref="8")
    left, closed = await one.recv(), await one.recv()
    assert (left["event"], left["ref"]) == ("phx_reply", "8")
    assert left["payload"] == {"status": "ok", "response": {}}
    assert (closed["event"], closed["ref"], closed["payload"]) == ("phx_close", "7", {})


async def test_version_2_frames(gateway: Running, wire: Any) -> None:
    """Arrays of five; fan-out carries no references at all."""
    one = await wire(gateway, ANON, vsn="2.0.0")
    topic = "realtime:frames-2"
    config = {"broadcast": {"self": True, "ack": True}, "presence": {"enabled": True, "key": "k"}}
    await one.send(topic, "phx_join", {"config": config}, ref="3", join_ref="3")
    assert await one.recv() == [
        "3", "3", topic, "phx_reply", {"status": "ok", "response": {"postgres_changes": []}},
    ]  # fmt: skip
    assert await one.recv() == ["3", None, topic, "presence_state", {}]
    body = {"type": "broadcast", "event": "e", "payload": {"a": 1}, "extra": True}
    await one.send(topic, "broadcast", body, ref="4", join_ref="3")
    assert await one.recv() == [None, None, topic, "broadcast", body]
    assert await one.recv() == ["3", "4", topic, "phx_reply", {"status": "ok", "response": {}}]
    push = b"\x03\x01\x01" + bytes([len(topic)]) + b"\x01\x00\x01" + b"35" + topic.encode()
    await one.connection.send(push + b"x" + b'{"b":2}')
    relayed = b"\x04" + bytes([len(topic)]) + b"\x01\x00\x01" + topic.encode() + b'x{"b":2}'
    assert await one.recv() == relayed
    assert (await one.recv())[1] == "5"
    track = {"type": "presence", "event": "TRACK", "payload": {"m": 1}}
    await one.send(topic, "presence", track, ref="6", join_ref="3")
    diff = await one.recv()
    assert diff[:4] == [None, None, topic, "presence_diff"]
    assert diff[4]["leaves"] == {}
    (meta,) = diff[4]["joins"]["k"]["metas"]
    assert (meta["m"], set(meta)) == (1, {"m", "phx_ref"})
    assert (await one.recv())[:2] == ["3", "6"]
    await one.send(topic, "presence", track, ref="7", join_ref="3")
    assert (await one.recv())[1] == "7", "the same payload again is no news"
    await one.send(topic, "presence", {"event": "track", "payload": 1}, ref="8", join_ref="3")
    assert (await one.recv())[4]["response"] == {"reason": "Presence track payload must be a map"}


async def test_presence_call_limit_closes_the_channel(gateway: Running, wire: Any) -> None:
    """The sixth call within the window ends the channel, after saying why."""
    one = await wire(gateway, ANON)
    await one.join("limits", {"presence": {"enabled": True}})
    for ref in range(6):
        await one.send("realtime:limits", "presence", {"event": "untrack"}, ref=str(ref + 2))
    system = await one.until("system")
    assert system["payload"]["message"] == "Client presence rate limit exceeded"
    assert (await one.recv())["event"] == "phx_close"


async def test_heartbeat_unmatched_and_garbage(gateway: Running, wire: Any) -> None:
    """Heartbeats are answered, unknown topics too; what cannot be read is dropped."""
    one = await wire(gateway)
    for frame in ("{", "[]", "7", '{"topic":1,"event":"x"}', '{"topic":"\\ud800","event":"x"}'):
        await one.connection.send(frame)
    await one.connection.send(b"\x03\xff\xff")
    await one.connection.send("[" * 100_000)
    await one.send("phoenix", "heartbeat", {}, ref=None)
    assert await one.recv() == {
        "topic": "phoenix",
        "event": "phx_reply",
        "payload": {"status": "ok", "response": {}},
        "ref": None,
    }
    await one.send("realtime:nowhere", "broadcast", {}, ref="2")
    reply = await one.recv()
    assert reply["payload"] == {"status": "error", "response": {"reason": "unmatched topic"}}
    await one.send("realtime:nowhere", "phx_leave", {}, ref="3")
    assert (await one.recv())["payload"]["status"] == "ok"
    await one.join("here")
    await one.send("realtime:here", "whatever", {}, ref="4")
    await one.silence(0.2)


async def test_duplicate_join_replies_before_it_closes(gateway: Running, wire: Any) -> None:
    """reply(new), then phx_close of the old; the channel then works once, not twice."""
    one = await wire(gateway, ANON)
    config = {"broadcast": {"self": True}}
    await one.join("again", config, ref="1")
    await one.send("realtime:again", "phx_join", {"config": config}, ref="2")
    reply, closed = await one.recv(), await one.recv()
    assert (reply["event"], reply["ref"]) == ("phx_reply", "2")
    assert (closed["event"], closed["ref"]) == ("phx_close", "1")
    await one.send("realtime:again", "broadcast", {"event": "e", "payload": {}}, ref="3")
    assert (await one.recv())["event"] == "broadcast"
    await one.silence(0.2)
    await one.send("realtime:again", "phx_leave", {}, ref="4")
    assert [(await one.recv())["event"] for _ in range(2)] == ["phx_reply", "phx_close"]
    assert (await one.join("again", config, ref="5"))["payload"]["status"] == "ok"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"schema": "public", "table": "notes", "filter": None}, "Error parsing `filter` params:"),
        ({"schema": "public", "table": "notes", "filter": "foo=hey"}, 'params: ["foo", "hey"]'),
        ({"event": "*"}, "No subscription params provided"),
        ({"schema": "public", "select": ["id"]}, "Column selection is not supported for wildcard"),
        (
            {"schema": "public", "table": "unpublished"},
            "Unable to subscribe to changes with given parameters. Please check Realtime is "
            "enabled for the given connect parameters: [event: *, schema: public, "
            "table: unpublished, filters: [], select: nil]",
        ),
        (
            {"schema": "public", "table": "notes", "filter": "nocolumn=eq.1"},
            "Exception: ERROR P0001 (raise_exception) invalid column for filter nocolumn",
        ),
        (
            {"schema": "public", "table": "notes", "filter": "secret=eq.1"},
            "invalid column for filter secret",
        ),
        (
            {"schema": "public", "table": "notes", "filter": "id=eq.abc"},
            "ERROR 22P02 (invalid_text_representation) invalid input syntax for type bigint",
        ),
        ({"schema": "public", "table": "notes", "filter": "body=match.("}, "ERROR 2201B"),
        ({"schema": "public", "table": "notes", "filter": "body=eq.a\0b"}, "ERROR 22021"),
        ({"schema": "public", "table": "notes", "select": ["secret"]}, "invalid column for select"),
    ],
)
async def test_refused_subscriptions(gateway: Running, wire: Any, entry: Any, message: str) -> None:
    """The channel is joined, and a system message says what is wrong with the subscription."""
    one = await wire(gateway, user_token(uuid.uuid4()))
    reply = await one.join("refused", {"postgres_changes": [entry]})
    assert reply["payload"]["status"] == "ok"
    system = (await one.until("system"))["payload"]
    assert (system["extension"], system["status"]) == ("postgres_changes", "error")
    assert message in system["message"]
    await one.send("realtime:refused", "phx_leave", {}, ref="2")
    assert (await one.until("phx_reply"))["payload"]["status"] == "ok"


@pytest.mark.parametrize(
    ("access", "reason"),
    [
        ("nonsense", "MalformedJWT: The token provided is not a valid JWT"),
        (token()[:-3] + "abc", "JwtSignatureError: Failed to validate JWT signature"),
        (token(seconds=-60), "InvalidJWTToken: Token has expired"),
        (token(role=None), "InvalidJWTToken: Fields `role` and `exp` are required in JWT"),  # type: ignore[arg-type]
    ],
)
async def test_bad_tokens_at_the_join(
    gateway: Running, wire: Any, access: str, reason: str
) -> None:
    """The reply carries the code and the sentence of the server."""
    one = await wire(gateway)
    reply = await one.join("tokens", access_token=access)
    assert reply["payload"]["status"] == "error"
    assert reply["payload"]["response"]["reason"].startswith(reason)


@pytest.mark.parametrize(
    ("key", "status", "message"),
    [
        ("", 401, "API key is missing"),
        ("nonsense", 401, "The token provided is not a valid JWT"),
        (token(seconds=-5), 401, "Token has expired"),
        (ANON, 400, "Unsupported serializer version"),
    ],
)
async def test_refused_connections(
    gateway: Running, wire: Any, key: str, status: int, message: str
) -> None:
    """An HTTP answer to the upgrade, with the error in JSON."""
    with pytest.raises(InvalidStatus) as caught:
        await wire(gateway, key, vsn="3.0.0" if status == 400 else "1.0.0")
    assert caught.value.response.status_code == status
    assert message in json.loads(caught.value.response.body)["error"]


async def test_keys_of_the_new_style(gateway: Running, wire: Any) -> None:
    """A publishable key is anon, a secret key is service_role; a join may repeat them."""
    note = uuid.uuid4().int % 10**12
    for key, sees in (("sb_publishable_test", False), ("sb_secret_test", True)):
        one = await wire(gateway, key)
        await one.join("keys", {"postgres_changes": [NOTES]}, access_token=key)
        await one.until("system")
        gateway.sql("insert into notes (id, owner) values (%s, %s)", note, uuid.uuid4())
        frame = await one.until("postgres_changes")
        errors = frame["payload"]["data"]["errors"]
        assert errors == (None if sees else ["Error 401: Unauthorized"])
        assert isinstance(frame["payload"]["data"]["commit_timestamp"], str)
        gateway.sql("delete from notes where id = %s", note)


async def test_token_refresh_and_expiry(gateway: Running, wire: Any) -> None:
    """A new token moves the subscription to its claims; an expired one closes the channel only."""
    anna, ben = uuid.uuid4(), uuid.uuid4()
    one = await wire(gateway)
    inserts = {"postgres_changes": [NOTES | {"event": "INSERT"}]}
    await one.join("tokens", inserts, access_token=user_token(anna))
    await one.until("system")
    await one.send("realtime:tokens", "access_token", {"access_token": user_token(ben)}, ref="2")
    assert (await one.until("system"))["payload"]["message"] == "Subscribed to PostgreSQL"
    for owner in (anna, ben):
        note = uuid.uuid4().int % 10**12
        gateway.sql("insert into notes (id, owner) values (%s, %s)", note, owner)
    frame = await one.until("postgres_changes")
    assert frame["payload"]["data"]["record"]["owner"] == str(ben)
    brief = user_token(ben, seconds=1)
    await one.send("realtime:tokens", "access_token", {"access_token": brief}, ref="3")
    await one.until("system")
    ended = await one.until("system")
    assert ended["payload"]["status"] == "error"
    assert ended["payload"]["message"].startswith("Token has expired ")
    assert (await one.recv())["event"] == "phx_close"
    gateway.sql("insert into notes (id, owner) values (%s, %s)", uuid.uuid4().int % 10**12, ben)
    await one.silence()
    await one.send("phoenix", "heartbeat", {}, ref="9")
    assert (await one.recv())["ref"] == "9"


async def test_lost_right_closes_the_private_channel(gateway: Running, wire: Any) -> None:
    """A refreshed token without the right to read ends the membership."""
    anna = uuid.uuid4()
    name = f"room:{anna}"
    one = await wire(gateway)
    reply = await one.join(name, {"private": True}, access_token=user_token(anna))
    assert reply["payload"]["status"] == "ok"
    other = user_token(uuid.uuid4())
    await one.send(f"realtime:{name}", "access_token", {"access_token": other}, ref="2")
    message = (await one.until("system"))["payload"]["message"]
    assert message == f"You no longer have permission to read from this Channel topic: {name}"
    assert (await one.recv())["event"] == "phx_close"


async def test_public_and_private_channels_never_mix(gateway: Running, wire: Any) -> None:
    """Whoever is alone on the public channel of a name hears nothing private, and the reverse."""
    anna = uuid.uuid4()
    name = f"room:{anna}"
    public, private = await wire(gateway), await wire(gateway, user_token(anna))
    await public.join(name)
    gateway.sql("select public.send_to(%s, '{\"n\": 1}')", name)
    await public.silence()
    await public.send(f"realtime:{name}", "phx_leave", {}, ref="2")
    await public.until("phx_close")
    await private.join(name, {"private": True})
    body = json.dumps({"messages": [{"topic": name, "event": "e", "payload": {"n": 2}}]}).encode()
    assert (await asyncio.to_thread(post, gateway, "/api/broadcast", body, apikey=ANON))[0] == 202
    await private.silence()


async def test_failing_policy_denies_only_its_subject(gateway: Running, wire: Any) -> None:
    """A policy on realtime.messages that raises refuses that member; the next one is let in."""
    one = await wire(gateway)
    for name, status in (("raise me", "error"), ("anna", "ok")):
        access = token(name=name)
        reply = await one.join("failing", {"private": True}, access_token=access)
        assert reply["payload"]["status"] == status
    two = await wire(gateway, token(name="ben"))
    await two.join("failing", {"private": True, "broadcast": {"ack": True, "self": True}})
    await two.send("realtime:failing", "broadcast", {"event": "e", "payload": {}}, ref="2")
    await two.silence(0.2)
    await two.send("realtime:failing", "phx_leave", {}, ref="3")
    assert (await two.recv())["payload"]["status"] == "ok"


async def test_policies_see_the_headers(gateway: Running, wire: Any) -> None:
    """Headers that begin with x- are in request.headers."""
    for door, status in (("open", "ok"), ("shut", "error")):
        one = await wire(gateway, token(), x_door=door)
        reply = await one.join("headers", {"private": True})
        assert reply["payload"]["status"] == status


async def test_replay(gateway: Running, wire: Any) -> None:
    """Stored messages come after the reply, oldest first, marked; live ones follow unmarked."""
    anna = uuid.uuid4()
    name = f"room:{anna}"
    before = int(time.time() * 1000) - 1000
    for n in range(3):
        gateway.sql("select public.send_to(%s, jsonb_build_object('n', %s::int))", name, n)
    one = await wire(gateway, user_token(anna), vsn="2.0.0")
    config = {"private": True, "broadcast": {"replay": {"since": before, "limit": 2}}}
    assert (await one.join(name, config))[4]["status"] == "ok"
    frames = [await one.recv(), await one.recv()]
    assert [frame[:4] for frame in frames] == [["1", None, f"realtime:{name}", "broadcast"]] * 2
    assert [frame[4]["payload"]["n"] for frame in frames] == [1, 2]
    assert frames[0][4]["meta"] == {"replayed": True, "id": frames[0][4]["payload"]["id"]}
    gateway.sql("select public.send_to(%s, '{\"n\": 3}')", name)
    live = []
    while not live or live[-1]["n"] != 3:
        frame = await one.recv()
        assert frame[0] == 4
        live.append(json.loads(frame[frame.rindex(b"{") :]))
    assert not {1, 2} & {payload["n"] for payload in live}, "a replayed message came twice"
    reply = await one.join("public", {"broadcast": {"replay": {"since": before}}}, ref="9")
    assert reply[4]["response"]["reason"] == (
        "UnableToReplayMessages: Replay is not allowed for public channels"
    )


def post(running: Running, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    """POST to the gateway; status and body."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(running.http + path, body, names)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


async def test_rest(gateway: Running, wire: Any) -> None:
    """The batch and the single endpoint, with the refusals of each."""
    anna = uuid.uuid4()
    mine = user_token(anna)
    one = await wire(gateway, mine, vsn="2.0.0")
    await one.join("rest/1", ref="1")
    await one.join(f"room:{anna}", {"private": True}, ref="2")
    messages = [
        {"topic": "rest/1", "event": "e", "payload": {"n": 1}},
        {"topic": f"room:{anna}", "event": "e", "payload": {"n": 2}, "private": True},
        {"topic": f"room:x{anna}", "event": "e", "payload": {"n": 3}, "private": True},
    ]
    body = json.dumps({"messages": messages}).encode()
    call = asyncio.to_thread
    assert await call(post, gateway, "/api/broadcast", body, apikey=mine) == (202, b"")
    text = {"type": "broadcast", "event": "e", "payload": {"n": 1}}
    assert await one.recv() == [None, None, "realtime:rest/1", "broadcast", text]
    assert (await one.recv())[4]["payload"] == {"n": 2}
    assert (await call(post, gateway, "/api/broadcast", body, apikey="x"))[0] == 401
    assert (await call(post, gateway, "/api/broadcast", b"{}", apikey=mine))[0] == 422
    assert (await call(post, gateway, "/api/broadcast", b"{", apikey=mine))[0] == 422
    single = "/api/broadcast/rest%2F1/events/a%2Fb"
    kinds = {"apikey": ANON, "Authorization": f"Bearer {mine}", "Content_Type": "application/json"}
    assert await call(post, gateway, single, b'{"n":4}', **kinds) == (202, b"")
    frame = await one.recv()
    assert frame == b"\x04\x0f\x03\x00\x01realtime:rest/1a/b" + b'{"n":4}'
    private = f"/api/broadcast/room%3Ax{anna}/events/e?private=true"
    assert (await call(post, gateway, private, b"{}", **kinds))[0] == 403
    assert (await call(post, gateway, "/api/broadcast/x/y/z", b"{}", **kinds))[0] == 404
    kinds["Content_Type"] = "text/plain"
    assert (await call(post, gateway, single, b"x", **kinds))[0] == 415


async def test_legacy_join_without_config(gateway: Running, wire: Any) -> None:
    """The topic names the table; events are called after what happened."""
    anna = uuid.uuid4()
    one = await wire(gateway, user_token(anna))
    topic = f"realtime:public:notes:owner=eq.{anna}"
    await one.send(topic, "phx_join", {})
    await one.until("system")
    note = uuid.uuid4().int % 10**12
    gateway.sql("insert into notes (id, owner) values (%s, %s)", note, anna)
    frame = await one.until("INSERT")
    assert frame["payload"]["record"]["id"] == note


async def test_limits_of_a_socket(gateway: Running, wire: Any) -> None:
    """Too large a frame, silence, and too many channels."""
    config = settings(gateway.admin_dsn, idle_seconds=0.3, max_frame_bytes=2000, max_channels=2)
    with serve(config, gateway.dsn) as small:
        one = await wire(small)
        for n in range(3):
            reply = await one.join(f"c{n}", ref=str(n))
        reason = reply["payload"]["response"]["reason"]
        assert reason == "ChannelRateLimitReached: Too many channels"
        await one.connection.send("x" * 3000)
        with pytest.raises(ConnectionClosed):
            await one.recv()
        assert one.connection.close_code == 1009
        idle = await wire(small)
        with pytest.raises(ConnectionClosed):
            await idle.recv()
        assert idle.connection.close_code == 1000


def test_secret_is_not_shown(gateway: Running) -> None:
    """The settings' text holds no secret."""
    assert SECRET not in repr(settings("postgresql://u:p@h/d"))
    assert "u:p" not in repr(settings("postgresql://u:p@h/d"))
