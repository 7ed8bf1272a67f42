"""The stage: a stack of the demo's own, a worker process, and `vigil` as the moderator types it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vigil_cli.demo.workerview import WorkerView
from vigil_cli.local import node
from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.layout import Layout
from vigil_cli.local.services import WORKER
from vigil_cli.local.stack import Say, Stack
from vigil_cli.local.worker import start_worker

PASSWORD = "for the demo only"  # noqa: S105 - accounts that live as long as the demo
PATIENCE = 30.0
T = TypeVar("T")


@dataclass(slots=True)
class Stage:
    """Everything that runs while the story is played; gone when it ends, however it ends."""

    stack: Stack
    env: dict[str, str]
    tools: node.NodeTools
    home: Path
    worker: WorkerView | None = None

    @property
    def url(self) -> str:
        return self.env["API_URL"]

    async def start_worker(self) -> WorkerView:
        """`vigil-worker` as its own process; returns when it is ready and its doorbell is live.

        Raises LocalStackError when it ends or does not get ready.
        """
        layout = self.stack.layout
        log = layout.log(WORKER)
        begin = log.stat().st_size if log.exists() else 0
        await patiently(lambda: start_worker(self.stack))
        port = int(json.loads(layout.config(WORKER).read_text())["VIGIL_HEALTH_PORT"])
        self.worker = WorkerView(log, begin, f"http://127.0.0.1:{port}")
        await self.worker.until(lambda event: event["event"] == "doorbell.live", PATIENCE)
        return self.worker

    async def vigil(self, *arguments: str) -> Any:
        """Run the real command as the moderator; its JSON, or LocalStackError with its words."""
        environ = {
            **os.environ,
            "VIGIL_HOME": str(self.home / "moderator"),
            "VIGIL_PASSWORD": PASSWORD,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vigil_cli", *arguments, "--json",
            env=environ, cwd=self.home, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            words = (err or out).decode(errors="replace").strip()
            raise LocalStackError(
                f"`vigil {' '.join(arguments[:2])}` failed: {words}", hint="run it by hand"
            )
        return json.loads(out) if out.strip() else None


@asynccontextmanager
async def set_stage(directory: Path | None, say: Say) -> AsyncIterator[Stage]:
    """A fresh stack under `.vigil/demo`, sharing the packages of the checkout's own.

    However this is left, nothing of the stack runs afterwards, and its data is gone.
    """
    base = Layout.find(directory)
    base.make()
    layout = Layout(base.root / "demo", base.project)
    layout.root.mkdir(exist_ok=True)
    with _alone(layout):
        say("packages" if node.is_installed(base) else "packages, the first time (a minute or so)")
        tools = await patiently(lambda: _packages(base, say))
        _share_packages(base, layout)
        layout.make()
        stack = Stack(layout, durable=False)
        try:
            await patiently(lambda: stack.reset(port=0, say=say))
            with tempfile.TemporaryDirectory(prefix="vigil-demo-") as home:
                yield Stage(stack, stack.env(), tools, Path(home))
        finally:
            await patiently(stack.down)
            stack.cluster.destroy()


async def patiently(work: Callable[[], T]) -> T:
    """Do blocking work in a thread. Cancelled meanwhile, it still ends before this does."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # looked at: being stopped is the news, not what it broke
        raise


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """One demo at a time in a checkout; the lock goes with the process."""
    with (layout.root / "playing").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LocalStackError(
                "A demo is playing in this checkout already.",
                hint="wait half a minute, or vigil demo --dir another-directory",
            ) from None
        yield


def _packages(base: Layout, say: Say) -> node.NodeTools:
    with Stack(base).locked(say):
        return node.install(base)


def _share_packages(base: Layout, layout: Layout) -> None:
    if layout.node.is_symlink():
        return
    if layout.node.exists():
        shutil.rmtree(layout.node)
    layout.node.symlink_to(Path("..") / base.node.name)
