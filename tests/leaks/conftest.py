"""The world of the matrix, built once for all of its tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.leaks.stage import Stage
from tests.leaks.world import build
from tests.support.database import Databases


@pytest.fixture(scope="session")
def stage(databases: Databases) -> Iterator[Stage]:
    """Each cell is a scene on it that is rolled back."""
    db = databases.clone(databases.template("template_vigil"))
    yield Stage(build(db))
    databases.drop(db)
