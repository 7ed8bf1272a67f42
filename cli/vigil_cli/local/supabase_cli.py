"""The official Supabase CLI against a database URL: no Docker, no login, nothing sent home."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.layout import Layout
from vigil_cli.local.node import NodeTools, install


def push(dsn: str, workdir: Path, *, tools: NodeTools | None = None) -> list[str]:
    """Apply the pending migrations of `workdir`/supabase as `postgres`; names those applied."""
    answer = _run(["db", "push", "--yes"], dsn, workdir=workdir, tools=tools)
    return [str(name) for name in answer.get("migrations", [])]


def advisors(dsn: str, *, tools: NodeTools | None = None) -> list[dict[str, Any]]:
    """What Supabase's linters say about the database, from level `info` up."""
    with tempfile.TemporaryDirectory() as empty:
        answer = _run(
            ["db", "advisors", "--level", "info", "--fail-on", "none"],
            dsn,
            workdir=Path(empty),
            tools=tools,
        )
    found: list[dict[str, Any]] = answer.get("results", [])
    return found


def gen_types(dsn: str, *, language: str = "typescript", tools: NodeTools | None = None) -> str:
    """The types of schema public as source text of a client's language."""
    with tempfile.TemporaryDirectory() as empty:
        arguments = ["gen", "types", "--lang", language, "--schema", "public"]
        return _call(arguments, dsn, workdir=Path(empty), tools=tools)


def _run(
    arguments: list[str], dsn: str, *, workdir: Path, tools: NodeTools | None
) -> dict[str, Any]:
    output = _call([*arguments, "--output-format", "json"], dsn, workdir=workdir, tools=tools)
    try:
        answer: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError) as exc:
        raise LocalStackError(
            f"The Supabase CLI answered in a way Vigil does not know: {output[:200]!r}",
            hint="run the same command by hand with --debug",
        ) from exc
    return answer


def _call(arguments: list[str], dsn: str, *, workdir: Path, tools: NodeTools | None) -> str:
    layout = Layout.find()
    tools = tools or install(layout)
    target, password = _without_password(dsn)
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [
                *tools.supabase(), *arguments, f"--remote={target}",
                "--workdir", str(workdir), "--agent", "no",
            ],
            env={
                "PATH": os.environ.get("PATH", ""),
                "HOME": home,
                "SUPABASE_HOME": home,
                "PGPASSWORD": password,
                "DO_NOT_TRACK": "1",
                "SUPABASE_TELEMETRY_DISABLED": "1",
                "SUPABASE_NO_UPDATE_NOTIFIER": "1",
                "NO_COLOR": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
    if done.returncode != 0:
        raise LocalStackError(
            f"`supabase {' '.join(arguments[:2])}` failed:\n" + _cause(done.stdout + done.stderr),
            hint="correct the migration; those before it stay applied, it left nothing behind",
        )
    return done.stdout


def _without_password(dsn: str) -> tuple[str, str]:
    """The URL for the command line, which others can read, and the password for the environment."""
    parts = urlsplit(dsn)
    netloc = parts.netloc.replace(f":{parts.password}@", "@") if parts.password else parts.netloc
    query = parts.query
    if "sslmode=" not in query:
        # The CLI asks for TLS by itself, which a database on loopback seldom speaks.
        mode = "disable" if parts.hostname in ("127.0.0.1", "localhost", "::1") else "require"
        query = f"{query}&sslmode={mode}" if query else f"sslmode={mode}"
    bare = urlunsplit((parts.scheme, netloc, parts.path, query, ""))
    return bare, parts.password or ""


def _cause(output: str) -> str:
    for line in output.splitlines():
        if line.startswith("{"):
            problem = json.loads(line).get("error", {})
            return "\n".join(f"    {part}" for part in str(problem.get("message")).splitlines())
    return "\n".join(f"    {line}" for line in output.strip().splitlines()[-20:])
