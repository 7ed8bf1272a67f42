"""A `vigil` for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_harness import Vigil


@pytest.fixture
def vigil(tmp_path: Path) -> Vigil:
    """`vigil` for somebody who is not signed in, in a directory with a space in its name."""
    directory = tmp_path / "some where"
    directory.mkdir()
    return Vigil(home=tmp_path / "the home" / "vigil", directory=directory)
