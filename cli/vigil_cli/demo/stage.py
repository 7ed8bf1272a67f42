"""The stage: a stack of the demo's own, a worker process, and `vigil` as the moderator types it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from vigil_cli.local import node
from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.layout import Layout
from vigil_cli.local.stack import Say, Stack

PASSWORD = "for the demo only"  # noqa: S105 - accounts that live as long as the demo
PATIENCE = 30.0


@dataclass(slots=True)
class Stage:
    """Everything that runs while the story is played; gone when it ends, however it ends."""

    stack: Stack
    env: dict[str, str]
    tools: node.NodeTools
    home: Path
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.env["API_URL"]

    async def start_worker(self) -> None:
        """`vigil-worker` as its own process; returns when it is ready and its doorbell is live.

        Raises LocalStackError when it ends or does not get ready.
        """
        port = _free_port()
        log = self.home / "worker.log"
        wanted = {name: value for name, value in self.env.items() if name.startswith("VIGIL_")}
        environ = {k: v for k, v in os.environ.items() if not k.startswith("VIGIL_")}
        environ |= wanted | {"VIGIL_HEALTH_PORT": str(port), "VIGIL_WORKER_NAME": "demo"}
        with log.open("wb") as out:
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "vigil", env=environ, stdout=out, stderr=out
            )
        self.processes.append(worker)
        async with httpx.AsyncClient(timeout=5) as http:
            for _ in range(int(PATIENCE / 0.1)):
                if worker.returncode is not None:
                    break
                if await _ready(http, port) and b'"doorbell.live"' in log.read_bytes():
                    return
                await asyncio.sleep(0.1)
        tail = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise LocalStackError(
            "The worker did not get ready:\n" + "\n".join(f"    {line}" for line in tail),
            hint="vigil-worker --check with the environment of `vigil local env`",
        )

    async def vigil(self, *arguments: str) -> Any:
        """Run the real command as the moderator; its JSON, or LocalStackError with its words."""
        environ = {
            **os.environ,
            "VIGIL_HOME": str(self.home / "moderator"),
            "VIGIL_PASSWORD": PASSWORD,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vigil_cli", *arguments, "--json",
            env=environ, cwd=self.home,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        if process.returncode != 0:
            words = (err or out).decode(errors="replace").strip()
            raise LocalStackError(
                f"`vigil {' '.join(arguments[:2])}` failed: {words}", hint="run it by hand"
            )
        return json.loads(out) if out.strip() else None

    async def stop(self) -> None:
        """End what was started, politely first."""
        for process in self.processes:
            if process.returncode is None:
                process.terminate()
        for process in self.processes:
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()


@asynccontextmanager
async def set_stage(directory: Path | None, say: Say) -> AsyncIterator[Stage]:
    """A fresh stack under `.vigil/demo`, sharing the packages of the checkout's own."""
    base = Layout.find(directory)
    base.make()
    layout = Layout(base.root / "demo", base.project)
    layout.make()
    say("packages")
    tools = node.install(base)
    if not layout.node.exists():
        layout.node.symlink_to(Path("..") / base.node.name)
    stack = Stack(layout, durable=False)
    stack.reset(port=0, say=say)
    with tempfile.TemporaryDirectory(prefix="vigil-demo-") as home:
        stage = Stage(stack, stack.env(), tools, Path(home))
        try:
            yield stage
        finally:
            await stage.stop()
            stack.down()
            stack.cluster.destroy()


async def _ready(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
