"""What Postgres printed when it failed, as one sentence and something to try."""

from __future__ import annotations

from pathlib import Path

from vigil_cli.local.errors import LocalStackError


def explain(output: str, *, data_dir: Path, log_file: Path, port: int) -> LocalStackError:
    """The cause in a sentence, from what Postgres printed."""
    if "No space left on device" in output or "Disk quota exceeded" in output:
        return LocalStackError(
            f"The disk that holds {data_dir} is full.",
            hint="free some space (a new stack needs about 600 MB), then run this again",
        )
    if "Address already in use" in output:
        return LocalStackError(
            f"Port {port} on 127.0.0.1 is in use by another program.",
            hint="stop that program, or choose no port and let a free one be found",
        )
    if "could not create shared memory segment" in output or "semaphores" in output:
        return LocalStackError(
            "The system refused Postgres the shared memory it needs.",
            hint="raise kernel.shmmax and kernel.sem, or give the container more /dev/shm",
        )
    last = [line for line in output.strip().splitlines() if line.strip()][-6:]
    return LocalStackError(
        "Postgres did not start:\n    " + "\n    ".join(last),
        hint=f"read {log_file}; `vigil local reset` makes a new cluster",
    )
