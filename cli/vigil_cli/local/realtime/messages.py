"""Rows of realtime.messages as broadcasts: from the log as they commit, and for a replay."""

from __future__ import annotations

from vigil_cli.local.realtime.broadcast import Broadcast, Hub
from vigil_cli.local.realtime.database import Connection
from vigil_cli.local.realtime.join import Replay
from vigil_cli.local.realtime.serializer import JSON, RAW, UserBroadcast, dumps
from vigil_cli.local.realtime.wal import Change

_REPLAY = """
select id::text, event, payload::text, binary_payload
from realtime.messages
where topic = %(topic)s and private and extension = 'broadcast'
    and inserted_at >= to_timestamp(%(since)s / 1000.0) at time zone 'UTC'
order by inserted_at desc
limit %(limit)s
"""


def is_message(change: Change) -> bool:
    """Whether the change is of realtime.messages or one of its partitions."""
    relation = change.relation
    named = relation.name == "messages" or relation.name.startswith("messages_")
    return relation.schema == "realtime" and named


def send_row(change: Change, hub: Hub) -> None:
    """Deliver a stored broadcast to its topic."""
    row = change.new or {}
    topic, event = row.get("topic"), row.get("event")
    if change.kind != "INSERT" or row.get("extension") != "broadcast" or not topic:
        return
    binary = row.get("binary_payload")
    raw = None if binary is None else bytes.fromhex(binary.removeprefix("\\x"))
    message = _broadcast(topic, event or "", row.get("payload"), raw, {"id": row.get("id")})
    hub.send(message, private=row.get("private") == "t")


async def replayed(conn: Connection, topic: str, replay: Replay) -> list[Broadcast]:
    """The stored private broadcasts of a topic, oldest first."""
    cursor = await conn.execute(
        _REPLAY, {"topic": topic, "since": replay.since, "limit": replay.limit}
    )
    rows = await cursor.fetchall()
    return [
        _broadcast(topic, event or "", payload, binary, {"replayed": True, "id": row_id})
        for row_id, event, payload, binary in reversed(rows)
    ]


def _broadcast(
    topic: str, event: str, payload: str | None, binary: bytes | None, meta: dict[str, object]
) -> Broadcast:
    body, encoding = (payload or "{}").encode(), JSON
    if binary is not None:
        body, encoding = binary, RAW
    user = UserBroadcast(event, body, encoding, dumps(meta).encode())
    return Broadcast(topic, user=user, message_id=str(meta["id"]))
