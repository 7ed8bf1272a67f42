"""The two long-running programs beside Postgres, as detached processes with a socket of ours."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.keys import write_private
from vigil_cli.local.layout import Layout
from vigil_cli.local.process import Process, running_with

REST, GATEWAY, WORKER = "rest", "gateway", "worker"
NAMES = (REST, GATEWAY)
_SOCKET_FD = 3
_LARGE_LOG = 20_000_000


@dataclass(frozen=True, slots=True)
class Service:
    """One program of one stack. Found again by its configuration file's path on its command line.

    That path is this stack's alone, so neither a recycled pid nor another stack's process, nor one
    whose pid was never noted because the command that started it was killed, can be mistaken.
    """

    layout: Layout
    name: str

    def processes(self) -> list[Process]:
        """Its running processes; more than one only after a crash of `up`."""
        return running_with(str(self.layout.config(self.name)))

    def stop(self) -> None:
        """End it; nothing of it runs when this returns."""
        for process in self.processes():
            ended = process.stop((signal.SIGTERM, 6), (signal.SIGKILL, 5))
            if not ended:
                raise LocalStackError(
                    f"{self.name} (pid {process.pid}) did not end.",
                    hint=f"kill -9 {process.pid}",
                )

    def start(
        self, command: list[str], listening: socket.socket, settings: Mapping[str, Any]
    ) -> Process:
        """Start it on a socket that already listens; it outlives this process."""
        config = self.layout.config(self.name)
        write_private(config, {**settings, "fd": _SOCKET_FD})
        log_file = self.layout.log(self.name)
        keep_small(log_file)
        private = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(private, "ab") as log:
            child = subprocess.Popen(
                [*_WITH_SOCKET, *command, str(config)],
                cwd=self.layout.root, stdin=listening.fileno(), stdout=log, stderr=log,
                start_new_session=True, env=_environment(),
            )  # fmt: skip
        child.returncode = 0  # not ours to wait for
        process = Process.of(child.pid)
        if process is None:
            raise self.failed()
        return process

    def failed(self) -> LocalStackError:
        """The error to raise when it ended early, with its last words."""
        words = self.layout.log(self.name).read_text(errors="replace").strip().splitlines()[-8:]
        return LocalStackError(
            f"{self.name} did not start:\n" + "\n".join(f"    {line}" for line in words),
            hint=f"vigil local logs {self.name}",
        )


# The socket arrives as standard input and is moved to descriptor 3, which works the same from
# every parent, threads or not.
_WITH_SOCKET = ["/bin/sh", "-c", 'exec 3<&0 </dev/null "$@"', "sh"]


def keep_small(log_file: Path) -> None:
    """Set a log that grew large aside, and drop the one set aside before."""
    if log_file.exists() and log_file.stat().st_size > _LARGE_LOG:
        log_file.replace(log_file.with_suffix(".log.old"))


def _environment() -> dict[str, str]:
    """The caller's environment without the settings that would lead a service astray."""
    dropped = ("PG", "SUPABASE_", "NODE_OPTIONS", "VIGIL_", "SENTRY_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    return kept | {
        "DO_NOT_TRACK": "1",
        "SUPABASE_TELEMETRY_DISABLED": "1",
        "NODE_ENV": "production",
    }


def describe(process: Process) -> dict[str, Any]:
    """As it is written to the state file."""
    return asdict(process)
