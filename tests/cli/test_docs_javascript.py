"""Every JavaScript snippet of docs/frontend.md runs, with the real supabase-js on a real stack."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.cli.world import PASSWORD, REASON, World
from vigil_cli.local import node
from vigil_cli.local.layout import Layout

PAGE = Path(__file__).parents[2] / "docs" / "frontend.md"
SNIPPET = re.compile(r"^```js\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The names that a reader has of their own, and a client that tells of every refused request.
BEFORE = """
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { createInterface } from 'node:readline'
const given = JSON.parse(process.argv[3])
const require = createRequire(pathToFileURL(process.argv[2] + '/index.js'))
const js = require('@supabase/supabase-js')
const tell = (kind, value) => console.log(JSON.stringify({ kind, value }))
const attentive = async (resource, options) => {
  const answer = await fetch(resource, options)
  if (!answer.ok) tell('refused', [String(resource), answer.status, await answer.clone().text()])
  return answer
}
const realtime = typeof WebSocket === 'undefined' ? { transport: require('ws') } : {}
const createClient = (url, key) => js.createClient(url, key, { global: { fetch: attentive }, realtime })
const { url, publishableKey, email, password, id, me, other, message, message_id, notice } = given
const description = 'seen by a test', content = 'another text'
const upsert = ({ new: row }) => tell('upsert', row.id)
const drop = (gone) => tell('drop', gone)
const refresh = (event, payload) => tell('refresh', [event, payload])
const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
"""
AFTER = "tell('done', supabase.getChannels().map((channel) => channel.state)); process.exit(0)\n"


def script(snippets: list[str]) -> str:
    """All snippets in the order of the page; the first makes the client for the others."""
    first, *rest = snippets
    blocks = [
        f"{{\n{snippet}\ntell('ran', {n}); await orders.next() }}\n"
        for n, snippet in enumerate(rest)
    ]
    return "".join([BEFORE, first, *blocks, AFTER])


@dataclass
class Screen:
    """The process, and what it told."""

    process: subprocess.Popen[str]
    told: list[dict[str, Any]] = field(default_factory=list)

    def follow(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(json.loads(line))

    def values(self, kind: str) -> list[Any]:
        return [each["value"] for each in self.told if each["kind"] == kind]

    def until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 30
        while not true():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                _, words = self.process.communicate()
                pytest.fail(f"{what} never came. {self.told} {words}")
            time.sleep(0.05)

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@pytest.fixture
def play(world: World, tmp_path: Path) -> Iterator[Callable[[list[str], dict[str, str]], Screen]]:
    """Starts snippets as one program."""
    screens: list[Screen] = []

    def start(snippets: list[str], given: dict[str, str]) -> Screen:
        tools = node.install(Layout.find(world.directory))
        path = tmp_path / "snippets.mjs"
        path.write_text(script(snippets))
        process = subprocess.Popen(
            [tools.runtime.node, str(path), str(tools.modules), json.dumps(given)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        screens.append(Screen(process))
        threading.Thread(target=screens[-1].follow, daemon=True).start()
        return screens[-1]

    yield start
    for screen in screens:
        screen.process.kill()
        screen.process.wait()
        for stream in (screen.process.stdin, screen.process.stdout, screen.process.stderr):
            assert stream is not None
            stream.close()


def test_every_snippet_for_frontends_does_what_the_page_says(world: World, play: Any) -> None:
    """What Realtime should bring to these callbacks is brought about by others meanwhile."""
    world.join("Jess", "Jim")
    moderator = world.as_("Mod")
    room = world.talk("Jess", "Jim")
    moderator("restrict", "add", world.ids["Jess"], "warn", REASON, expect=0)
    notices = world.client("Jess").table("notices").select("id").execute().data
    given = {
        "url": world.url, "publishableKey": world.key,
        "email": world.address("Jess"), "password": PASSWORD,
        "id": room, "me": world.ids["Jess"], "other": world.ids["Jim"],
        "message": world.send("Jess", room, "to be edited"),
        "message_id": world.send("Jim", room, "to be reported"),
        "notice": notices[0]["id"],
    }  # fmt: skip
    snippets = SNIPPET.findall(PAGE.read_text())
    live = next(n for n, snippet in enumerate(snippets[1:]) if "postgres_changes" in snippet)
    screen = play(snippets, given)
    for number in range(len(snippets) - 1):
        screen.until(lambda number=number: number in screen.values("ran"), f"snippet {number}")
        if number == live:
            bad = see_a_message_come(world, screen, room)
            moderator("message", "hide", bad, REASON, expect=0)
            screen.until(lambda bad=bad: bad in screen.values("drop"), "its tombstone")
            screen.until(lambda: "message_hidden" in dict(screen.values("refresh")), "its event")
        screen.go_on()
    screen.until(lambda: bool(screen.values("done")), "the end")
    assert screen.values("refused") == []
    assert set(screen.values("done")[0]) == {"joined"}


def see_a_message_come(world: World, screen: Screen, room: str) -> str:
    """Send until one is shown: a subscription takes a moment to be live."""
    for _ in range(60):
        sent = world.send("Jim", room, "live?")
        time.sleep(0.3)
        if sent in screen.values("upsert"):
            return sent
    pytest.fail(f"no message was shown: {screen.told}")


def test_a_wrong_snippet_would_be_noticed(world: World, play: Any) -> None:
    first, *_ = SNIPPET.findall(PAGE.read_text())
    wrong = "await supabase.rpc('send_message', { room: 'x', content: 'y' })"
    given = {
        "url": world.url, "publishableKey": world.key,
        "email": world.address("Ann"), "password": PASSWORD,
    }  # fmt: skip
    screen = play([first, wrong], given)
    screen.until(lambda: bool(screen.values("ran")), "the snippet")
    assert [status for _, status, _ in screen.values("refused")] == [404]
