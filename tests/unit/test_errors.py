"""Errors: every SQLSTATE becomes what to do, and no error quotes a person."""

import psycopg
import pytest
from psycopg import errors as pg
from psycopg_pool import PoolTimeout

from vigil.errors import (
    GiveUpError,
    LeaseLostError,
    MisconfiguredError,
    PeerUnavailableError,
    SchemaMismatchError,
    StopError,
    VigilError,
    translated,
)


class OurError(psycopg.DatabaseError):
    def __init__(self, sqlstate: str) -> None:
        super().__init__("something\nDETAIL:  the person wrote this")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (pg.AdminShutdown("x"), PeerUnavailableError),
        (pg.CrashShutdown("x"), PeerUnavailableError),
        (pg.CannotConnectNow("x"), PeerUnavailableError),
        (pg.TooManyConnections("x"), PeerUnavailableError),
        (pg.DiskFull("x"), PeerUnavailableError),
        (pg.SerializationFailure("x"), PeerUnavailableError),
        (pg.DeadlockDetected("x"), PeerUnavailableError),
        (pg.LockNotAvailable("x"), PeerUnavailableError),
        (pg.QueryCanceled("x"), PeerUnavailableError),
        (PoolTimeout("x"), PeerUnavailableError),
        (psycopg.OperationalError("connection refused"), PeerUnavailableError),
        (psycopg.InterfaceError("the connection is closed"), PeerUnavailableError),
        (pg.UndefinedFunction("x"), SchemaMismatchError),
        (pg.InvalidSchemaName("x"), SchemaMismatchError),
        (OurError("VG302"), SchemaMismatchError),
        (pg.InsufficientPrivilege("x"), MisconfiguredError),
        (pg.InvalidPassword("x"), MisconfiguredError),
        (psycopg.OperationalError('FATAL: role "x" does not exist'), MisconfiguredError),
        (psycopg.OperationalError("FATAL: password authentication failed"), MisconfiguredError),
        (OurError("VG301"), LeaseLostError),
        (OurError("VG209"), GiveUpError),
        (pg.UniqueViolation("x"), GiveUpError),
        (KeyError("x"), GiveUpError),
    ],
)
def test_what_the_database_said_becomes_what_to_do(
    raised: Exception, expected: type[VigilError]
) -> None:
    assert type(translated(raised)) is expected


def test_only_the_first_sentence_is_kept() -> None:
    assert "person" not in str(translated(OurError("VG209")))


def test_our_own_errors_pass_unchanged() -> None:
    error = StopError("x")
    assert translated(error) is error


def test_exit_codes() -> None:
    assert (StopError.exit_code, MisconfiguredError.exit_code) == (1, 2)
    assert SchemaMismatchError.exit_code == 3
