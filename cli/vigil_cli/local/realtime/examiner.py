"""Many questions to the database in one round trip, none of which can spoil another.

A question is one query, asked as a role with claims when it is about what somebody may see. Each
runs in a subtransaction of its own, so a policy that raises fails alone. A statement timeout
cannot be caught inside the statement it ends: then the questions are asked one by one, and whoever
was slow is passed over for a while, so that the others wait for it once and not with each change.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
import structlog

from vigil_cli.local.realtime.config import GatewayConfig
from vigil_cli.local.realtime.database import Connection, connect
from vigil_cli.local.realtime.serializer import dumps

log = structlog.get_logger()

_CHUNK = 200
_REMEMBERED = 1000
_TIMEOUTS_TOGETHER = 4
_IMPATIENT_MS = 100
_LONGEST_PAUSE = 10
_INSTALL = r"""
create or replace function pg_temp.vigil_ask(questions jsonb)
    returns table (n bigint, answer text, failure text)
    language plpgsql
as $body$
declare
    question jsonb;
    args     text[];
begin
    for question, n in
        select q.value, q.ordinality from jsonb_array_elements(questions) with ordinality q
    loop
        answer := null;
        failure := null;
        begin
            args := array(select a from jsonb_array_elements_text(question -> 'args') a);
            perform set_config('request.jwt.claims', question ->> 'claims', true);
            perform set_config('role', question ->> 'role', true);
            if question ? 'plan' then
                execute format('execute %I(%L)', question ->> 'plan', args) into answer;
            else
                execute question ->> 'query' into answer using args;
            end if;
        exception when others then
            failure := sqlstate || ' ' || sqlerrm;
        end;
        perform set_config('role', 'none', true);
        return next;
    end loop;
end;
$body$
"""
_ASK = "select n, answer, failure from pg_temp.vigil_ask(%s::jsonb) order by n"


@dataclass(frozen=True, slots=True)
class Question:
    """`query` sees its arguments as the text array `$1` and yields one text."""

    query: str
    args: tuple[str | None, ...] = ()
    role: str = "none"
    claims: str = ""


class Examiner:
    """Owns one connection for questions; used by one task at a time."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._conn: Connection | None = None
        self._plans: dict[str, str | None] = {}
        self._pauses: dict[tuple[str, str, str], tuple[float, int]] = {}
        self._reported: set[tuple[str, str, str]] = set()

    async def close(self) -> None:
        """Give the connection back to the server."""
        if self._conn is not None:
            await self._conn.close()
            self._conn = None

    async def connection(self) -> Connection:
        """The connection, opened again if it was lost."""
        if len(self._plans) > _REMEMBERED:
            await self.close()
        if self._conn is None or self._conn.closed:
            conn = await connect(self._config)
            await conn.execute(_INSTALL)
            await _limit(conn, self._config.policy_timeout_ms)
            self._conn, self._plans = conn, {}
        return self._conn

    async def ask(self, questions: Sequence[Question]) -> dict[Question, str | None]:
        """The answer to each question; None where it failed or there is none in time."""
        unique = list(dict.fromkeys(questions))
        now = time.monotonic()
        together = [q for q in unique if self._pauses.get(_who(q), (0.0, 0))[0] <= now]
        answers: dict[Question, str | None] = dict.fromkeys(unique)
        patience = _TIMEOUTS_TOGETHER
        for start in range(0, len(together), _CHUNK):
            chunk = together[start : start + _CHUNK]
            answered = await self._ask_once(chunk)
            if answered is not None:
                answers.update(answered)
                continue
            for question in chunk:
                single = await self._ask_once([question])
                if single is not None:
                    answers.update(single)
                    self._pauses.pop(_who(question), None)
                    continue
                self._remember_slow(question)
                patience -= 1
                if patience == 0:  # many are slow, or a lock is held: the fine ones are quick
                    await _limit(await self.connection(), _IMPATIENT_MS)
        if patience <= 0:
            await _limit(await self.connection(), self._config.policy_timeout_ms)
        return answers

    async def _ask_once(self, chunk: Sequence[Question]) -> dict[Question, str | None] | None:
        """All answers of one statement, or None when it ran out of time."""
        conn = await self.connection()
        try:
            for question in chunk:
                await self._plan(conn, question.query)
            asked = [self._asked(question) for question in chunk]
            cursor = await conn.execute(_ASK, [dumps(asked)])
            rows = await cursor.fetchall()
        except psycopg.errors.QueryCanceled:
            return None
        for question, (_, _, failure) in zip(chunk, rows, strict=True):
            if failure is not None:
                self._report(question, failure)
        return {question: row[1] for question, row in zip(chunk, rows, strict=True)}

    def _asked(self, question: Question) -> dict[str, object]:
        plan = self._plans[question.query]
        return {
            "query" if plan is None else "plan": question.query if plan is None else plan,
            "args": question.args,
            "role": question.role,
            "claims": question.claims,
        }

    async def _plan(self, conn: Connection, query: str) -> None:
        """Plan a query once for each connection; policies that change make Postgres plan anew."""
        if query in self._plans:
            return
        name = f"vigil_ask_{len(self._plans)}"
        try:
            await conn.execute(f"prepare {name}(text[]) as {query}".encode())
        except psycopg.ProgrammingError:
            self._plans[query] = None  # asked in full, where its failure is its own
        else:
            self._plans[query] = name

    def _remember_slow(self, question: Question) -> None:
        """Pass over who was slow: as long as it took, then twice that, at most ten times."""
        if len(self._pauses) > _REMEMBERED:
            self._pauses.clear()
        _, times = self._pauses.get(_who(question), (0.0, 0))
        pause = min(2**times, _LONGEST_PAUSE) * self._config.policy_timeout_ms / 1000
        self._pauses[_who(question)] = (time.monotonic() + pause, min(times + 1, 8))
        self._report(question, f"took longer than {self._config.policy_timeout_ms} ms")

    def _report(self, question: Question, failure: str) -> None:
        """Say once per cause that somebody's check fails; it would repeat with every change."""
        cause = (question.query, question.role, failure)
        if cause not in self._reported:
            if len(self._reported) > _REMEMBERED:
                self._reported.clear()
            self._reported.add(cause)
            log.warning("realtime.check_failed", role=question.role, reason=failure)


async def _limit(conn: Connection, milliseconds: int) -> None:
    await conn.execute(
        "select pg_catalog.set_config('statement_timeout', %s, false)", [str(milliseconds)]
    )


def _who(question: Question) -> tuple[str, str, str]:
    return question.query, question.role, question.claims
