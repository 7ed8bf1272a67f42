"""Reading under every rule, beside the same queries without row-level security.

    python -m bench.reads            a million messages in 50,000 conversations
    python -m bench.reads --quick    a twentieth of that, fewer repetitions: shows that it runs
    python -m bench.reads --json

The peer asks as the tables' owner, whom no policy binds, for the same rows: its authorisation is written into the query by hand.
Times are the server's, from the first byte asked to the last row got on a local socket, in turns; medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from tests.support.database import Database, Databases

from vigil_cli.local.cluster import SUPERUSER, Cluster

# Members 1..n have ids made from their number, so that set-based SQL finds them.
NAMED = "('00000000-0000-4000-8000-' || lpad(({})::text, 12, '0'))::uuid"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much there is."""

    members: int
    conversations: int
    messages: int
    restrictions: int
    blocks: int

    @classmethod
    def of(cls, share: int) -> Scale:
        """The size of shared targets, divided."""
        return cls(
            20_000 // share, 50_000 // share, 1_000_000 // share, 5_000 // share, 100_000 // share
        )


def fill(db: Database, scale: Scale) -> None:
    """A community: mostly direct conversations, some groups of eight, one very busy member."""
    conn = psycopg.connect(db.dsn(SUPERUSER), autocommit=True)
    member = NAMED.format
    statements = [
        "set session_replication_role = replica",
        f"insert into public.profiles (id, name) select {member('n')}, 'member ' || n from generate_series(1, {scale.members}) n",
        "insert into vigil.subjects (user_id) select id from public.profiles on conflict do nothing",
        f"""insert into public.conversations (id, created_by, kind, created_at, last_message_at)
            select {NAMED.format("n").replace("4000", "4001")}, {member(f"1 + (n * 7) % {scale.members}")},
                   case when n % 10 = 0 then 'group' else 'direct' end, now() - interval '300 days', now()
            from generate_series(1, {scale.conversations}) n""",
        # The first member is in every 1,250th conversation, and so busier than most.
        f"""create table public.bench_seats as
            select distinct on (n, who) n, who from (
                select n, 1 + (n * 7 + k * 131) % {scale.members} as who
                from generate_series(1, {scale.conversations}) n
                cross join lateral generate_series(0, case when n % 10 = 0 then 7 else 1 end) k
                union all
                select n, 1 from generate_series(1250, {scale.conversations}, 1250) n) s""",
        f"""insert into public.conversation_participants (conversation_id, user_id, joined_at)
            select {NAMED.format("n").replace("4000", "4001")}, {member("who")}, now() - interval '300 days' from public.bench_seats""",
        "create index on public.bench_seats (n)",
        f"""insert into public.messages (conversation_id, sender_id, recipient_id, content, created_at, moderation_status)
            select {NAMED.format("c").replace("4000", "4001")}, {member("seat.who")},
                   case when c % 10 <> 0 then {member("(select min(o.who) from public.bench_seats o where o.n = c and o.who <> seat.who)")} end,
                   'message ' || i || ' about the heater, the garden and the rain of ' || i % 977,
                   now() - (i * interval '20 seconds'),
                   case when i % 200 = 0 then 'hidden' when i % 333 = 0 then 'removed' when i % 500 = 0 then 'pending' else 'approved' end
            from (select i, case when i % 20 = 0 then 1 + (i * 31) % 400 else 1 + (i * 17) % {scale.conversations} end as c
                  from generate_series(1, {scale.messages}) i) m
            cross join lateral (select who from public.bench_seats s where s.n = m.c order by (who * 37 + m.i) % 101 limit 1) seat""",
        "drop table public.bench_seats",
        f"""insert into vigil.restrictions (user_id, restriction_type, reason, legal_basis, created_by, expires_at, message_limit_per_day)
            select {member("2 + (n * 3) % " + str(scale.members - 2))}, (array['mute','hold','warn','shadow_ban'])[1 + n % 4], 'bench', 'bench',
                   {member("1")}, now() + interval '30 days', null
            from generate_series(1, {scale.restrictions}) n""",
        """insert into vigil.shadowed_messages (message_id, sender_id)
            select m.id, m.sender_id from public.messages m
            where m.sender_id in (select r.user_id from vigil.restrictions r where r.restriction_type = 'shadow_ban')
              and m.created_at > now() - interval '20 days'""",
        """insert into vigil.careful_stays (stay_id, user_id, conversation_id)
            select p.id, p.user_id, p.conversation_id from public.conversation_participants p
            where p.conversation_id in (select m.conversation_id from public.messages m join vigil.shadowed_messages s on s.message_id = m.id)""",
        f"""insert into public.user_blocks (blocker_id, blocked_id, kind)
            select {member("1 + n % " + str(scale.members))}, {member("1 + (n * 13 + 5) % " + str(scale.members))}, 'block'
            from generate_series(1, {scale.blocks}) n where n % {scale.members} <> (n * 13 + 5) % {scale.members} on conflict do nothing""",
        """insert into vigil.read_marks (user_id, conversation_id, read_at)
            select p.user_id, p.conversation_id, now() - interval '10 days' from public.conversation_participants p""",
        "set session_replication_role = origin",
        "vacuum (analyze)",
    ]
    for statement in statements:
        conn.execute(statement)
    conn.close()


