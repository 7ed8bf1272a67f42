"""A `vigil` for each test, and one stack with people for those that need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.harness import Vigil
from tests.cli.world import World, running_stack
from vigil_cli.local.cluster import SUPERUSER


@pytest.fixture
def vigil(tmp_path: Path) -> Vigil:
    """`vigil` for somebody who is not signed in, in a directory with a space in its name."""
    directory = tmp_path / "some where"
    directory.mkdir()
    return Vigil(home=tmp_path / "the home" / "vigil", directory=directory)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[World]:
    """A stack with an admin, a moderator, an auditor and members; one for the whole session."""
    directory = tmp_path_factory.mktemp("cli") / "a stack"
    directory.mkdir()
    with running_stack(directory, root) as stack:
        env = {**stack.env(), "SUPERUSER_URL": stack.cluster.dsn(role=SUPERUSER)}
        world = World(directory, env, stack.cluster)
        world.join("Ada", "Mod", "Otto", "Ann", "Anna", "Bob", "Cem", "Mallory")
        bootstrap = world.out("Owner")
        bootstrap("staff", "bootstrap", world.address("Ada"), "--db-url", env["DB_URL"], expect=0)
        admin = world.as_("Ada")
        for name, role in (("Mod", "moderator"), ("Otto", "auditor")):
            admin("staff", "add", world.address(name), role, "--reason=founding", expect=0)
        yield world
        world.close()
