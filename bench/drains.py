"""The drain: our worker's own loop beside bare psycopg doing the same reads and writes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from bench.world import FLAGGED_EVERY, World
from vigil.drain import Drain, Judge
from vigil.filtering import Filter
from vigil.metrics import Metrics
from vigil.outbox import Job, Outbox, Outcome
from vigil.settings import Settings

BATCH = 1000

CLAIM = f"""
    with taken as (
        delete from vigil.bare_jobs where id in (
            select id from vigil.bare_jobs order by run_at, id limit {BATCH} for update skip locked)
        returning id, kind, subject_id
    )
    select t.id, t.kind, t.subject_id, m.conversation_id, m.content
    from taken t left join public.messages m on m.id = t.subject_id"""
VERDICTS = """
    insert into vigil.bare_verdicts (job_id, kind, subject_id, verdict, engine, worker)
    select i, 'message', s, %s, 'none', 'bench' from unnest(%s::bigint[], %s::uuid[]) as x (i, s)"""
EVENTS = """
    insert into vigil.bare_events (kind, tool, body0, body1, body2)
    select %s, 'bench', '{"ref": null}', '{"ref": null}',
           '{"message": "' || s || '", "verdict": "approve"}' from unnest(%s::uuid[]) as s"""
CASES = """
    insert into vigil.bare_cases (subject_kind, subject_id, reason)
    select 'message', s, 'filter' from unnest(%s::uuid[]) as s"""
ONE_STATEMENT = f"""
    with taken as (
        delete from vigil.bare_jobs where id in (
            select id from vigil.bare_jobs order by run_at, id limit {BATCH} for update skip locked)
        returning id, kind, subject_id
    ), read as (
        select t.*, m.content from taken t left join public.messages m on m.id = t.subject_id
    ), judged as (
        insert into vigil.bare_verdicts (job_id, kind, subject_id, verdict, engine, worker)
        select id, kind, subject_id, 'approve', 'none', 'bench' from read
    ), logged as (
        insert into vigil.bare_events (kind, tool, body0, body1, body2)
        select 'message.judged', 'bench', '{{"ref": null}}', '{{"ref": null}}',
               '{{"message": "' || subject_id || '", "verdict": "approve"}}' from read
    )
    select count(*) from read"""


@dataclass
class NoFilter:
    """Looks at nothing: approves all, or flags every 50th."""

    flagging: bool

    def judge(self, jobs: Sequence[Job]) -> list[Outcome | Exception]:
        return [
            Outcome(
                job.job_id,
                "flag" if self.flagging and n % FLAGGED_EVERY == 0 else "approve",
                [], [], "none", "",
            )
            for n, job in enumerate(jobs)
        ]  # fmt: skip


def bare(world: World, *, dense: bool) -> int:
    """The limit: delete on claim, no lease, set-based writes, one transaction a batch."""
    total = 0
    with psycopg.connect(world.db.dsn("postgres")) as conn:
        while jobs := conn.execute(CLAIM).fetchall():
            flagged = [] if dense else jobs[::FLAGGED_EVERY]
            kept = jobs if dense else flagged
            subjects = [j[2] for j in kept]
            conn.execute(VERDICTS, ["approve" if dense else "flag", [j[0] for j in kept], subjects])
            conn.execute(EVENTS, ["message.judged", subjects])
            if flagged:
                conn.execute(CASES, [subjects])
                conn.execute(EVENTS, ["case.opened", subjects])
            conn.commit()
            total += len(jobs)
    return total


def one_statement(world: World) -> int:
    """All of a dense batch inside the server: what no client can beat."""
    total = 0
    with psycopg.connect(world.db.dsn("postgres"), autocommit=True) as conn:
        while done := conn.execute(ONE_STATEMENT).fetchone():
            if not done[0]:
                break
            total += int(done[0])
    return total


def ours(world: World, *, dense: bool) -> int:
    """The worker's loop with its leases, its filter replaced by none."""
    return asyncio.run(_drain(world, NoFilter(flagging=not dense)))


def ours_filtering(world: World) -> int:
    """The worker's loop with its filter and the terms of the database."""
    return asyncio.run(_drain(world, None))


async def _drain(world: World, judge: Judge | None) -> int:
    url = world.db.dsn("vigil_worker")
    async with Outbox.open(url, "bench") as outbox:
        if judge is None:
            found = Filter(outbox, Settings(database_url=url, worker_name="bench"))
            await found.run_once()
            judge = found
        drain = Drain(outbox, judge, Metrics(), batch=BATCH, lease_seconds=60)
        total = 0
        while done := (await drain.run_once(ahead=True)).settled:
            total += done
        return total


def leased(world: World) -> int:
    """Claim and settle with our lease, and write nothing of what was found."""
    total = 0
    with psycopg.connect(world.db.dsn("vigil_worker"), autocommit=True) as conn:
        while jobs := conn.execute(
            "select lease_id, job_id, subject_id, content from vigil.claim_jobs('bench', %s, 60)",
            [BATCH],
        ).fetchall():
            conn.execute(
                "select vigil.settle_jobs('bench', %s, %s::bigint[], '[]', 'none')",
                [jobs[0][0], [j[1] for j in jobs]],
            )
            total += len(jobs)
    return total


def deleted(world: World) -> int:
    """The same without a lease: delete on claim, and hold the transaction meanwhile."""
    total = 0
    with psycopg.connect(world.db.dsn("postgres")) as conn:
        while jobs := conn.execute(CLAIM).fetchall():
            conn.commit()
            total += len(jobs)
    return total


def terms(world: World, count: int) -> None:
    """A list of the size communities have, with the one word that the backlog holds."""
    world.owner.execute(
        "insert into vigil.terms (term, folded, category, severity, match)"
        " select 'xq' || substr(md5(n::text), 1, 9), 'xq' || substr(md5(n::text), 1, 9), 'bench', 'flag', 'word'"
        " from generate_series(1, %s) n union all select 'grumble', 'grumble', 'bench', 'flag', 'word'"
        " on conflict do nothing",
        [count],
    )
    world.owner.execute("select vigil.bump_terms()")
