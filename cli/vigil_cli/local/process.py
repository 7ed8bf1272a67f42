"""Processes known by pid *and* start time, so that a recycled pid is never taken for ours."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HAS_PROC = Path("/proc/self/stat").exists()


def start_mark(pid: int) -> str | None:
    """A value that differs between two processes of one pid; None when none is running."""
    if _HAS_PROC:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in ("Z", "X") else fields[19]
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    state, _, started = shown.partition(" ")
    return None if not started or state.startswith("Z") else started.strip()


def running_with(argument: str) -> list[Process]:
    """Every process, of any parent, that was started with exactly this argument."""
    if _HAS_PROC:
        lines = _command_lines()
        pids = [pid for pid, command in lines if os.fsencode(argument) in command.split(b"\0")]
    else:
        shown = subprocess.run(
            ["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True
        ).stdout
        rows = (line.strip().partition(" ") for line in shown.splitlines())
        pids = [int(pid) for pid, _, command in rows if argument in command]
    found = (Process.of(pid) for pid in pids if pid != os.getpid())
    return [process for process in found if process is not None]


def _command_lines() -> Iterator[tuple[int, bytes]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it ended meanwhile, or is none of ours


@dataclass(frozen=True, slots=True)
class Process:
    """One process, for as long as it is that one."""

    pid: int
    mark: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has this pid now."""
        mark = start_mark(pid)
        return None if mark is None else cls(pid, mark)

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return start_mark(self.pid) == self.mark

    def has_argument(self, argument: str) -> bool:
        """Whether it was started with exactly this argument."""
        if not _HAS_PROC:
            return any(process.pid == self.pid for process in running_with(argument))
        try:
            command = Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return False
        return os.fsencode(argument) in command.split(b"\0")

    def send(self, number: signal.Signals) -> None:
        """Signal it, unless it is gone."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def wait(self, seconds: float) -> bool:
        """Whether it ended within that time. Reaps it when it is a child of this process."""
        deadline = time.monotonic() + seconds
        while True:
            self._reap()
            if not self.alive():
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)

    def stop(self, *ladder: tuple[signal.Signals, float]) -> bool:
        """Climb from polite to final signals until it has ended; whether it has."""
        for number, seconds in ladder:
            self.send(number)
            if self.wait(seconds):
                return True
        return not self.alive()

    def _reap(self) -> None:
        try:
            os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            return
