"""The pure parts: both codecs byte for byte, filters, tokens, joins, bindings."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from realtime_harness import ANON, SECRET, SERVICE, settings, token

from vigil_cli.local.realtime import bindings, filters
from vigil_cli.local.realtime.auth import Keyring, TokenRefusedError
from vigil_cli.local.realtime.broadcast import Broadcast
from vigil_cli.local.realtime.join import ReplayError, parse_join
from vigil_cli.local.realtime.presence import CallLimit
from vigil_cli.local.realtime.serializer import (
    JSON,
    RAW,
    Inbound,
    UnreadableFrameError,
    UserBroadcast,
    Version,
    decode_binary,
    decode_text,
    encode,
    encode_user_broadcast,
)
from vigil_cli.local.realtime.values import to_json

V1, V2 = Version.V1, Version.V2
PUSH = b"\x03\x01\x01\x0a\x01\x00\x0167realtime:rx" + b'{"b":2}'


def test_binary_push_of_supabase_js() -> None:
    """The frame that supabase-js puts on the wire for a broadcast."""
    message = decode_binary(PUSH)
    assert message == Inbound(
        "realtime:r", "broadcast", UserBroadcast("x", b'{"b":2}', JSON, b""), "7", "6"
    )


def test_binary_broadcast() -> None:
    """Type 4, lengths in bytes of UTF-8, metadata as JSON, payload untouched."""
    message = UserBroadcast("\u00e9", b"\x00\xff", RAW, b'{"id":"1"}')
    assert encode_user_broadcast("realtime:r", message) == (
        b"\x04\x0a\x02\x0a\x00realtime:r\xc3\xa9" + b'{"id":"1"}\x00\xff'
    )
    assert encode_user_broadcast("t", UserBroadcast("e", b"{}")) == b"\x04\x01\x01\x00\x01te{}"


@pytest.mark.parametrize(
    "frame",
    [
        b"", b"\x03", b"\x00\x01\x01\x01\x01\x00\x0112345", PUSH[:12],
        b"\x03\x00\x00\x01\x01\x00\x02te{}", b"\x03\x00\x00\x01\x01\x00\x01te{",
        b"\x03\x00\x00\x01\x01\x00\x01te", b"\x03\x00\x00\x01\x01\x01\x00te{",
        b"\x03\x00\x00\x01\x01\x00\x00\xffe",
    ],
)  # fmt: skip
def test_unreadable_binary_frames(frame: bytes) -> None:
    """Cut short, of another type, or not what the header says: dropped, never a crash."""
    with pytest.raises(UnreadableFrameError):
        decode_binary(frame)


@given(st.binary(max_size=60))
def test_any_bytes_decode_or_are_dropped(data: bytes) -> None:
    """No bytes make the decoder fail in another way."""
    for frame in (data, b"\x03" + data):
        try:
            decode_binary(frame)
        except UnreadableFrameError:
            continue


@given(st.text(max_size=60), st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_any_text_decodes_or_is_dropped(text: str, value: Any) -> None:
    """No text makes the decoder fail in another way."""
    for version in (V1, V2):
        for frame in (text, json.dumps(value), json.dumps({"topic": value, "event": text})):
            try:
                decode_text(version, frame)
            except UnreadableFrameError:
                continue


def test_text_frames() -> None:
    """Key order and null references as clients want them."""
    assert (
        encode(V1, "t", "e", '{"a":1}') == '{"topic":"t","event":"e","payload":{"a":1},"ref":null}'
    )
    assert encode(V2, "t", "e", "{}", ref="2", join_ref="1") == '["1","2","t","e",{}]'
    assert decode_text(V2, '["1",null,"t","e",{}]') == Inbound("t", "e", {}, None, "1")
    assert decode_text(V1, '{"topic":"t","event":"e","ref":3}') == Inbound("t", "e", None, "3")


@pytest.mark.parametrize(
    ("vsn", "version"),
    [
        (None, V1),
        ("", V1),
        ("1.0.0", V1),
        ("1.1.0", V1),
        ("2.0.0", V2),
        ("3.0.0", None),
        ("x", None),
    ],
)
def test_versions(vsn: str | None, version: Version | None) -> None:
    """No version means the first; only the families 1 and 2 exist."""
    assert Version.from_vsn(vsn) is version


def test_broadcast_between_the_formats() -> None:
    """Raw bytes are not for version 1; a name too long for a binary header goes as text."""
    raw = Broadcast("t", user=UserBroadcast("e", b"\x00", RAW))
    assert raw.frame(V1) is None
    meta = Broadcast("t", user=UserBroadcast("e", b'{"a":1}', JSON, b'{"id":"1"}'))
    assert json.loads(str(meta.frame(V1)))["payload"] == {
        "type": "broadcast", "event": "e", "payload": {"a": 1}, "meta": {"id": "1"},
    }  # fmt: skip
    long = Broadcast("t", user=UserBroadcast("e" * 300, b"{}"))
    assert json.loads(str(long.frame(V2)))[4]["event"] == "e" * 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ", []),
        ("a=eq.1", [("a", "eq", ("1",), False)]),
        ("a=eq.x=y.z", [("a", "eq", ("x=y.z",), False)]),
        (
            "a=not.in.(1,2), b=is.NULL",
            [("a", "in", ("1", "2"), True), ("b", "is", ("null",), False)],
        ),
        ('a=eq."x,\\"y"', [("a", "eq", ('x,"y',), False)]),
        ('a=in.("x)",y)', [("a", "in", ("x)", "y"), False)]),
        ("a=in.()", [("a", "in", (), False)]),
        ('"odd,name"=eq.1', [("odd,name", "eq", ("1",), False)]),
        ("a=eq.", [("a", "eq", ("",), False)]),
        ("a=like.%x%", [("a", "like", ("%x%",), False)]),
    ],
)
def test_filters(text: str, expected: list[Any]) -> None:
    """Conditions joined by commas, values quoted when they hold one."""
    parsed = [(f.column, f.operator, f.values, f.negated) for f in filters.parse(text)]
    assert parsed == expected


@pytest.mark.parametrize(
    "text",
    ["a", "a=", "a=1", "=eq.1", "a=xx.1", "a=in.1", "a=in.(1", 'a=eq."x', "a=eq.1,", "a=eq.1,b"],
)
def test_refused_filters(text: str) -> None:
    """What cannot be understood is refused, not guessed."""
    with pytest.raises(filters.FilterError):
        filters.parse(text)


@given(st.text(max_size=40))
def test_any_filter_parses_or_is_refused(text: str) -> None:
    """No filter text makes the parser fail in another way, or hang."""
    try:
        filters.parse(text)
    except filters.FilterError:
        return


def test_in_operand_is_an_array_literal() -> None:
    """Values keep quotes, backslashes and commas."""
    (wanted,) = filters.parse(r'a=in.("x\"\\,y",z)')
    assert wanted.value == r'{"x\"\\,y","z"}'


def test_ids() -> None:
    """Equal entries share an id whatever the order of their keys; null entries are dropped."""
    one, two, three = bindings.number([{"a": 1, "b": 2}, None, {"b": 2, "a": 1}, {"a": 1, "b": 3}])
    assert one.id == two.id != three.id
    assert one.echo == {"a": 1, "b": 2, "id": one.id}


@pytest.mark.parametrize(
    ("params", "schema", "table"),
    [
        ({"schema": "s", "table": "t"}, "s", "t"),
        ({"table": "t"}, "public", "t"),
        ({"schema": "s"}, "s", None),
        ({"schema": "*", "table": "*"}, None, None),
    ],
)
def test_scope_of_an_entry(params: dict[str, Any], schema: str | None, table: str | None) -> None:
    """A missing schema is public, a missing table all of them."""
    wanted = bindings.understand(params)
    assert (wanted.schema, wanted.table, wanted.event) == (schema, table, "*")


def test_join_payload() -> None:
    """Booleans may be words, nonsense is passed over, defaults are off."""
    request = parse_join(
        "t",
        {
            "config": {
                "private": "True",
                "broadcast": {"ack": 1, "self": "false"},
                "presence": {"enabled": True, "key": 7},
                "postgres_changes": None,
                "postgres_changes_options": {"wait": True, "timeout": 99_000},
            },
            "user_token": "old",
        },
    )
    assert (request.private, request.ack, request.to_self) == (True, False, False)
    assert (request.presence, request.presence_key, request.bindings) == (True, "", ())
    assert (request.wait_seconds, request.token) == (20.0, "old")
    assert parse_join("t", {"config": 3}).private is False
    assert [b.params for b in parse_join("s:t:a=eq.1", 3).bindings] == [
        {"event": "*", "schema": "s", "table": "t", "filter": "a=eq.1"}
    ]


@pytest.mark.parametrize(
    "replay",
    [{}, {"since": "1"}, {"since": 1, "limit": 0}, {"since": 1, "limit": 26}, {"since": 1e3}],
)
def test_refused_replay(replay: dict[str, Any]) -> None:
    """`since` must be an integer and `limit` between 1 and 25."""
    request = parse_join("t", {"config": {"private": True, "broadcast": {"replay": replay}}})
    with pytest.raises(ReplayError, match="Replay params are not valid"):
        request.replayed()


def test_keys_and_tokens() -> None:
    """Keys are swapped for tokens, blanks and percent signs cleaned, claims kept whole."""
    ring = Keyring(settings("dbname=x"))
    assert ring.resolve("sb_publishable_test") == ANON
    assert ring.verify("sb_secret_test").role == "service_role"
    assert ring.verify(f" {SERVICE}\n").role == "service_role"
    access = ring.verify(token(sub="abc", extra={"deep": [1]}))
    assert (access.role, access.sub) == ("authenticated", "abc")
    assert json.loads(access.claims_json)["extra"] == {"deep": [1]}
    assert "eyJ" not in repr(access)


@pytest.mark.parametrize(
    ("claims", "algorithm", "code"),
    [
        ({"role": "anon", "exp": "soon"}, "HS256", "InvalidJWTToken"),
        ({"role": "anon", "exp": 4e9, "iat": "now"}, "HS256", "InvalidJWTToken"),
        ({"role": 1, "exp": 4e9}, "HS256", "InvalidJWTToken"),
        ({"exp": 4e9}, "HS512", "InvalidJWTToken"),
        ({"role": "anon", "exp": 10**400}, "HS256", "InvalidJWTToken"),
        ({"role": "anon", "exp": 4e9}, "none", "JwtSignerError"),
    ],
)
def test_refused_tokens(claims: dict[str, Any], algorithm: str, code: str) -> None:
    """Each refusal has the server's code; an unsigned token is never accepted."""
    signed = jwt.encode(claims, SECRET * 2 if algorithm != "none" else None, algorithm=algorithm)
    ring = Keyring(settings("dbname=x", jwt_secret=SECRET * 2))
    with pytest.raises(TokenRefusedError) as caught:
        ring.verify(signed)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("oid", "text", "expected"),
    [
        (23, "7", "7"), (1700, "1.10", "1.10"), (701, "NaN", '"NaN"'), (16, "t", "true"),
        (1184, "2026-01-02 03:04:05.6+00", '"2026-01-02T03:04:05.6+00:00"'),
        (1114, "2026-01-02 03:04:05", '"2026-01-02T03:04:05"'), (17, "\\xff", '"ff"'),
        (3802, '{"a": 1}', '{"a": 1}'), (25, 'q"\n', '"q\\"\\n"'), (25, None, "null"),
        (1184, "infinity", None), (1009, "{a}", None),
    ],
)  # fmt: skip
def test_values(oid: int, text: str | None, expected: str | None) -> None:
    """Common types are written here, the others are left to the database."""
    assert to_json(oid, text) == expected


def test_call_limit() -> None:
    """One call too many within the window, none after it."""
    limit = CallLimit(2, 0.05)
    assert [limit.exceeded() for _ in range(3)] == [False, False, True]
    time.sleep(0.06)
    assert not limit.exceeded()
