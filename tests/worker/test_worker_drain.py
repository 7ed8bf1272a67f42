"""The drain in this process against a real database: settle, defer, lose a lease, reload terms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from tests.support.database import Database
from tests.worker.worker_harness import Room, run_worker, settings_for

from vigil.drain import Drain
from vigil.errors import MisconfiguredError, SchemaMismatchError
from vigil.filtering import Filter
from vigil.metrics import Metrics
from vigil.outbox import Job, Outbox, Outcome
from vigil.service import check, drain_once


def approve(job: Job) -> Outcome:
    return Outcome(job.job_id, "approve", [], [], "test", "")


@dataclass
class Picky:
    """Cannot read one text, and approves the others."""

    unreadable: str

    def judge(self, jobs: Sequence[Job]) -> list[Outcome | Exception]:
        return [
            RecursionError("the text: " + j.content) if j.content == self.unreadable else approve(j)
            for j in jobs
        ]


@asynccontextmanager
async def outbox(db: Database, name: str = "one") -> AsyncIterator[Outbox]:
    async with Outbox.open(db.dsn("vigil_worker"), name) as opened:
        yield opened


async def test_each_severity_has_its_consequence(db: Database, room: Room) -> None:
    room.add_terms(("grumble", "remove"), ("mutter", "hold"), ("sigh", "flag"))
    room.send("hello", "Grumble!", "m u t t e r", "a s1gh", "mail a@example.org")
    done = await drain_once(settings_for(db))
    assert (done.claimed, done.settled, done.deferred) == (5, 5, 0)
    assert room.verdicts() == {
        "hello": ["approve"],
        "Grumble!": ["remove"],
        "m u t t e r": ["hold"],
        "a s1gh": ["flag"],
        "mail a@example.org": ["flag"],
    }
    assert room.state_of("Grumble!") == "removed"
    assert room.state_of("m u t t e r") == "hidden"
    assert {room.state_of("hello"), room.state_of("a s1gh")} == {"approved"}
    rows = db.owner().rows("select engine, matches from vigil.verdicts where verdict = 'hold'")
    assert rows[0]["matches"] == [{"term": "mutter", "category": "test", "start": 0, "end": 11}]
    assert rows[0]["engine"].startswith("terms-")
    room.all_judged_once()


async def test_a_text_over_its_budget_is_flagged_and_not_approved_unseen(
    db: Database, room: Room
) -> None:
    room.send("short", "rather long for this community")
    await drain_once(settings_for(db, message_max_chars=10))
    assert room.verdicts() == {"short": ["approve"], "rather long for this community": ["flag"]}


async def test_one_unreadable_text_is_deferred_alone_and_at_last_dead_and_can_be_retried(
    db: Database, room: Room
) -> None:
    room.send("fine", "poison", "fine too")
    owner = db.owner()
    async with outbox(db) as box:
        drain = Drain(box, Picky("poison"), Metrics())
        done = await drain.run_once()
        assert (done.claimed, done.settled, done.deferred) == (3, 2, 1)
        most = owner.value("select job_max_attempts from vigil.settings")
        for _ in range(most - 1):
            assert (await drain.run_once()).claimed == 0, "it waits before it is tried again"
            owner.run("update vigil.jobs set run_at = now()")
            assert (await drain.run_once()).deferred == 1
        owner.run("update vigil.jobs set run_at = now()")
        assert (await drain.run_once()).claimed == 0
        dead = owner.rows("select * from vigil.jobs")
        assert len(dead) == 1
        assert dead[0]["dead_at"] is not None
        assert dead[0]["last_error"].startswith("RecursionError")
        assert "poison" not in dead[0]["last_error"], "an error never quotes the text"
        moderator = db.acting_as(db.member("mia", staff="admin"))
        assert moderator.value("select public.retry_jobs()") == 1
        assert (await Drain(box, Picky(""), Metrics()).run_once()).settled == 1
    room.all_judged_once()


async def test_an_outcome_the_database_refuses_costs_the_others_nothing(
    db: Database, room: Room
) -> None:
    room.send("one", "two", "three")
    room.owner.run(
        "create function public.picky() returns trigger language plpgsql as $$ begin"
        " if (select content = 'two' from public.messages where id = new.subject_id)"
        " then raise exception 'two'; end if; return new; end $$"
    )
    room.owner.run(
        "create trigger picky before insert on vigil.verdicts"
        " for each row execute function public.picky()"
    )
    async with outbox(db) as box:
        done = await Drain(box, Picky(""), Metrics()).run_once()
    assert (done.settled, done.deferred) == (2, 1)
    assert room.verdicts() == {"one": ["approve"], "two": [], "three": ["approve"]}


async def test_the_next_batch_is_claimed_while_a_full_one_is_settled(
    db: Database, room: Room
) -> None:
    room.send(*(f"message {n}" for n in range(5)))
    async with outbox(db) as box:
        drain = Drain(box, Picky(""), Metrics(), batch=2)
        done = [await drain.run_once(ahead=True) for _ in range(3)]
        assert [d.settled for d in done] == [2, 2, 1]
        assert room.leased() == 0
        room.send(*(f"more {n}" for n in range(4)))
        await drain.run_once(ahead=True)
        assert room.leased() == 2, "claimed ahead"
        await drain.release()
        assert room.leased() == 0


async def test_a_lost_lease_is_no_error_and_settles_nothing(db: Database, room: Room) -> None:
    room.send("slow")
    async with outbox(db, "slow") as slow, outbox(db, "quick") as quick:
        held = await slow.claim(10, 0.05)
        await asyncio.sleep(0.1)
        again = await quick.claim(10, 60)
        assert [job.attempt for job in (*held, *again)] == [1, 2]
        assert await slow.settle(held[0].lease_id, [approve(job) for job in held]) == 0
        assert await quick.settle(again[0].lease_id, [approve(job) for job in again]) == 1
        assert await quick.settle(again[0].lease_id, [approve(job) for job in again]) == 0, (
            "settling twice"
        )
    room.all_judged_once()


async def test_released_jobs_are_ready_at_once_and_count_no_attempt(
    db: Database, room: Room
) -> None:
    room.send("a", "b")
    async with outbox(db) as box:
        await box.claim(10, 3600)
        assert await box.release() == 2
        assert [job.attempt for job in await box.claim(10, 3600)] == [1, 1]


async def test_a_job_that_kills_its_worker_each_time_is_dead_without_any_help(
    db: Database, room: Room
) -> None:
    room.send("deadly")
    most = db.owner().value("select job_max_attempts from vigil.settings")
    async with outbox(db) as box:
        for _ in range(most):
            assert len(await box.claim(10, 3600)) == 1
            db.owner().run("update vigil.leases set until = now()")
        assert await box.claim(10, 3600) == []
        assert (await box.queue_depth())["dead"] == 1


async def test_changed_terms_are_used_and_an_unchanged_list_is_not_loaded_again(
    db: Database, room: Room
) -> None:
    async with outbox(db) as box:
        found = Filter(box, settings_for(db))
        assert await found.run_once()
        assert not await found.run_once()
        before = found.engine
        room.add_terms(("grumble", "remove"))
        assert await found.run_once()
        assert before is not None
        assert found.engine is not None
        assert found.engine.version > before.version
        room.send("grumble")
        await Drain(box, found, Metrics()).run_once()
    assert room.verdicts() == {"grumble": ["remove"]}


async def test_an_expired_term_and_a_changed_setting_are_noticed_without_a_new_version(
    db: Database, room: Room
) -> None:
    room.add_terms(("grumble", "remove"))
    async with outbox(db) as box:
        found = Filter(box, settings_for(db), refresh_seconds=0)
        assert await found.run_once()
        assert not await found.run_once(), "nothing differs"
        db.superuser().run("update vigil.terms set expires_at = now() - interval '1 second'")
        assert await found.run_once()
        room.owner.run("update vigil.settings set email_action = 'remove'")
        assert await found.run_once()
        room.send("grumble", "ann@example.org")
        await Drain(box, found, Metrics()).run_once()
    assert room.verdicts() == {"grumble": ["approve"], "ann@example.org": ["remove"]}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("schema_version = 0", "vigil db migrate"),
        ("schema_version = 99, breaking_since = 99", "install the vigil-safety"),
    ],
)
async def test_a_schema_that_does_not_fit_is_refused(db: Database, change: str, says: str) -> None:
    db.superuser().run("alter table vigil.settings disable trigger all")
    db.superuser().run(f"update vigil.settings set {change}")
    with pytest.raises(SchemaMismatchError, match=says):
        await check(settings_for(db))
    ended = run_worker(db)
    assert ended.returncode == 3
    assert says in ended.stderr


async def test_a_database_without_vigil_is_refused(db: Database) -> None:
    with pytest.raises(SchemaMismatchError, match="vigil db migrate"):
        await check(settings_for(db, database_url=db.cluster.dsn(role="postgres")))


async def test_a_wrong_password_is_a_matter_of_settings(db: Database) -> None:
    wrong = db.cluster.url("vigil_worker", "wrong", db.name)
    with pytest.raises(MisconfiguredError, match="VIGIL_DATABASE_URL"):
        await check(settings_for(db, database_url=wrong))
    nobody = db.cluster.url("nobody_at_all", "x", db.name)
    ended = run_worker(db, "--check", database_url=nobody)
    assert ended.returncode == 2
    assert "wrong" not in ended.stderr


def test_check_and_once_end_by_themselves(db: Database, room: Room) -> None:
    room.send("one", "two")
    ended = run_worker(db, "--check")
    assert (ended.returncode, '"ready": 2' in ended.stdout) == (0, True)
    assert run_worker(db, "--once").returncode == 0
    room.all_judged_once()
