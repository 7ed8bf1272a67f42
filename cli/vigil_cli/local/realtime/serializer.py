"""The two wire formats, byte for byte: V1 (JSON object) and V2 (JSON array, and binary broadcasts).

Nothing here closes a connection. A frame that cannot be read raises `UnreadableFrameError`, and
the caller drops it, as the real server does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

USER_BROADCAST_PUSH = 3
USER_BROADCAST = 4
RAW, JSON = 0, 1
_PUSH_HEADER = 7
_MAX_FIELD = 255


class Version(Enum):
    """The serializer a socket asked for with `vsn`."""

    V1 = "1.0.0"
    V2 = "2.0.0"

    @classmethod
    def from_vsn(cls, vsn: str | None) -> Version | None:
        """The version meant by a `vsn` parameter; none given means V1, an unknown one None."""
        if not vsn:
            return cls.V1
        return {"1": cls.V1, "2": cls.V2}.get(vsn.split(".", 1)[0])


class UnreadableFrameError(ValueError):
    """The frame is not a message of its version; drop it and read on."""


@dataclass(frozen=True, slots=True)
class UserBroadcast:
    """A broadcast whose payload stays as the sender's bytes: JSON text or raw."""

    event: str
    payload: bytes
    encoding: int = JSON
    metadata: bytes = b""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message from a client. `payload` is a UserBroadcast for a binary push."""

    topic: str
    event: str
    payload: Any
    ref: str | None = None
    join_ref: str | None = None


def dumps(value: object) -> str:
    """Compact JSON in ASCII, so that no string a client sent can make a frame unsendable."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def encode(
    version: Version,
    topic: str,
    event: str,
    payload_json: str,
    *,
    ref: str | None = None,
    join_ref: str | None = None,
) -> str:
    """A text frame around a payload that already is JSON. V1 always carries `ref`, null or not."""
    if version is Version.V1:
        return (
            f'{{"topic":{dumps(topic)},"event":{dumps(event)},'
            f'"payload":{payload_json},"ref":{dumps(ref)}}}'
        )
    return f"[{dumps(join_ref)},{dumps(ref)},{dumps(topic)},{dumps(event)},{payload_json}]"


def encode_user_broadcast(topic: str, message: UserBroadcast) -> bytes:
    """The binary frame (type 4) of a broadcast; raises when a header field exceeds 255 bytes."""
    fields = (topic.encode(), message.event.encode(), message.metadata)
    if any(len(part) > _MAX_FIELD for part in fields):
        raise UnreadableFrameError("a topic, event or metadata is longer than 255 bytes")
    lengths = bytes(len(part) for part in fields)
    head = bytes([USER_BROADCAST]) + lengths + bytes([message.encoding])
    return head + b"".join(fields) + message.payload


def user_broadcast_text(message: UserBroadcast) -> str | None:
    """The text payload that stands for a binary broadcast; None when it is raw bytes."""
    if message.encoding == RAW:
        return None
    meta = f',"meta":{message.metadata.decode()}' if message.metadata else ""
    payload = message.payload.decode()
    return f'{{"type":"broadcast","event":{dumps(message.event)},"payload":{payload}{meta}}}'


def decode_text(version: Version, text: str) -> Inbound:
    """Read a text frame of either version."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise UnreadableFrameError("the frame is not JSON") from exc
    if version is Version.V1:
        if not isinstance(body, dict):
            raise UnreadableFrameError("a version 1 frame is a JSON object")
        parts = (body.get("join_ref"), body.get("ref"), body.get("topic"), body.get("event"))
        payload = body.get("payload")
    else:
        if not isinstance(body, list) or len(body) != 5:
            raise UnreadableFrameError("a version 2 frame is a JSON array of five")
        parts, payload = (body[0], body[1], body[2], body[3]), body[4]
    join_ref, ref, topic, event = parts
    if not isinstance(topic, str) or not isinstance(event, str):
        raise UnreadableFrameError("topic and event must be strings")
    return Inbound(_utf8(topic), _utf8(event), payload, _ref(ref), _ref(join_ref))


def decode_binary(data: bytes) -> Inbound:
    """Read a binary frame of version 2: a user broadcast push (type 3)."""
    if len(data) < _PUSH_HEADER or data[0] != USER_BROADCAST_PUSH:
        raise UnreadableFrameError("only binary frames of type 3 are understood")
    encoding = data[6]
    if encoding not in (RAW, JSON):
        raise UnreadableFrameError("the payload encoding must be 0 or 1")
    position = _PUSH_HEADER
    fields: list[bytes] = []
    for length in data[1:6]:
        fields.append(data[position : position + length])
        position += length
    if position > len(data):
        raise UnreadableFrameError("the frame ends inside its header")
    payload = data[position:]
    join_ref, ref, topic, event, metadata = fields
    try:
        for part in (payload if encoding == JSON else b"", metadata):
            if part:
                json.loads(part.decode())
        if encoding == JSON and not payload:
            raise UnreadableFrameError("a JSON broadcast has no payload")
        return Inbound(
            topic.decode(),
            "broadcast",
            UserBroadcast(event.decode(), payload, encoding, metadata),
            ref.decode() or None,
            join_ref.decode() or None,
        )
    except (ValueError, RecursionError) as exc:
        raise UnreadableFrameError("a field of the binary frame cannot be read") from exc


def _ref(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return _utf8(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise UnreadableFrameError("ref and join_ref must be strings")


def _utf8(value: str) -> str:
    """Lone surrogates are not text; a frame with one in its header is dropped."""
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        raise UnreadableFrameError("the frame holds a lone surrogate") from exc
    return value
