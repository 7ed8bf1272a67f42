"""Sending: the same table with and without Vigil's triggers; keys, indexes and policies stay."""

from __future__ import annotations

import json
import threading

from bench.world import TEXT, World

CLIENTS = 8
ONE = "insert into public.messages (conversation_id, sender_id, content) values (%s, %s, %s)"
# As PostgREST carries out a bulk insert.
MANY = (
    "insert into public.messages (conversation_id, sender_id, content)"
    " select conversation_id, sender_id, content from json_to_recordset(%s)"
    " as x (conversation_id uuid, sender_id uuid, content text)"
)


def singles(world: World, each: int) -> int:
    """Eight members' connections, each message a transaction of its own."""
    sessions = [world.db.acting_as(world.sender) for _ in range(CLIENTS)]

    def client(number: int) -> None:
        for _ in range(each):
            sessions[number].run(ONE, world.conversation, world.sender, TEXT)

    threads = [threading.Thread(target=client, args=[n]) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for session in sessions:
        session.conn.close()
    return each * CLIENTS


def batches(world: World, calls: int) -> int:
    """One member, a thousand messages a statement."""
    row = {
        "conversation_id": str(world.conversation),
        "sender_id": str(world.sender),
        "content": TEXT,
    }
    body = json.dumps([row] * 1000)
    session = world.db.acting_as(world.sender)
    for _ in range(calls):
        session.run(MANY, body)
    session.conn.close()
    return calls * 1000
