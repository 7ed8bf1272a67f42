"""pytest without the cost of its start: one process collects every test once, and forks for each run.

A request is a line of JSON with `arguments`, `environ`, `log`, `report` and `seconds`; the answer is an empty line.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

# What the tests import, so that no run has to.
import vigil_cli.app  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
# No cache between runs, and no plugin that we do not use and that others may have installed.
QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:anyio")


@dataclass(frozen=True, slots=True)
class Ran:
    """How one run ended: pytest's exit code (-1: it did not end), and the tests that turned red."""

    code: int
    red: tuple[str, ...]
    output: str


@dataclass(slots=True)
class _Reds:
    """A plugin that notes which tests failed, in whatever phase, and how it ended."""

    report: Path
    names: list[str] = field(default_factory=list)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and report.nodeid not in self.names:
            self.names.append(report.nodeid)

    @pytest.hookimpl
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        scratch = self.report.with_suffix(".new")
        scratch.write_text(json.dumps({"code": int(exitstatus), "red": self.names}))
        scratch.replace(self.report)


class WarmPytest:
    """Runs tests in forks of one warm process."""

    def __init__(self, directory: Path, *places: str) -> None:
        """Ready for the tests in `places`."""
        self._log, self._report = directory / "pytest.log", directory / "report.json"
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *places],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, arguments: list[str], environ: dict[str, str], seconds: int = 240) -> Ran:
        """Run pytest with these arguments; ends it when it takes longer than `seconds`."""
        self._report.unlink(missing_ok=True)
        request = {
            "arguments": arguments, "environ": environ, "seconds": seconds,
            "log": str(self._log), "report": str(self._report),
        }  # fmt: skip
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(request), file=self._process.stdin, flush=True)
        if not self._process.stdout.readline():
            raise RuntimeError("the warm pytest ended")
        output = self._log.read_text(errors="replace")
        if not self._report.exists():
            return Ran(-1, (), output)
        report = json.loads(self._report.read_text())
        return Ran(report["code"], tuple(report["red"]), output)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def _serve(request: dict[str, Any]) -> None:
    os.environ.update(request["environ"])
    signal.alarm(request["seconds"])
    with (
        Path(request["log"]).open("w", encoding="utf-8") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        pytest.main([*QUIET, *request["arguments"]], plugins=[_Reds(Path(request["report"]))])


def main() -> None:
    """Serve requests until the input ends."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        if pytest.main(["--collect-only", "-q", *QUIET, *sys.argv[1:]]) != 0:
            sys.exit(said.getvalue())
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                _serve(json.loads(line))
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        print(flush=True)


if __name__ == "__main__":
    main()
