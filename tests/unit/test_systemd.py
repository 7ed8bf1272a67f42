"""The units: valid, hardened, and true to what the worker does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vigil.errors import MisconfiguredError, SchemaMismatchError
from vigil.settings import Settings, known_settings

UNITS = ("vigil-worker.service", "vigil-worker@.service")


@pytest.fixture(params=UNITS)
def unit(request: pytest.FixtureRequest, root: Path) -> Path:
    return root / "worker" / "systemd" / str(request.param)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed (Debian: apt-get install systemd)")
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)


def test_the_unit_is_valid(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    installed = text.replace("/opt/vigil/bin/vigil-worker", shutil.which("true") or "/bin/true")
    name = unit.name.replace("@", "@one")
    (tmp_path / name).write_text(installed, encoding="utf-8")
    checked = analyze("verify", str(tmp_path / name))
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_the_unit_is_hardened(unit: Path, tmp_path: Path) -> None:
    name = unit.name.replace("@", "@one")
    (tmp_path / name).write_text(unit.read_text(encoding="utf-8"), encoding="utf-8")
    checked = analyze("security", "--offline=yes", "--no-pager", str(tmp_path / name))
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", checked.stdout)
    assert exposure, checked.stderr
    assert float(exposure[1]) <= 1.5


def test_it_does_not_restart_what_a_person_must_mend(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    codes = {MisconfiguredError.exit_code, SchemaMismatchError.exit_code}
    prevented = re.search(r"^RestartPreventExitStatus=(.*)$", text, re.MULTILINE)
    assert prevented
    assert {int(code) for code in prevented[1].split()} == codes
    assert "Type=notify" in text
    assert re.search(r"^WatchdogSec=\d+$", text, re.MULTILINE)


def test_the_example_names_only_known_settings_and_works_when_uncommented(root: Path) -> None:
    text = (root / "worker" / "systemd" / "worker.env.example").read_text(encoding="utf-8")
    given = dict(re.findall(r"^#?(VIGIL_[A-Z_]+)=(.*)$", text, re.MULTILINE))
    assert given.keys() <= {known.name for known in known_settings()}
    assert Settings.from_env(given).doorbell_configured
    with pytest.raises(MisconfiguredError):
        Settings.from_env({**given, "VIGIL_X": "1"})
