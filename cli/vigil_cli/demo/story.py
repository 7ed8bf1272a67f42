"""The story: what happens, in order, and what is checked after each step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from vigil_cli.demo.facts import Facts
from vigil_cli.demo.people import BrowserScreen, Member, Sent
from vigil_cli.demo.stage import Stage

TERMS = """term,category,severity,language,match
zorgle,slur,block,und,word
fastcoins,scam,remove,und,word
"""
MUTE_SECONDS = 4
Tell = Callable[[str], None]


@dataclass(slots=True)
class Story:
    """Ana and Ben talk; Sam disturbs them; Mia moderates. Every figure is measured here."""

    stage: Stage
    facts: Facts
    tell: Tell
    changed: Callable[[], None]
    pace: float = 1.0
    ana: Member = field(init=False)
    ben: Member = field(init=False)
    sam: Member = field(init=False)
    mia: Member = field(init=False)
    browser: BrowserScreen = field(init=False)
    attempts: list[Sent] = field(default_factory=list)

    async def play(self) -> None:
        """Everything, in order."""
        for step in (
            self._gather, self._moderate, self._talk, self._filter, self._block, self._mute,
            self._shadow, self._audit,
        ):  # fmt: skip
            await step()

    async def close(self) -> None:
        for name in ("ana", "ben", "sam", "mia", "browser"):
            if (somebody := getattr(self, name, None)) is not None:
                await somebody.close()

    async def _gather(self) -> None:
        self.tell("Four people sign up and sign in with the official client.")
        for name in ("Ana", "Ben", "Sam", "Mia"):
            member = await Member.sign_in(self.stage, name, self.changed)
            setattr(self, name.lower(), member)
        # The first admin is made by the owner of the database; everybody else by an admin.
        with psycopg.connect(self.stage.env["DB_URL"]) as owner:
            owner.execute("select vigil.bootstrap_admin(%s)", [self.mia.id])
        conversation = await self.ana.call(
            "start_conversation", members=[self.ben.id, self.sam.id], title="Neighbours"
        )
        for member in (self.ana, self.ben, self.sam):
            member.conversation = str(conversation)
        self.tell("A worker starts: it may call thirteen functions and read no table.")
        await self.stage.start_worker()
        await asyncio.gather(self.ana.open_screen(), self.sam.open_screen())
        self.browser = await BrowserScreen.open(self.stage, self.ben, self.changed)
        self.facts.check("members signed in, screens and doorbell live", True)

    async def _moderate(self) -> None:
        self.tell("Mia signs in on the command line and imports two words.")
        await self.stage.vigil(
            "login", "--url", self.stage.url, "--key", self.stage.env["PUBLISHABLE_KEY"],
            "--email", self.mia.email,
        )  # fmt: skip
        path = Path(self.stage.home) / "terms.csv"
        path.write_text(TERMS)
        done = await self.stage.vigil("terms", "import", str(path))
        self.facts.check("terms imported by `vigil terms import`", done["added"] == 2)
        await self._pause(1.2)  # a worker notices a new list within a second

    async def _talk(self) -> None:
        self.tell("Ana and Ben talk. Messages go through REST and come back by Realtime.")
        await self._say(self.ana, "Has anybody a spare heater?")
        sent = await self._say(self.ben, "Yes! I can bring it at six.")
        await self.browser.until(
            lambda line: line["event"] == "shown" and line["id"] == (sent.row or {}).get("id"),
            "Ben's own message",
        )
        shown = await self._until(lambda: self.ana.shows("Yes! I can bring it at six."))
        self.facts.check("a message reaches the other member's screen", shown)
        await self._pause(1.5)

    async def _filter(self) -> None:
        self.tell("Sam advertises. The worker finds it and takes it off everybody's screen.")
        text = "Get rich now with FASTCOINS dot example!"
        sent = await self._say(self.sam, text)
        message = (sent.row or {}).get("id")
        dropped = await self.browser.until(
            lambda line: line["event"] == "dropped" and line["id"] == message, "the removal"
        )
        milliseconds = dropped["at"] - sent.began * 1000
        seen = any(
            line["event"] == "shown" and line["id"] == message for line in self.browser.lines
        )
        await self._until(lambda: not self.ana.shows(text))
        gone = not self.ana.shows(text) and not self.browser.shows(text)
        gone = gone and not any(r["id"] == message for r in await self.ben.read())
        self.facts.figures["hidden_ms"] = round(milliseconds)
        self.facts.figures["was_seen_before"] = seen
        self.facts.check(
            "a bad message disappears from the other's screen (insert → gone, supabase-js)",
            gone, f"{milliseconds:.0f} ms",
        )  # fmt: skip
        await self._pause(2)

    async def _block(self) -> None:
        self.tell("A blocked word is refused in the sender's own transaction, worker or no worker.")
        sent = await self._say(self.sam, "you ZORGLE!")
        self.facts.check("a blocked word never exists", sent.refused == "VG107", sent.refused or "")
        await self._pause(1.5)

    async def _mute(self) -> None:
        self.tell(
            f"Mia mutes Sam for {MUTE_SECONDS} seconds: vigil restrict add {self.sam.email} mute"
        )
        made = await self.stage.vigil(
            "restrict", "add", self.sam.email, "mute", "--for", f"{MUTE_SECONDS}s",
            "--reason", "advertising",
        )  # fmt: skip
        until = _time(made["expires_at"])
        sent = await self._say(self.sam, "let me explain")
        self.facts.check("a muted member is refused", sent.refused == "VG103", sent.refused or "")
        refusals = 1
        accepted: Sent | None = None
        told = 0
        while time.time() < until + 10:
            sent = await self.sam.send("sorry, back again")
            if sent.row is not None:
                accepted = sent
                break
            refusals += 1
            left = max(0, round(until - time.time()))
            if left != told:
                told = left
                self.tell(f"Sam is muted for {left} s more ({refusals} refusals) ...")
            await asyncio.sleep(0.05)
        self.attempts.append(sent)
        late = _time((accepted.row or {})["created_at"]) - until if accepted else -1.0
        self.facts.check(
            "it ends by itself, exactly: nothing passes before, the next attempt after",
            accepted is not None and late >= 0, f"accepted {late * 1000:.0f} ms after the end",
        )  # fmt: skip
        lateness = await self._expiry_record(until)
        self.facts.figures["expiry_recorded_ms"] = None if lateness is None else round(lateness, 1)
        self.facts.check(
            "the worker puts the expiry on the record",
            lateness is not None, "" if lateness is None else f"{lateness:.0f} ms late",
        )  # fmt: skip
        await self._pause(1)

    async def _expiry_record(self, until: float) -> float | None:
        for _ in range(50):
            for event in await self.mia.call("tail_audit", max_rows=200):
                if event["kind"] == "restriction.expired":
                    return (_time(event["at"]) - until) * 1000
            await asyncio.sleep(0.1)
        return None

    async def _shadow(self) -> None:
        self.tell("Sam goes on; Mia shadow-bans him. He is not told, and nobody hears him.")
        before = await self._told_sam()
        await self.stage.vigil(
            "restrict", "add", self.sam.email, "shadow_ban", "--for", "30d",
            "--reason", "came back advertising", "--legal-basis", "terms of use, 4", "--yes",
        )  # fmt: skip
        text = "cheap heaters, write to me"
        sent = await self._say(self.sam, text)
        await self._until(lambda: self.sam.shows(text))
        # Realtime would have brought it by now: what Ana says next arrives.
        await self._say(self.ana, "See you at six, Ben.")
        await self._until(lambda: self.browser.shows("See you at six, Ben."))
        heard = self.ana.shows(text) or any(
            row["content"] == text for line in self.browser.lines for row in line["screen"]
        )
        heard = heard or any(row["content"] == text for row in await self.ben.read())
        self.facts.check(
            "a shadow-banned member notices nothing: sent, shown, and not told",
            sent.row is not None and self.sam.shows(text) and await self._told_sam() == before,
        )
        self.facts.check("and nobody else hears of it", not heard)
        await self._pause(2.5)

    async def _told_sam(self) -> list[Any]:
        """All that speaks of Sam's standing to Sam."""
        tables = ("notices", "user_restrictions", "message_tombstones")
        return [(await self.sam.client.table(t).select("*").execute()).data for t in tables]

    async def _audit(self) -> None:
        self.tell("Every act is on the record: vigil audit tail")
        await self._until_settled()
        events = await self.stage.vigil("audit", "tail", "--max", "200")
        kinds = [event["kind"] for event in events]
        accepted = sum(1 for sent in self.attempts if sent.row is not None)
        refused = len(self.attempts) - accepted
        wanted = {
            "staff.added", "terms.changed", "conversation.started", "message.judged",
            "message.removed", "restriction.created", "restriction.expired",
        }  # fmt: skip
        by_mia = [e for e in events if e["kind"] == "restriction.created"]
        complete = (
            wanted <= set(kinds)
            and kinds.count("message.sent") == accepted
            and len(by_mia) == 2
            and all(e["actor"] == self.mia.id and e["tool"].startswith("vigil-cli") for e in by_mia)
        )
        self.facts.figures |= {
            "messages": accepted, "refused": refused, "audit_events": len(events),
            "verdicts": kinds.count("message.judged"),
        }  # fmt: skip
        self.facts.check(
            "the audit trail shows every act, by whom and with what",
            complete, f"{len(events)} events, {accepted} messages, {refused} refused",
        )  # fmt: skip
        for event in [e for e in events if e["kind"] in wanted or e["kind"] == "message.sent"][-6:]:
            who = event["actor_name"] or "the system"
            self.tell(f"  {event['kind']:<22} by {who}, with {event['tool'][:30]}")

    async def _until_settled(self) -> None:
        async def idle() -> bool:
            status = await self.mia.call("worker_status")
            return not status["queue"]["ready"] and not status["queue"]["leased"]

        await self._until(idle)

    async def _say(self, member: Member, text: str) -> Sent:
        sent = await member.send(text)
        self.attempts.append(sent)
        if sent.refused:
            self.tell(f"{member.name} tries “{text}”: refused, {sent.refused}. {sent.hint}")
        return sent

    async def _until(
        self, true: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 15
    ) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = true()
            if answer is True or (isinstance(answer, Awaitable) and await answer):
                return True
            await asyncio.sleep(0.05)
        return False

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self.pace if self.pace >= 1 else min(seconds, 1.2))


def _time(text: Any) -> float:
    return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
