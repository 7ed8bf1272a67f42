"""Run the worker inside this process, told about the local stack where nothing else is said."""

from __future__ import annotations

import os

from vigil_cli import project
from vigil_cli.errors import MISUSED
from vigil_cli.output import say

# What only the CLI reads; a worker has no use for a moderator's password.
_NOT_FOR_THE_WORKER = ("VIGIL_PASSWORD", "VIGIL_HOME", "VIGIL_DB_URL")


def run(*, once: bool, check: bool) -> int:
    """The worker's exit code: 0 done, 1 failed, 2 misconfigured, 3 schema mismatch."""
    from vigil.__main__ import main

    for name in _NOT_FOR_THE_WORKER:
        os.environ.pop(name, None)
    if "VIGIL_DATABASE_URL" not in os.environ:
        local = project.local_project()
        if local is not None:
            for name, value in local.worker_environment.items():
                os.environ.setdefault(name, value)
    arguments = [flag for flag, wanted in (("--once", once), ("--check", check)) if wanted]
    code = int(main(arguments) or 0)
    if code == MISUSED:
        say("Try: the setting named above, as docs/settings.md lists it")
    return code
