"""Members of the story: each signed in with an official client, each with a screen of their own."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from postgrest.exceptions import APIError
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from realtime import RealtimePostgresChangesListenEvent
from vigil_cli.demo.stage import PASSWORD, PATIENCE, Stage
from vigil_cli.local.errors import LocalStackError

Changed = Callable[[], None]


@dataclass(slots=True)
class Sent:
    """An attempt to send: the row as it came back, or why it was refused."""

    content: str
    row: dict[str, Any] | None
    refused: str | None
    hint: str
    began: float
    ended: float


@dataclass(slots=True)
class Member:
    """Somebody signed in with supabase-py, who reads through REST whenever Realtime calls."""

    name: str
    id: str
    email: str
    client: AsyncClient
    changed: Changed = lambda: None
    conversation: str = ""
    screen: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[Sent] = field(default_factory=list)
    _call: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    async def sign_in(cls, stage: Stage, name: str, changed: Changed) -> Member:
        """Make the account, sign in, and say one's name."""
        email = f"{name.lower()}@example.org"
        office = await acreate_client(stage.url, stage.env["SECRET_KEY"])
        made = await office.auth.admin.create_user(
            {"email": email, "password": PASSWORD, "email_confirm": True}
        )
        options = AsyncClientOptions(realtime={"max_retries": 100})
        client = await acreate_client(stage.url, stage.env["PUBLISHABLE_KEY"], options=options)
        await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
        await client.table("profiles").update({"name": name}).eq("id", made.user.id).execute()
        return cls(name, made.user.id, email, client, changed)

    async def open_screen(self) -> None:
        """Subscribe; returns when changes are really delivered."""
        live = asyncio.Event()
        channel = self.client.channel(f"screen of {self.name}")
        for table in ("messages", "message_tombstones"):
            channel.on_postgres_changes(
                RealtimePostgresChangesListenEvent.All,
                lambda _: self._call.set(),
                table=table,
                schema="public",
            )
        channel.on_system(lambda _: live.set())
        await channel.subscribe()
        await asyncio.wait_for(live.wait(), PATIENCE)
        self._tasks.append(asyncio.create_task(self._follow()))
        await self.read()

    async def _follow(self) -> None:
        while True:
            await self._call.wait()
            self._call.clear()
            await self.read()

    async def read(self) -> list[dict[str, Any]]:
        """What this member can see, through REST."""
        answer = await (
            self.client.table("messages")
            .select("id, sender_id, content, created_at, moderation_status")
            .eq("conversation_id", self.conversation)
            .order("created_at")
            .execute()
        )
        self.screen = cast("list[dict[str, Any]]", answer.data)
        self.changed()
        return self.screen

    def shows(self, content: str) -> bool:
        return any(row["content"] == content for row in self.screen)

    async def send(self, content: str) -> Sent:
        """Insert through REST, as a frontend does."""
        began = time.time()
        row = {"conversation_id": self.conversation, "content": content}
        try:
            answer = await self.client.table("messages").insert(row).execute()
        except APIError as exc:
            refused = Sent(content, None, str(exc.code), str(exc.hint or ""), began, time.time())
            self.refusals.append(refused)
            self.changed()
            return refused
        self._call.set()
        stored = cast("dict[str, Any]", answer.data[0])
        return Sent(content, stored, None, "", began, time.time())

    async def call(self, function: str, **arguments: Any) -> Any:
        return (await self.client.rpc(function, arguments).execute()).data

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.remove_all_channels()
        await self.client.realtime.close()


@dataclass(slots=True)
class BrowserScreen:
    """The screen of a member whose app is supabase-js under Node, a process of its own."""

    process: asyncio.subprocess.Process
    changed: Changed
    lines: list[dict[str, Any]] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, stage: Stage, member: Member, changed: Changed) -> BrowserScreen:
        """Start it; returns when its subscriptions are live."""
        script = Path(__file__).with_name("screen.mjs")
        process = await asyncio.create_subprocess_exec(
            str(stage.tools.runtime.node), str(script), str(stage.tools.modules),
            env={
                **os.environ, "NODE_NO_WARNINGS": "1",
                "SCREEN_URL": stage.url, "SCREEN_KEY": stage.env["PUBLISHABLE_KEY"],
                "SCREEN_EMAIL": member.email, "SCREEN_PASSWORD": PASSWORD,
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        screen = cls(process, changed)
        screen._task = asyncio.create_task(screen._listen())
        try:
            await screen.until(lambda line: line["event"] == "live", "its subscriptions")
        except BaseException:
            await screen.close()
            raise
        return screen

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(json.loads(line))
            self.heard.set()
            self.changed()

    @property
    def screen(self) -> list[dict[str, Any]]:
        return self.lines[-1]["screen"] if self.lines else []

    @property
    def taken(self) -> list[dict[str, Any]]:
        """What it showed and had to take back."""
        shown = {row["id"]: row for line in self.lines for row in line["screen"]}
        dropped = {line["id"] for line in self.lines if line["event"] == "dropped" and line["seen"]}
        return [row for id, row in shown.items() if id in dropped]

    def shows(self, content: str) -> bool:
        return any(row["content"] == content for row in self.screen)

    async def shown(self, content: str) -> float:
        """When it first showed this, in seconds since the epoch."""

        def fits(line: dict[str, Any]) -> bool:
            return any(row["content"] == content for row in line["screen"])

        return float((await self.until(fits, f"“{content}”"))["at"]) / 1000

    async def until(
        self, wanted: Callable[[dict[str, Any]], bool], what: str, seconds: float = PATIENCE
    ) -> dict[str, Any]:
        """The first line that fits; LocalStackError when none comes."""
        deadline = time.monotonic() + seconds
        seen = 0
        while True:
            while seen < len(self.lines):
                if wanted(self.lines[seen]):
                    return self.lines[seen]
                seen += 1
            left = deadline - time.monotonic()
            if left <= 0 or self.process.returncode is not None:
                assert self.process.stderr is not None
                words = b""
                if self.process.returncode is not None:
                    words = await self.process.stderr.read()
                raise LocalStackError(
                    f"The supabase-js screen waited in vain for {what}. {words.decode()[-300:]}",
                    hint="vigil local logs, and the demo again",
                )
            self.heard.clear()
            try:
                await asyncio.wait_for(self.heard.wait(), min(left, 0.5))
            except TimeoutError:
                continue

    async def close(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()
        if self._task is not None:
            await self._task
