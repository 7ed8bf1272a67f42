"""A room to speak in, in a database of its own."""

from __future__ import annotations

import pytest
from tests.support.database import Database
from tests.worker.worker_harness import Room


@pytest.fixture
def room(db: Database) -> Room:
    return Room.make(db)
