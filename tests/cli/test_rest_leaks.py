"""The ways of the REST interface to a message: embedding, counting, returning; for a member, a stranger and the public key."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.cli.world import World

SELECTS = {
    "rows": "messages?select=*&conversation_id=eq.{c}",
    "a search by content": "messages?select=id,content&content=like.*{word}*",
    "embedded in the conversation": "conversations?select=id,title,messages(*)&id=eq.{c}",
    "filtered by what is embedded": "conversations?select=id,messages!inner(content)&messages.content=like.*{word}*",
    "embedded in the author": "profiles?select=id,messages!messages_sender_id_fkey(*)",
    "embedding the author": "messages?select=*,sender:profiles!messages_sender_id_fkey(id,name)&conversation_id=eq.{c}",
    "page": "rpc/list_messages?conversation={c}",
    "search": "rpc/search_messages?query={word}",
}


class Rest:
    """One person's requests."""

    def __init__(self, world: World, name: str | None) -> None:
        self._base = f"{world.url}/rest/v1/"
        token = None
        if name is not None:
            session = world.client(name).auth.get_session()
            assert session is not None
            token = session.access_token
        self._headers = {"apikey": world.key, "Authorization": f"Bearer {token or world.key}"}

    def __call__(self, verb: str, path: str, **more: Any) -> httpx.Response:
        headers = {**self._headers, **more.pop("headers", {})}
        return httpx.request(verb, self._base + path, headers=headers, timeout=30, **more)


@pytest.mark.parametrize("state", ["hidden", "removed", "deleted", "pending", "shadowed"])
def test_no_way_of_rest_shows_what_is_out_of_sight(world: World, state: str) -> None:
    word = f"quince{state}"
    conversation = world.talk("Ann", "Bob", "Cem")
    world.send("Ann", conversation, "plain")
    if state == "pending":
        world.run(
            "insert into vigil.conversation_settings (conversation_id, moderation_mode) values (%s, 'pre')",
            conversation,
        )
    if state == "shadowed":
        restricted = world.client("Mod").rpc("restrict_member", {
            "member": world.ids["Ann"], "restriction": "shadow_ban", "reason": "r", "legal_basis": "b"}).execute().data  # fmt: skip
    message = world.send("Ann", conversation, word)
    if state == "shadowed":
        world.client("Mod").rpc(
            "lift_restriction", {"restriction": restricted["restriction_id"], "reason": "r"}
        ).execute()
    elif state == "deleted":
        world.client("Ann").rpc("delete_message", {"message": message}).execute()
    elif state != "pending":
        decision = {"hidden": "hide", "removed": "remove"}[state]
        world.client("Mod").rpc(
            "decide_message", {"message": message, "decision": decision, "reason": "r"}
        ).execute()
    author, bob, mallory, nobody = (Rest(world, name) for name in ("Ann", "Bob", "Mallory", None))
    for surface, path in SELECTS.items():
        seen = author("GET", path.format(c=conversation, word=word))
        assert seen.status_code == 200, (surface, seen.text)
        assert state == "deleted" or word in seen.text, surface
        for person in (bob, mallory, nobody):
            shown = person("GET", path.format(c=conversation, word=word))
            assert word not in shown.text, surface
            assert message not in shown.text, surface
    count = {"Prefer": "count=exact"}
    for verb in ("GET", "HEAD"):
        path = f"messages?select=id&conversation_id=eq.{conversation}"
        counts = [
            p(verb, path, headers=count).headers.get("content-range", "").split("/")[-1]
            for p in (author, bob, mallory)
        ]
        assert counts == ["2", "1", "0"], verb
    for change in ({"status": "read"}, {"deleted_at": "2026-01-01"}):
        path = f"messages?id=eq.{message}"
        for person in (bob, mallory):
            answer = person("PATCH", path, json=change, headers={"Prefer": "return=representation"})
            absent = person(
                "PATCH",
                "messages?id=eq.00000000-0000-4000-8000-000000000000",
                json=change,
                headers={"Prefer": "return=representation"},
            )
            assert (answer.status_code, answer.text) == (absent.status_code, absent.text)
    answers = []
    for parent in (message, "00000000-0000-4000-8000-000000000000"):
        reply = {"conversation_id": conversation, "content": "re", "parent_message_id": parent}
        answer = bob("POST", "messages", json=reply)
        answers.append((answer.status_code, json.loads(answer.text)))
    assert answers[0] == answers[1]
    assert answers[0][1]["code"] == "VG113"
