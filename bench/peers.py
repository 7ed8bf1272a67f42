"""Other queues carrying jobs that do nothing, each as its own documentation tunes it.

Their time ends when the last job has run, so that nobody's way of shutting down is measured.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path

import psycopg
from tests.support.database import Database

from vigil_cli.local.layout import Layout
from vigil_cli.local.node import find_node

_GRAPHILE = Path(__file__).parent / "graphile"


def have_python_peers() -> bool:
    """Whether the extra `bench` is installed."""
    return all(importlib.util.find_spec(name) for name in ("pgqueuer", "procrastinate"))


def pgqueuer(db: Database, jobs: int) -> float:
    """Jobs a second: batches of 1,000, until the queue is empty."""
    return asyncio.run(_pgqueuer(db, jobs))


async def _pgqueuer(db: Database, jobs: int) -> float:
    from pgqueuer import Queries, QueueManager
    from pgqueuer.db import PsycopgDriver
    from pgqueuer.models import Job
    from pgqueuer.types import QueueExecutionMode

    loop = asyncio.get_running_loop()
    async with await psycopg.AsyncConnection.connect(db.dsn("postgres"), autocommit=True) as conn:
        await conn.execute("set search_path = public")
        queries = Queries(PsycopgDriver(conn))
        found = await conn.execute("select to_regclass('public.pgqueuer')")
        if (await found.fetchone() or [None])[0] is None:
            await queries.install()
        await queries.enqueue(["noop"] * jobs, [b""] * jobs, [0] * jobs)
        await conn.execute("vacuum analyze public.pgqueuer")
        manager = QueueManager(queries)

        done, last = 0, 0.0

        @manager.entrypoint("noop")
        async def noop(job: Job) -> None:
            nonlocal done, last
            done, last = done + 1, loop.time()

        began = loop.time()
        await manager.run(batch_size=1000, mode=QueueExecutionMode.drain)
        assert done == jobs, f"{done} of {jobs} jobs ran"
        return jobs / (last - began)


def procrastinate(db: Database, jobs: int) -> float:
    """Jobs a second: concurrency 20, finished jobs deleted, until the queue is empty."""
    return asyncio.run(_procrastinate(db, jobs))


async def _procrastinate(db: Database, jobs: int) -> float:
    from procrastinate import App, PsycopgConnector
    from procrastinate.jobs import DeleteJobCondition

    loop = asyncio.get_running_loop()
    options = {"options": "-c search_path=public"}
    app = App(connector=PsycopgConnector(conninfo=db.dsn("postgres"), kwargs=options))

    done, last = 0, 0.0

    @app.task(name="noop")
    async def noop() -> None:
        nonlocal done, last
        done, last = done + 1, loop.time()

    async with app.open_async():
        with psycopg.connect(db.dsn("postgres")) as conn:
            row = conn.execute("select to_regclass('public.procrastinate_jobs')").fetchone()
        if row is None or row[0] is None:
            await app.schema_manager.apply_schema_async()
        await noop.batch_defer_async(*({} for _ in range(jobs)))
        with psycopg.connect(db.dsn("postgres"), autocommit=True) as conn:
            conn.execute("vacuum analyze public.procrastinate_jobs")
        began = loop.time()
        await app.run_worker_async(
            wait=False, concurrency=20, listen_notify=False, install_signal_handlers=False,
            delete_jobs=DeleteJobCondition.ALWAYS,
        )  # fmt: skip
        assert done == jobs, f"{done} of {jobs} jobs ran"
        return jobs / (last - began)


def graphile_directory() -> Path | None:
    """Where the pinned graphile-worker is installed, by npm when it is not yet; else none."""
    runtime = find_node()
    directory = Layout.find().root / "bench" / "graphile"
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "drain.mjs"):
        shutil.copyfile(_GRAPHILE / name, directory / name)
    if not (directory / "node_modules").is_dir():
        done = subprocess.run(
            [*runtime.npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=directory, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            shutil.rmtree(directory / "node_modules", ignore_errors=True)
            return None
    return directory


def graphile(db: Database, jobs: int, directory: Path) -> float:
    """Jobs a second: local queue, batched completion, concurrency 24, one process."""
    done = subprocess.run(
        [find_node().node, "drain.mjs", str(jobs)],
        cwd=directory, env=os.environ | {"DATABASE_URL": db.dsn("postgres")},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return float(json.loads(done.stdout.strip().splitlines()[-1])["per_second"])