@dataclass(slots=True)
class Question:
    """One thing a client asks: under the policies, and by hand without them."""

    what: str
    target: float
    ours: str
    by_hand: str
    cases: Sequence[tuple[Any, ...]]
    hand_cases: Sequence[tuple[Any, ...]]


LATEST = "select {} from public.messages m where m.conversation_id = %s {} order by m.created_at desc, m.id desc limit 50"
EVERYTHING = "m.*"
# What a careful developer writes: membership, moderation, own rows, blocks are for sending only; no shadow ban, no stays.
BY_HAND = """and (m.sender_id = %s or (m.moderation_status = 'approved' and m.deleted_at is null
    and exists (select from public.conversation_participants p where p.conversation_id = m.conversation_id and p.user_id = %s
                and p.joined_at <= m.created_at and (p.left_at is null or p.left_at > m.created_at))
    and not exists (select from vigil.shadowed_messages s where s.message_id = m.id and s.released_at is null)))"""


def questions(db: Database, me: uuid.UUID) -> list[Question]:
    """The rows marked (2) of the targets, for one member with some fifty conversations."""
    mine = db.owner().column(
        "select conversation_id from public.conversation_participants where user_id = %s order by 1",
        me,
    )
    busiest = db.owner().column(
        "select m.conversation_id from public.messages m where m.conversation_id = any(%s) group by 1 order by count(*) desc limit 40",
        mine,
    )
    newest = db.owner().column(
        "select id from public.messages where conversation_id = any(%s) and moderation_status = 'approved' order by created_at desc limit 40",
        mine,
    )
    return [
        Question(
            "latest 50 of a conversation", 1.3,
            LATEST.format(EVERYTHING, ""), LATEST.format(EVERYTHING, BY_HAND),
            [(c,) for c in busiest], [(c, me, me) for c in busiest],
        ),
        Question(
            "newest 50 over all my conversations", 1.25,
            "select m.* from public.messages m order by m.created_at desc limit 50",
            "select m.* from unnest(%s::uuid[]) c (id) cross join lateral (select m.* from public.messages m where m.conversation_id = c.id "
            + BY_HAND + " order by m.created_at desc limit 50) m order by m.created_at desc limit 50",
            [()], [(mine, me, me)],
        ),
        Question(
            "conversation list with unread counts and last message", 1.3,
            "select * from public.list_conversations()", HAND_LIST, [()], [(me,) * 8],
        ),
        Question(
            "Realtime's check of one row, beside that of participation alone", 1.5,
            "select 1 from public.messages m where m.id = %s",
            "select 1 from public.messages m where m.id = %s"
            " and m.conversation_id = any ((select vigil.my_stays_in())::uuid[])",
            [(m,) for m in newest], [(m,) for m in newest],
        ),
    ]  # fmt: skip


