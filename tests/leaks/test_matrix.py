"""The leak matrix: every viewer, every state of a message, every surface; what is given away, and why."""

from __future__ import annotations

import pytest

from tests.leaks.rules import expected
from tests.leaks.stage import Stage
from tests.leaks.surfaces import SURFACES, Surface
from tests.leaks.world import STATES, VIEWERS


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
