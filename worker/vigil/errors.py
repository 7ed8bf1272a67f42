"""Errors that say what the caller should do: retry, give up, or stop."""

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests


class VigilError(Exception):
    """Base of every error this project raises on purpose."""

    exit_code = 1


class PeerUnavailableError(VigilError):
    """The database cannot answer now; ask again after a pause."""


class GiveUpError(VigilError):
    """This piece of work will never succeed; leave it and go on with the rest."""


class StopError(VigilError):
    """The worker cannot work at all until a person changes something."""


class MisconfiguredError(StopError):
    """A setting, a role or a password is wrong."""

    exit_code = 2


class SchemaMismatchError(StopError):
    """This worker and this database do not fit together."""

    exit_code = 3


class LeaseLostError(GiveUpError):
    """Somebody else holds the job by now; what was found is theirs to find again."""


# Classes (two characters) and single states after which the same call may well succeed.
_RETRY = frozenset({"08", "53", "57", "58", "40"})
_RETRY_STATES = frozenset({"25006", "55P03", "55006", "XX000"})
_MISFIT = frozenset({"42883", "3F000", "42P01", "42703", "42804", "VG302"})
_CREDENTIALS = frozenset({"28P01", "28000", "3D000", "42501"})
# On connecting libpq gives no SQLSTATE, only the server's sentence.
_REFUSED_AT_DOOR = (
    "password authentication failed",
    "no pg_hba.conf entry",
    "is not permitted to log in",
    "no password supplied",
)


def translated(exc: Exception) -> VigilError:
    """Our error for what psycopg raised; every SQLSTATE is judged here and nowhere else."""
    if isinstance(exc, VigilError):
        return exc
    if isinstance(exc, PoolTimeout | PoolClosed | TooManyRequests):
        return PeerUnavailableError("no database connection is available; is Postgres running?")
    if not isinstance(exc, psycopg.Error):
        return GiveUpError(f"{type(exc).__name__} while talking to the database")
    if exc.sqlstate is None:
        return _without_state(exc, _sentence(exc))
    return _with_state(exc.sqlstate, _sentence(exc))


def _with_state(state: str, said: str) -> VigilError:
    if state in _MISFIT:
        return SchemaMismatchError(
            f"the database does not offer what this worker calls ({state}: {said}); "
            "bring both to the same version: vigil db migrate"
        )
    if state in _CREDENTIALS:
        return MisconfiguredError(
            f"the database refuses this worker ({state}: {said}); "
            "VIGIL_DATABASE_URL should name the role vigil_worker"
        )
    if state == "VG301":
        return LeaseLostError(said)
    if state[:2] in _RETRY or state in _RETRY_STATES:
        return PeerUnavailableError(f"{state}: {said}")
    return GiveUpError(f"{state}: {said}")


def _without_state(exc: psycopg.Error, said: str) -> VigilError:
    refused = any(words in said for words in _REFUSED_AT_DOOR)
    missing = "does not exist" in said and ("role" in said or "database" in said)
    if refused or missing:
        return MisconfiguredError(
            f"the database refuses the connection ({said}); "
            "check role, password and database name in VIGIL_DATABASE_URL"
        )
    if isinstance(exc, psycopg.OperationalError | psycopg.InterfaceError):
        return PeerUnavailableError(said)
    return GiveUpError(said)


def _sentence(exc: psycopg.Error) -> str:
    """The first line of the server's message; details may quote a person and are left out."""
    text = exc.diag.message_primary or str(exc) or type(exc).__name__
    return text.strip().splitlines()[0]