HAND_LIST = """
with mine as (
    select c.*, p.left_at is null as is_current, l.message, coalesce(l.created_at, c.created_at) as last_activity_at
    from public.conversation_participants p join public.conversations c on c.id = p.conversation_id
    left join lateral (
        select m.created_at, jsonb_build_object('id', m.id, 'sender_id', m.sender_id, 'content', m.content, 'created_at', m.created_at,
                                                'deleted_at', m.deleted_at, 'moderation_status', m.moderation_status) as message
        from public.messages m where m.conversation_id = c.id
          and (m.sender_id = %s or (m.moderation_status = 'approved' and m.deleted_at is null
               and m.created_at >= p.joined_at and (p.left_at is null or m.created_at < p.left_at)
               and not exists (select from vigil.shadowed_messages s where s.message_id = m.id and s.released_at is null)))
        order by m.created_at desc, m.id desc limit 1) l on true
    where p.user_id = %s
    order by last_activity_at desc limit 50)
select n.id, n.title, n.kind, n.status, n.created_by, n.created_at, n.is_current, n.last_activity_at, n.message, u.n, f.list, f.n
from mine n
left join vigil.read_marks r on r.user_id = %s and r.conversation_id = n.id
left join lateral (
    select count(*)::int as n from public.messages m
    where m.conversation_id = n.id and m.sender_id <> %s and m.created_at > coalesce(r.read_at, '-infinity')
      and m.moderation_status = 'approved' and m.deleted_at is null and (m.recipient_id is null or m.read_at is null)
      and not exists (select from vigil.shadowed_messages s where s.message_id = m.id and s.released_at is null)
      and not exists (select from public.user_blocks b where b.blocker_id = %s and b.blocked_id = m.sender_id and b.kind = 'mute')
      and exists (select from public.conversation_participants p where p.conversation_id = m.conversation_id and p.user_id = %s
                  and p.joined_at <= m.created_at and p.left_at is null)) u on true
left join lateral (
    select jsonb_agg(jsonb_build_object('id', q.user_id, 'name', q.name, 'role', q.role)) as list, count(*)::int as n
    from (select cp.user_id, cp.role, f.name from public.conversation_participants cp join public.profiles f on f.id = cp.user_id
          where cp.conversation_id = n.id and cp.left_at is null
            and not exists (select from vigil.shadowed_stays s where s.stay_id = cp.id and s.added_by <> %s)) q) f on true
where %s is not null
order by n.last_activity_at desc"""


def seconds(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def measure(db: Database, me: uuid.UUID, rounds: int) -> list[dict[str, Any]]:
    """Ours and by hand in turns, each in one transaction as PostgREST would hold it; medians per call."""
    member = db.acting_as(me)
    hand = psycopg.connect(db.dsn("postgres"), autocommit=True)
    hand.execute(
        "select set_config('request.jwt.claims', %s, false)", [json.dumps({"sub": str(me)})]
    )
    found = []
    for question in questions(db, me):
        ours: list[float] = []
        theirs: list[float] = []
        with member.transaction() as conn, hand.transaction():
            for n in range(rounds):
                case = question.cases[n % len(question.cases)]
                hand_case = question.hand_cases[n % len(question.hand_cases)]
                turns: list[tuple[list[float], Any, str, tuple[Any, ...]]] = [
                    (ours, conn, question.ours, case), (theirs, hand, question.by_hand, hand_case)]  # fmt: skip
                for into, connection, text, arguments in turns if n % 2 else reversed(turns):
                    into.append(
                        seconds(
                            lambda c=connection, t=text, a=arguments: c.execute(
                                t, a, prepare=True
                            ).fetchall()
                        )
                    )
        warm = rounds // 10
        chunks = 5
        size = max(1, (rounds - warm) // chunks)
        ratios = [
            statistics.median(ours[i : i + size]) / statistics.median(theirs[i : i + size])
            for i in range(warm, warm + size * chunks, size)
        ]
        found.append({
            "what": question.what, "target": question.target, "ratio": round(statistics.median(ratios), 2),
            "spread": [round(min(ratios), 2), round(max(ratios), 2)],
            "ours_ms": round(statistics.median(ours) * 1000, 3), "by_hand_ms": round(statistics.median(theirs) * 1000, 3),
            "met": statistics.median(ratios) <= question.target,
        })  # fmt: skip
    hand.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.reads", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster(Path(directory) / "pg", durable=False)
        cluster.init()
        cluster.start()
        try:
            databases = Databases(cluster)
            db = databases.clone(databases.template("template_vigil"))
            with Progress(console=console) as progress:
                task = progress.add_task("filling", total=2)
                fill(db, Scale.of(20 if options.quick else 1))
                progress.update(task, advance=1, description="asking")
                me = db.owner().value(f"select {NAMED.format('1')}")
                rows = measure(db, me, 60 if options.quick else 400)
                progress.advance(task)
            databases.drop(db)
        finally:
            cluster.stop()
            cluster.destroy()
    if options.as_json:
        print(json.dumps(rows, indent=2))
        return 0
    table = Table("what", "ours ms", "by hand ms", "ratio", "spread", "target", "met")
    for r in rows:
        table.add_row(r["what"], str(r["ours_ms"]), str(r["by_hand_ms"]), str(r["ratio"]), f"{r['spread'][0]}–{r['spread'][1]}",
                      f"≤ {r['target']}", "yes" if r["met"] else "NO")  # fmt: skip
    Console(width=120 if not sys.stdout.isatty() else None).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
