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
from vigil_cli.demo.stage import PATIENCE, Stage
from vigil_cli.demo.workerview import WorkerView

TERMS = """term,category,severity,language,match
zorgle,slur,block,und,word
fastcoins,scam,remove,und,word
"""
MUTE_SECONDS = 4
ACTS = {
    "staff.added", "terms.changed", "conversation.started", "message.sent", "message.judged",
    "message.removed", "restriction.created", "restriction.expired",
}  # fmt: skip
Tell = Callable[..., None]


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
    ada: Member = field(init=False)
    browser: BrowserScreen = field(init=False)
    worker: WorkerView = field(init=False)
    attempts: list[Sent] = field(default_factory=list)

    async def play(self) -> None:
        """Everything, in order."""
        for step in (
            self._gather, self._moderate, self._talk, self._filter, self._block, self._mute,
            self._shadow, self._audit,
        ):  # fmt: skip
            await step()

    async def close(self) -> None:
        """Everybody leaves."""
        for name in ("browser", "ana", "ben", "sam", "mia", "ada"):
            if (somebody := getattr(self, name, None)) is not None:
                await somebody.close()

    async def _gather(self) -> None:
        self.tell("Five people sign up and sign in with the official client.")
        for name in ("Ana", "Ben", "Sam", "Mia", "Ada"):
            member = await Member.sign_in(self.stage, name, self.changed)
            setattr(self, name.lower(), member)
        # The first admin is made by the owner of the database; everybody else by an admin.
        with psycopg.connect(self.stage.env["DB_URL"]) as owner:
            owner.execute("select vigil.bootstrap_admin(%s)", [self.ada.id])
            owner.execute("update vigil.settings set keep_all_verdicts = true")
        await self.ada.call("add_staff", member=self.mia.id, role="moderator")
        conversation = await self.ana.call(
            "start_conversation", members=[self.ben.id, self.sam.id], title="Neighbours"
        )
        for member in (self.ana, self.ben, self.sam):
            member.conversation = str(conversation)
        self.tell("A worker starts. It may call a dozen functions, and read no table.")
        self.worker = await self.stage.start_worker()
        self.browser, *_ = await asyncio.gather(
            BrowserScreen.open(self.stage, self.ben, self.changed),
            self.ana.open_screen(), self.sam.open_screen(), self._sign_in_moderator(),
        )  # fmt: skip
        self.facts.check("gather", kept=True, figure="2 × supabase-py, 1 × supabase-js")

    async def _sign_in_moderator(self) -> None:
        await self.stage.vigil(
            "login", "--url", self.stage.url, "--key", self.stage.env["PUBLISHABLE_KEY"],
            "--email", self.mia.email,
        )  # fmt: skip

    async def _moderate(self) -> None:
        self.tell("Mia moderates from the command line: vigil terms import terms.csv")
        path = Path(self.stage.home) / "terms.csv"
        path.write_text(TERMS)
        done = await self.stage.vigil("terms", "import", str(path))
        loaded = await self.worker.until(
            lambda event: event["event"] == "terms.loaded" and event["version"] >= done["version"],
            PATIENCE,
        )
        took = loaded["terms"] == 2 and done["added"] == 2
        self.facts.check("terms", took, f"{loaded['terms']} terms loaded")
        await self._pause(1)

    async def _talk(self) -> None:
        self.tell("Ana and Ben talk. Messages go through REST and come back by Realtime.")
        sent = await self._say(self.ana, "Has anybody a spare heater?")
        at = await self.browser.shown(sent.content)
        await self._pause(1)
        answer = await self._say(self.ben, "Yes! I can bring it at six.")
        await self.browser.shown(answer.content)
        back = await self._until(lambda: self.ana.shows(answer.content))
        self.facts.figures["shown_ms"] = round((at - sent.began) * 1000)
        self.facts.check("talk", back, f"after {(at - sent.began) * 1000:.0f} ms")
        await self._pause(2)

    async def _filter(self) -> None:
        self.tell("Sam advertises. The worker finds the term and takes it off every screen.")
        before = await self.worker.rings()
        sent = await self._say(self.sam, "Get rich now with FASTCOINS!")
        message = (sent.row or {}).get("id")
        dropped = await self.browser.until(
            lambda line: line["event"] == "dropped" and line["id"] == message, "the removal"
        )
        milliseconds = round(dropped["at"] - sent.began * 1000)
        shown = [e for e in self.browser.lines if e["event"] == "shown" and e["id"] == message]
        gone = await self._until(lambda: not self.ana.shows(sent.content))
        gone = gone and not self.browser.shows(sent.content)
        gone = gone and not any(row["id"] == message for row in await self.ben.read())
        seen = f"shown at {shown[0]['at'] - sent.began * 1000:.0f} ms, " if shown else ""
        self.facts.figures |= {"hidden_ms": milliseconds, "was_seen_before": bool(shown)}
        self.facts.check("hide", gone, f"{seen}gone at {milliseconds} ms")
        self.tell(f"On Ben's screen (supabase-js): {seen}gone at {milliseconds} ms.")
        rings = await self.worker.rings()
        self.facts.figures["doorbell_rings"] = rings
        self.facts.check("doorbell", rings > before, f"rung {rings} times")
        await self._pause(3)

    async def _block(self) -> None:
        self.tell("A blocked word is refused in the sender's own transaction, worker or not.")
        sent = await self._say(self.sam, "You ZORGLE!")
        seen = any(row["content"] == sent.content for row in await self.ben.read())
        self.facts.check(
            "block",
            sent.refused == "VG107" and not seen,
            f"refused: {sent.refused}" if sent.refused else "sent",
        )
        await self._pause(2)

    async def _mute(self) -> None:
        self.tell(f"Mia: vigil restrict add {self.sam.email} mute --for {MUTE_SECONDS}s ...")
        made = await self.stage.vigil(
            "restrict", "add", self.sam.email, "mute", "--for", f"{MUTE_SECONDS}s",
            "--reason", "advertising",
        )  # fmt: skip
        until = _time(made["expires_at"])
        await self._say(self.sam, "Let me explain!")
        refusals, accepted = await self._insist("Sorry. Back again.", until)
        codes = {sent.refused for sent in refusals}
        self.facts.figures["refused_while_muted"] = len(refusals) + 1
        self.facts.check("mute", codes == {"VG103"}, f"refused {len(refusals) + 1} times: VG103")
        late = _time((accepted.row or {})["created_at"]) - until if accepted else None
        # Exact: nothing was stored before the end, and nothing refused that was tried after it.
        exact = late is not None and late >= 0 and all(sent.began <= until for sent in refusals)
        how = "" if late is None else f"accepted {late * 1000:.0f} ms after its end"
        self.facts.figures["accepted_ms_after_end"] = None if late is None else round(late * 1000)
        self.facts.check("expiry", exact, how)
        lateness = await self._expiry_record(until)
        self.facts.figures["expiry_recorded_ms"] = None if lateness is None else round(lateness, 1)
        self.facts.check(
            "record",
            lateness is not None,
            "" if lateness is None else f"{lateness:.0f} ms after it",
        )
        await self._pause(2)

    async def _insist(self, text: str, until: float) -> tuple[list[Sent], Sent | None]:
        """Try again and again until it is accepted, or long after it should have been."""
        refusals: list[Sent] = []
        told = None
        while time.time() < until + 10:
            sent = await self.sam.send(text)
            if sent.row is not None:
                self.attempts.append(sent)
                self.tell("The mute is over, to the moment. Nobody did anything.")
                return refusals, sent
            refusals.append(sent)
            left = max(0, round(until - time.time()))
            if left != told:
                bar = "■" * left + "□" * max(0, MUTE_SECONDS - left)
                self.tell(
                    f"Sam keeps trying. Muted for {left} s more {bar}", again=told is not None
                )
                told = left
            await asyncio.sleep(0.05)
        return refusals, None

    async def _expiry_record(self, until: float) -> float | None:
        for _ in range(50):
            for event in await self.mia.call("tail_audit", max_rows=200):
                if event["kind"] == "restriction.expired":
                    return (_time(event["at"]) - until) * 1000
            await asyncio.sleep(0.1)
        return None

    async def _shadow(self) -> None:
        self.tell("Mia shadow-bans Sam. He is not told, his calls answer alike, nobody hears him.")
        before = await self._told_sam()
        await self.stage.vigil(
            "restrict", "add", self.sam.email, "shadow_ban", "--for", "30d",
            "--reason", "came back advertising", "--legal-basis", "terms of use, 4", "--yes",
        )  # fmt: skip
        sent = await self._say(self.sam, "Cheap heaters, write to me!")
        own = await self._until(lambda: self.sam.shows(sent.content))
        # Realtime would have brought it by now: what Ana says next arrives.
        last = await self._say(self.ana, "See you at six, Ben.")
        await self.browser.shown(last.content)
        alike = own and await self._told_sam() == before and _alike(sent, self.attempts)
        self.facts.check("shadow", alike, "same answers, same notices")
        heard = any(r["content"] == sent.content for e in self.browser.lines for r in e["screen"])
        for member in (self.ana, self.ben):
            heard = heard or any(row["content"] == sent.content for row in await member.read())
        self.facts.check("unseen", not heard, "by Realtime or REST")
        await self._pause(3.5)

    async def _told_sam(self) -> list[Any]:
        """All that speaks of Sam's standing to Sam."""
        tables = ("notices", "user_restrictions", "message_tombstones")
        told = [(await self.sam.client.table(t).select("*").execute()).data for t in tables]
        asked = {"user_uuid": self.sam.id, "conversation_uuid": self.sam.conversation}
        return [*told, await self.sam.call("can_user_send_message", **asked)]

    async def _audit(self) -> None:
        self.tell("Every act is on the record: vigil audit tail")
        await self._until(self._idle)
        accepted = [sent.row["id"] for sent in self.attempts if sent.row is not None]
        refused = len(self.sam.refusals) + len(self.ana.refusals) + len(self.ben.refusals)
        judged = [
            len((await self.mia.call("show_message", message=m))["verdicts"]) for m in accepted
        ]
        self.facts.check("once", set(judged) == {1}, f"{sum(judged)} of {len(accepted)} messages")
        events = await self.stage.vigil("audit", "tail", "--max", "200")
        kinds = [event["kind"] for event in events]
        acts = [event for event in events if event["kind"] == "restriction.created"]
        complete = (
            set(kinds) >= ACTS
            and kinds.count("message.sent") == len(accepted)
            and len(acts) == 2
            and all(e["actor"] == self.mia.id and e["tool"].startswith("vigil-cli") for e in acts)
            and all(event["tool"] for event in events)
        )
        self.facts.figures |= {
            "messages": len(accepted), "refused": refused, "audit_events": len(events),
            "verdicts": sum(judged),
        }  # fmt: skip
        self.facts.check("audit", complete, f"{len(events)} events")
        telling = ("terms.changed", "message.removed", "restriction.created", "restriction.expired")
        for event in [e for e in events if e["kind"] in telling]:
            who = event["actor_name"] or "the system"
            self.tell(f"  {event['kind']:<20} {who:<11} {event['tool'].split(';')[0]}")
            await self._pause(0.4)
        await self._pause(2)

    async def _idle(self) -> bool:
        queue = (await self.mia.call("worker_status"))["queue"]
        return not queue["ready"] and not queue["leased"]

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
        await asyncio.sleep(seconds * self.pace)


def _alike(sent: Sent, before: list[Sent]) -> bool:
    """Whether this answer differs from an earlier one to the same sender in nothing but itself."""
    own = {"id", "content", "created_at", "updated_at", "thread_id"}

    def rest(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in own}

    if sent.row is None:
        return False
    rows = [s.row for s in before if s.row is not None and s is not sent]
    earlier = [row for row in rows if row["sender_id"] == sent.row["sender_id"]]
    return bool(earlier) and rest(earlier[-1]) == rest(sent.row)


def _time(text: Any) -> float:
    return datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
