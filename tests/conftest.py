"""One Postgres cluster per run; a database per test, cloned from a template."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.database import Database, Databases
from vigil_cli.local.cluster import Cluster


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The cluster of this run; its Postgres is the wheel's, or that of VIGIL_PG_BIN."""
    if running := os.environ.get(
        "VIGIL_TEST_CLUSTER"
    ):  # `make sabotage` keeps one, with a broken template
        template = os.environ["VIGIL_TEST_TEMPLATE"]
        yield Databases(
            Cluster(Path(running)), {"template_vigil": template}, os.environ["VIGIL_TEST_USE_UP"]
        )
        return
    cluster = Cluster(tmp_path_factory.mktemp("pg"), durable=False)
    cluster.init()
    cluster.start()
    yield Databases(cluster)
    cluster.stop()
    cluster.destroy()


@pytest.fixture
def db(databases: Databases) -> Iterator[Database]:
    """A fresh project with the migrations applied."""
    database = databases.clone(databases.template("template_vigil"))
    yield database
    databases.drop(database)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parents[1]
