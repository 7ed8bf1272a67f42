"""The leak matrix: every viewer, every state of a message, every surface; what is given away, and why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.leaks.rules import expected
from tests.leaks.stage import Stage
from tests.leaks.surfaces import SURFACES, Surface
from tests.leaks.world import STATES, VIEWERS, build
from tests.support.database import Databases


@pytest.fixture(scope="module")
def stage(databases: Databases) -> Iterator[Stage]:
    """The world is built once; each cell is a scene that is rolled back."""
    db = databases.clone(databases.template("template_vigil"))
    yield Stage(build(db))
    databases.drop(db)


@pytest.mark.parametrize("surface", SURFACES, ids=lambda s: s.name.replace(" ", "-"))
def test_a_surface_gives_away_what_the_rules_say(stage: Stage, surface: Surface) -> None:
    wrong = []
    for viewer in VIEWERS.values():
        for state in STATES:
            found = surface.ask(stage, viewer, stage.world.subject(viewer, state))
            wanted, why = expected(viewer, state, surface)
            if found != wanted:
                wrong.append(f"{viewer.name} x {state}: {found}, not {wanted}, for: {why}")
    assert wrong == []
