"""The worker as one more program of the stack: `vigil local up --worker`.

`python -m vigil_cli.local.worker CONFIG` is `vigil-worker` with the environment of that file; the
file's path on the command line is how its process is found again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx

from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.keys import write_private
from vigil_cli.local.ports import listen
from vigil_cli.local.process import Process
from vigil_cli.local.services import WORKER, Service, keep_small
from vigil_cli.local.stack import Stack

READY_SECONDS = 60.0


def start_worker(stack: Stack) -> bool:
    """Start a worker unless one runs; returns when it is ready, and whether it was started.

    Raises LocalStackError with its last words when it ends or does not get ready.
    """
    service = Service(stack.layout, WORKER)
    config = stack.layout.config(WORKER)
    wanted = {name: value for name, value in stack.env().items() if name.startswith("VIGIL_")}
    if service.processes():
        try:
            known = json.loads(config.read_text())
        except ValueError:
            known = {}  # spoiled: it is written anew below
        if all(known.get(name) == value for name, value in wanted.items()):
            return False
        service.stop()
    with listen(0) as probe:
        port = probe.getsockname()[1]
    own = {
        "VIGIL_HEALTH_PORT": str(port),
        "VIGIL_LOG_FORMAT": "json",
        "VIGIL_WORKER_NAME": "worker",
    }
    write_private(config, wanted | own)
    log_file = stack.layout.log(WORKER)
    keep_small(log_file)
    descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("VIGIL_", "PG"))}
    with os.fdopen(descriptor, "ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "vigil_cli.local.worker", str(config)],
            cwd=stack.layout.root, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, env=environ,
        )  # fmt: skip
    child.returncode = 0  # not ours to wait for
    process = Process.of(child.pid)
    deadline = time.monotonic() + READY_SECONDS
    while process is not None and not process.wait(0) and time.monotonic() < deadline:
        if _ready(port):
            return True
        time.sleep(0.1)
    service.stop()
    raise service.failed()


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def main(arguments: list[str]) -> int:
    """Be the worker that CONFIG describes."""
    if len(arguments) != 1:
        raise LocalStackError("This runs inside a stack.", hint="vigil local up --worker")
    from vigil.__main__ import main as work

    os.environ.update(json.loads(Path(arguments[0]).read_text()))
    return work([])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
