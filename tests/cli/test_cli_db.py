"""`vigil db`: behind, fitting, ahead; migrating twice; databases that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.cli.harness import Vigil
from tests.cli.world import World


@dataclass
class Empty:
    """A database of the stack shaped like a new project, without Vigil."""

    url: str

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="module")
def empty(world: World) -> Iterator[Empty]:
    name = "another project"
    world.run(f'create database "{name}" owner postgres')
    world.bootstrap_database(name)
    parts = urlsplit(world.env["DB_URL"])
    yield Empty(urlunsplit(parts._replace(path="/another%20project")))
    world.run(f'drop database "{name}" with (force)')


def test_a_database_that_fits_says_so(world: World, vigil: Vigil) -> None:
    at = {"VIGIL_DB_URL": world.env["DB_URL"]}
    answer = vigil.process("db", "status", "--json", env=at, expect=0)
    assert answer.data["state"] == "current"
    assert answer.data["ok"] is True
    assert {row["state"] for row in answer.data["migrations"]} == {"applied"}
    assert all(check["ok"] for check in answer.data["checks"])
    password = urlsplit(world.env["DB_URL"]).password
    assert password
    assert password not in answer.out + answer.err


def test_a_new_project_is_migrated_once_and_twice_does_nothing(empty: Empty, vigil: Vigil) -> None:
    at = ["--db-url", empty.url]
    behind = vigil("db", "status", *at, "--json", expect=1)
    assert behind.data["state"] == "absent"
    assert behind.error["code"] == "VG302"
    assert behind.error["try"] == "vigil db migrate"
    tried = vigil("db", "migrate", *at, "--dry-run", "--json", expect=0).data
    assert tried["applied"] == []
    assert len(tried["pending"]) == len(behind.data["migrations"])
    applied = vigil.process("db", "migrate", *at, expect=0)
    assert "create_vigil\tapplied" in applied.out
    twice = vigil("db", "migrate", *at, "--json", expect=0)
    assert twice.data["applied"] == []
    assert "Nothing to do" in twice.err
    # Only the admin is missing, and the finding says how to make one.
    status = vigil("db", "status", *at, "--json", expect=1)
    failed = [check for check in status.data["checks"] if not check["ok"]]
    assert ["vigil staff bootstrap" in check["detail"] for check in failed] == [True]

    # A migration of the app's own is no business of ours; a newer schema is.
    empty.run(
        "insert into supabase_migrations.schema_migrations (version, name)"
        " values ('20990101000000', 'app_own')"
    )
    assert vigil("db", "status", *at, "--json", expect=1).data["state"] == "current"
    empty.run("update vigil.settings set schema_version = 99")
    ahead = vigil("db", "status", *at, "--json", expect=1)
    assert ahead.data["state"] == "ahead"
    assert "it is at schema 99" in ahead.error["message"]
    assert "ahead" in vigil("db", "migrate", *at, expect=1).err


def test_a_finding_fails_the_status(world: World, vigil: Vigil) -> None:
    at = {"VIGIL_DB_URL": world.env["DB_URL"]}
    world.run("create view public.leak as select * from public.messages")
    try:
        answer = vigil("db", "status", env=at, expect=1)
    finally:
        world.run("drop view public.leak")
    assert "no view skips the policies" in answer.err
    assert "leak" in answer.out


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"netloc": "postgres:wrong@127.0.0.1:{port}"}, "refuses this user and password"),
        ({"netloc": "postgres:{password}@127.0.0.1:1"}, "cannot reach"),
        ({"netloc": "postgres:{password}@vigil.invalid"}, "cannot reach"),
        ({"path": "/nowhere"}, "cannot reach"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_error(
    world: World, vigil: Vigil, change: dict[str, str], says: str
) -> None:
    parts = urlsplit(world.env["DB_URL"])
    filled = {
        key: value.format(port=parts.port, password=parts.password) for key, value in change.items()
    }
    url = urlunsplit(parts._replace(**filled))
    answer = vigil("db", "status", "--db-url", url, expect=1)
    assert says in answer.err
    assert str(parts.password) not in answer.err


def test_a_project_without_vigil_says_what_it_lacks(world: World, vigil: Vigil) -> None:
    world.login(vigil, "Mod", expect=0)
    world.run("alter function public.list_staff() rename to list_staff_away")
    world.run("notify pgrst, 'reload schema'")
    try:
        answer = vigil("staff", "list", "--json", expect=1)
    finally:
        world.run("alter function public.list_staff_away() rename to list_staff")
        world.run("notify pgrst, 'reload schema'")
    assert "does not have what 'list_staff' needs" in answer.error["message"]
    assert "vigil db status" in answer.error["try"]
