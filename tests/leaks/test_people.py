"""Presence, typing, profiles and topics, for every viewer."""

from __future__ import annotations

import pytest

from tests.leaks.people import SIGHTS, Sight
from tests.leaks.stage import Stage
from tests.leaks.world import VIEWERS


@pytest.mark.parametrize("sight", SIGHTS, ids=lambda s: s.name.replace(" ", "-"))
def test_people_show_to_those_who_may_know(stage: Stage, sight: Sight) -> None:
    wrong = []
    for viewer in VIEWERS.values():
        found = sight.sees(stage, viewer, stage.world.subject(viewer, "visible"))
        if found != sight.wanted(viewer):
            wrong.append(f"{viewer.name}: {found}; {sight.why}")
    assert wrong == []
