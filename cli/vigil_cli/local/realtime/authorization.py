"""What a member may do on a private channel, asked of the policies on realtime.messages.

The policies run in the database, as the member's role with the member's claims, on probe rows
that are rolled back. A policy that raises or takes too long gives no right to that member.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import psycopg
import structlog

from vigil_cli.local.realtime.auth import Access
from vigil_cli.local.realtime.database import Connection, Database

log = structlog.get_logger()

_SETTINGS = """
select pg_catalog.set_config('realtime.topic', %(topic)s, true),
       pg_catalog.set_config('request.jwt.claims', %(claims)s, true),
       pg_catalog.set_config('request.jwt.claim.sub', %(sub)s, true),
       pg_catalog.set_config('request.jwt.claim.role', %(role)s, true),
       pg_catalog.set_config('request.headers', %(headers)s, true),
       pg_catalog.set_config('role', %(role)s, true)
"""


class MissingPartitionError(Exception):
    """realtime.messages has no partition for today, so no private channel can be judged."""


class DatabaseUnavailableError(Exception):
    """The database cannot answer now; the client should join again later."""


@dataclass(frozen=True, slots=True)
class ReadRights:
    """What may be received on a private channel."""

    broadcast: bool
    presence: bool

    @property
    def any(self) -> bool:
        """Whether the channel may be joined at all."""
        return self.broadcast or self.presence


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Asks the database; keeps nothing, callers cache."""

    database: Database
    timeout_ms: int

    async def read_rights(
        self, access: Access, topic: str, headers_json: str, *, presence: bool
    ) -> ReadRights:
        """The rights to receive, by SELECT policies. An exception in a policy means none."""
        extensions = ["broadcast", "presence"] if presence else ["broadcast"]
        probes = {extension: uuid.uuid4() for extension in extensions}
        try:
            async with self.database.connection() as conn, conn.transaction(force_rollback=True):
                for extension, probe in probes.items():
                    await conn.execute(
                        "insert into realtime.messages (id, topic, extension) values (%s, %s, %s)",
                        [probe, topic, extension],
                    )
                await self._become(conn, access, topic, headers_json)
                cursor = await conn.execute(
                    "select id from realtime.messages where id = any(%s)", [list(probes.values())]
                )
                seen = {row[0] for row in await cursor.fetchall()}
        except (psycopg.errors.CheckViolation, psycopg.errors.UndefinedTable) as exc:
            raise MissingPartitionError from exc
        except psycopg.OperationalError as exc:
            if not isinstance(exc, psycopg.errors.QueryCanceled):
                raise DatabaseUnavailableError from exc
            log.warning("realtime.policy_timeout", topic=topic, role=access.role)
            return ReadRights(False, False)
        except psycopg.Error as exc:
            log.warning("realtime.policy_failed", topic=topic, role=access.role, reason=str(exc))
            return ReadRights(False, False)
        return ReadRights(probes["broadcast"] in seen, probes.get("presence") in seen)

    async def may_write(
        self, access: Access, topic: str, headers_json: str, *, extension: str
    ) -> bool:
        """The right to send, by INSERT policies. An exception in a policy means no.

        Raises DatabaseUnavailableError when nobody can tell, which is not worth remembering.
        """
        try:
            async with self.database.connection() as conn, conn.transaction(force_rollback=True):
                await self._become(conn, access, topic, headers_json)
                await conn.execute(
                    "insert into realtime.messages (topic, extension) values (%s, %s)",
                    [topic, extension],
                )
        except psycopg.errors.InsufficientPrivilege:
            return False
        except psycopg.Error as exc:
            lost = isinstance(exc, psycopg.OperationalError | psycopg.InterfaceError)
            if lost and not isinstance(exc, psycopg.errors.QueryCanceled):
                raise DatabaseUnavailableError from exc
            log.warning("realtime.policy_failed", topic=topic, role=access.role, reason=str(exc))
            return False
        return True

    async def _become(
        self, conn: Connection, access: Access, topic: str, headers_json: str
    ) -> None:
        await conn.execute(
            "select pg_catalog.set_config('statement_timeout', %s, true)", [str(self.timeout_ms)]
        )
        await conn.execute(
            _SETTINGS,
            {
                "topic": topic,
                "claims": access.claims_json,
                "sub": access.sub,
                "role": access.role,
                "headers": headers_json,
            },
        )
