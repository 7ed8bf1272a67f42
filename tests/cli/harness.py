"""Run the real `vigil`, away from the developer's own session and settings.

Calling a `Vigil` runs it in this process, which is as good for most claims and saves the second
that an interpreter and the client library take to start; `process` starts one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.inprocess import Ran, run_vigil

VIGIL = str(Path(sys.executable).with_name("vigil"))


@dataclass(frozen=True)
class Answer:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Stdout, which is exactly one JSON document."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error that `--json` writes to stderr."""
        found: dict[str, Any] = json.loads(self.err.strip().splitlines()[-1])["error"]
        return found


@dataclass
class Vigil:
    """One person's `vigil`: a home of their own and nothing of ours in the environment."""

    home: Path
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def session_file(self) -> Path:
        return self.home / "session.json"

    def environ(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("VIGIL_", "XDG_"))}
        kept |= {"VIGIL_HOME": str(self.home), "NO_COLOR": "1", "COLUMNS": "200"}
        return {**kept, **self.environment, **(extra or {})}

    def __call__(
        self,
        *arguments: str,
        stdin: str | bytes = b"",
        env: Mapping[str, str] | None = None,
        expect: int | None = None,
    ) -> Answer:
        """Run one command line in this process."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        ran = run_vigil(arguments, environ=self.environ(env), directory=self.directory, stdin=given)
        return _checked(ran, arguments, expect)

    def process(
        self,
        *arguments: str | bytes,
        stdin: str | bytes = b"",
        env: Mapping[str, str] | None = None,
        expect: int | None = None,
    ) -> Answer:
        """Run one command line as a process of its own."""
        done = subprocess.run(
            [VIGIL, *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            env=self.environ(env),
            cwd=self.directory,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return _checked(Ran(done.returncode, done.stdout, done.stderr), arguments, expect)


def _checked(ran: Ran, arguments: Sequence[str | bytes], expect: int | None) -> Answer:
    """The answer, once what holds for every answer was seen to hold."""
    answer = Answer(ran.code, ran.out.decode(), ran.err.decode())
    assert "Traceback" not in answer.err, answer.err
    if answer.code not in (0, 130) and "--json" not in arguments and "Usage:" not in answer.err:
        assert "\nTry: " in f"\n{answer.err}", answer.err
    if expect is not None:
        assert answer.code == expect, f"{answer.code}: {answer.out}\n{answer.err}"
    return answer
