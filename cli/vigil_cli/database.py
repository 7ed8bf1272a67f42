"""What an operator does as the owner of the database, over its connection string."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from vigil_cli import project
from vigil_cli.errors import CliError, FailedError, MisusedError, RefusedError
from vigil_cli.refusals import from_answer
from vigil_cli.version import tool_name

_CONNECT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class State:
    """What the database says about itself."""

    applied: dict[str, str]
    checks: list[dict[str, Any]]
    schema_version: int | None


def chosen_url(given: str | None) -> str:
    """The connection string to use: the one given, else the local stack's."""
    if given is None:
        local = project.local_project()
        if local is None:
            raise MisusedError(
                "which database is not said, and there is no local stack here",
                advice="--db-url postgresql://postgres:…@host:5432/postgres, or VIGIL_DB_URL",
            )
        return local.db_url
    try:
        conninfo_to_dict(given)
    except psycopg.ProgrammingError:
        # Neither the string nor libpq's complaint is repeated: both may hold the password.
        raise MisusedError(
            "the database URL cannot be read",
            advice="postgresql://postgres:PASSWORD@HOST:5432/postgres, the password URL-encoded",
        ) from None
    return given


def describe(url: str) -> str:
    """Where the URL leads, without its password."""
    parts = conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


def read_state(url: str) -> State:
    """Applied migrations and the findings of `vigil.inspect()`."""
    with _connected(url) as connection:
        cursor = connection.cursor(row_factory=dict_row)
        cursor.execute(
            "select to_regclass('supabase_migrations.schema_migrations') is not null as ok"
        )
        row = cursor.fetchone()
        applied: dict[str, str] = {}
        if row is not None and row["ok"]:
            cursor.execute(
                "select version, coalesce(name, '') as name"
                " from supabase_migrations.schema_migrations order by version"
            )
            applied = {str(found["version"]): str(found["name"]) for found in cursor}
        cursor.execute("select to_regprocedure('vigil.inspect()') is not null as ok")
        row = cursor.fetchone()
        installed = row is not None and bool(row["ok"])
        checks: list[dict[str, Any]] = []
        if installed:
            cursor.execute("select check_name, ok, detail from vigil.inspect()")
            checks = [dict(found) for found in cursor]
        version: int | None = None
        if installed:
            cursor.execute("select schema_version from vigil.settings")
            row = cursor.fetchone()
            version = None if row is None else int(row["schema_version"])
    return State(applied, checks, version)


def bootstrap_admin(url: str, email: str) -> str:
    """Make the member with this address the first admin; return their id."""
    with _connected(url) as connection:
        rows = connection.execute(
            "select id from auth.users where lower(email) = lower(%s)", (email.strip(),)
        ).fetchall()
        if len(rows) != 1:
            raise MisusedError(
                f"{len(rows) or 'no'} members have the address '{email}'",
                advice="signing up in the app first, with this address",
                code="VG205",
            )
        connection.execute("select vigil.bootstrap_admin(%s)", (rows[0][0],))
        return str(rows[0][0])


@contextlib.contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    where = describe(url)
    try:
        with psycopg.connect(
            url, connect_timeout=_CONNECT_SECONDS, application_name=tool_name()
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise _explain(error, where) from None


def _explain(error: psycopg.Error, where: str) -> CliError:
    diagnosis = error.diag
    if error.sqlstate is None:
        why = (str(error).strip().splitlines() or ["no reason given"])[-1].strip()
        if "authentication failed" in why:
            return FailedError(
                f"the database at {where} refuses this user and password",
                advice="the connection string from the project's settings, password included",
                code="credentials",
            )
        return FailedError(
            f"cannot reach the database at {where}: {why}",
            advice="vigil local up, or --db-url with the database's address",
            code="unreachable",
        )
    if error.sqlstate == "42501":
        return RefusedError(
            diagnosis.message_primary or "not allowed",
            advice="--db-url of the role postgres, which owns the migrations",
            code=error.sqlstate,
        )
    return from_answer(
        {
            "code": error.sqlstate,
            "message": diagnosis.message_primary,
            "hint": diagnosis.message_hint,
            "details": diagnosis.message_detail,
        },
        action="this",
        url=where,
    )
