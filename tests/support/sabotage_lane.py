"""One lane of `make sabotage`: a cluster that lives on, a broken template at a time, and a warm pytest."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support.database import Databases
from tests.support.sabotages import ALL, Sabotage
from tests.support.warm_pytest import Ran, WarmPytest
from vigil_cli.local.cluster import SUPERUSER, Cluster

TEMPLATE = "template_vigil"
# Adoption migrates databases of its own, which nobody broke. The others close lists; a guard must be noticed by what
# it does.
LEFT_OUT = (
    f"--ignore={ALL}/test_adoption.py",
    f"--deselect={ALL}/test_catalogue.py::test_every_public_table_is_ours_and_guarded_against_every_role",
    f"--deselect={ALL}/test_catalogue.py::test_replaying_the_sources_changes_nothing",
    f"--deselect={ALL}/test_catalogue.py::test_a_migration_applied_twice_is_refused_and_changes_nothing",
    f"--deselect={ALL}/test_docs.py::test_the_generated_pages_are_fresh",
)
_ROLES = """
    select string_agg(r::text, ';' order by r::text) from (
        select rolname::text, rolsuper, rolinherit, rolcreaterole, rolcanlogin, rolreplication, rolbypassrls from pg_roles
        union all
        select roleid::regrole || ' to ' || member::regrole, admin_option, null, null, null, null, null from pg_auth_members
    ) r"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`by` is the test that noticed; without one, `problem` says what went wrong."""

    by: str = ""
    problem: str = ""


class Lane:
    """Breaks one guard at a time in a database of its own, and looks for a test that turns red."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self._numbers = itertools.count(1)
        self._pytest = WarmPytest(directory, ALL)
        self._start()

    def _start(self) -> None:
        self.cluster = Cluster(self._directory / f"pg{next(self._numbers)}", durable=False)
        self.cluster.init()
        self.cluster.start()
        self.databases = Databases(self.cluster)
        self.databases.template(TEMPLATE)
        self._roles = self._value(_ROLES)

    def close(self) -> None:
        """Leave nothing running."""
        self._pytest.close()
        self.cluster.stop()
        self.cluster.destroy()

    def try_out(self, sabotage: Sabotage, places: Iterable[Sequence[str]]) -> Outcome:
        """Break the guard and run the places in turn, until a test notices."""
        for place in places:
            try:
                try:
                    broken = self._break(sabotage)
                except psycopg.Error as error:
                    return Outcome(problem=f"cannot be applied: {str(error).splitlines()[0]}")
                outcome = self._look(broken, place)
            finally:
                self._tidy()
            if outcome is not None:
                return outcome
        return Outcome(problem="survived")

    def _break(self, sabotage: Sabotage) -> str:
        broken = f"broken_{next(self._numbers)}"
        self.databases.admin(f"create database {broken} template {TEMPLATE} owner postgres")
        with psycopg.connect(self.cluster.dsn(role=SUPERUSER, dbname=broken)) as conn:
            conn.execute(sabotage.sql)
        return broken

    def red_without(self, tests: Sequence[str]) -> set[str]:
        """Those of the tests that fail although nothing is broken."""
        if not tests:
            return set()
        ran = self._run(TEMPLATE, tests)
        if ran.code not in (0, 1):
            raise RuntimeError(f"the tests could not run: {ran.output[-2000:]}")
        return set(ran.red)

    def _look(self, broken: str, place: Sequence[str]) -> Outcome | None:
        """None when this place noticed nothing."""
        # One test needs no copy: it may use the broken database up.
        ran = self._run(broken, place, "-x", use_up=len(place) == 1 and "::" in place[0])
        if ran.code == 1 and ran.red:
            self._value("select 1")  # a server that died turns everything red
            return Outcome(by=ran.red[0])
        nothing_to_run = ran.code in (4, 5) and list(place) != [ALL]
        if ran.code == 0 or nothing_to_run:
            return None
        what = "did not end" if ran.code == -1 else "could not run"
        return Outcome(problem=f"the tests {what}: {ran.output[-400:]}")

    def _run(self, template: str, tests: Sequence[str], *options: str, use_up: bool = False) -> Ran:
        environ = {
            "VIGIL_TEST_CLUSTER": str(self.cluster.root),
            "VIGIL_TEST_TEMPLATE": template,
            "VIGIL_TEST_USE_UP": template if use_up else "",
        }
        arguments = ["-q", "--tb=short", *options, *LEFT_OUT, *tests]
        return self._pytest.run(arguments, environ)

    def _tidy(self) -> None:
        """Only the migrated template stays; what reached beyond its database costs the cluster."""
        if self._value(_ROLES) != self._roles:
            self.cluster.stop()
            self.cluster.destroy()
            self._start()
            return
        with psycopg.connect(self.cluster.dsn(role=SUPERUSER), autocommit=True) as conn:
            left = conn.execute(
                "select datname from pg_database where datname ~ '^(t[0-9]+_|broken_)'"
            )
            for (name,) in left.fetchall():
                conn.execute(f"drop database {name} with (force)")

    def _value(self, query: str) -> object:
        with psycopg.connect(self.cluster.dsn(role=SUPERUSER), autocommit=True) as conn:
            row = conn.execute(query).fetchone()
        return row and row[0]
