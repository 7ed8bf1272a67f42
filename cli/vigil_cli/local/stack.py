"""The whole stack: brought up in order, taken down by pid, looked at, and made anew."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql

from vigil_cli.local import node, supabase_cli
from vigil_cli.local.cluster import SUPERUSER, Cluster
from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.keys import StackKeys, write_private
from vigil_cli.local.layout import Layout, digest
from vigil_cli.local.ports import listen
from vigil_cli.local.process import Process
from vigil_cli.local.services import GATEWAY, NAMES, REST, WORKER, Service, describe, keep_small

WORKER_ROLE = "vigil_worker"
DEFAULT_PORT = 54321
_BOOTSTRAP = sorted(Path(__file__).parent.glob("bootstrap*.sql"))

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Up:
    """What `up` did: the address, how long each step took, which migrations were applied."""

    url: str
    seconds: dict[str, float]
    applied: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack. Two commands at once wait for each other; each may be repeated."""

    layout: Layout
    durable: bool = True

    @property
    def cluster(self) -> Cluster:
        """Its Postgres."""
        return Cluster(self.layout.cluster, durable=self.durable)

    def keys(self) -> StackKeys:
        """Its secrets; fails when it was never set up."""
        if not self.layout.keys.exists():
            raise LocalStackError(f"No stack in {self.layout.root}.", hint="vigil local up")
        return StackKeys.load_or_make(self.layout.keys)

    def url(self) -> str:
        """The base URL for clients."""
        port = self._state().get("port")
        if port is None:
            raise LocalStackError(f"No stack in {self.layout.root}.", hint="vigil local up")
        return f"http://127.0.0.1:{port}"

    def up(self, *, port: int | None = None, say: Say = lambda _: None) -> Up:
        """Bring up whatever is not running; when this returns, clients can be served."""
        self.layout.make()
        with self.locked(say):
            clock = _Clock(say)
            keys = StackKeys.load_or_make(self.layout.keys)
            cluster = self.cluster
            with clock("database"):
                if not cluster.is_running():
                    keep_small(cluster.log_file)
                cluster.start()
                self._shape(cluster)
            with clock("packages" if node.is_installed(self.layout) else "packages (first time)"):
                tools = node.install(self.layout)
            with clock("migrations"):
                applied = self._migrate(cluster, tools, keys)
            with clock("services"):
                url = self._serve(cluster, tools, keys, port)
            return Up(url, clock.seconds, applied)

    def down(self, *, say: Say = lambda _: None) -> list[str]:
        """Stop everything; names what was running."""
        if not self.layout.root.exists():
            return []
        with self.locked(say):
            return self._stop_all()

    def reset(self, *, port: int | None = None, say: Say = lambda _: None) -> Up:
        """Throw the data away and set up anew. Readable keys, packages and the port are kept."""
        self.layout.make()
        with self.locked(say):
            self._stop_all()
            StackKeys.discard_unreadable(self.layout.keys)
            self.cluster.destroy()
            state = self._state()
            self._write({"port": state["port"]} if "port" in state else {})
        return self.up(port=port, say=say)

    def remove(self) -> None:
        """Stop everything and delete every file of the stack."""
        self.down()
        self.cluster.destroy()
        if self.layout.root.exists():
            shutil.rmtree(self.layout.root)

    def status(self) -> dict[str, Any]:
        """What runs, where, and whether it answers."""
        state = self._state()
        server = self.cluster.process()
        services: dict[str, Any] = {"postgres": _shown(server)}
        for name in NAMES:
            running = Service(self.layout, name).processes()
            services[name] = _shown(running[0] if running else None)
        url = f"http://127.0.0.1:{state['port']}" if "port" in state else None
        everything = all(entry["running"] for entry in services.values())
        worker = Service(self.layout, WORKER).processes()
        if worker:
            services[WORKER] = _shown(worker[0])
        return {
            "running": everything,
            "answers": bool(url and services[GATEWAY]["running"] and _answers(url)),
            "url": url,
            "directory": str(self.layout.root),
            "services": services,
        }

    def env(self) -> dict[str, str]:
        """The names `supabase status -o env` prints, and what the worker reads."""
        keys, url, cluster = self.keys(), self.url(), self.cluster
        return {
            "API_URL": url,
            "REST_URL": f"{url}/rest/v1",
            "DB_URL": cluster.dsn(role="postgres"),
            "PUBLISHABLE_KEY": keys.publishable_key,
            "SECRET_KEY": keys.secret_key,
            "JWT_SECRET": keys.jwt_secret,
            "ANON_KEY": keys.anon_key,
            "SERVICE_ROLE_KEY": keys.service_role_key,
            "VIGIL_DATABASE_URL": cluster.url(WORKER_ROLE, keys.worker_password),
            "VIGIL_SUPABASE_URL": url,
            "VIGIL_SUPABASE_KEY": keys.publishable_key,
            "VIGIL_DOORBELL_TOKEN": keys.doorbell_token,
        }

    def is_seeded(self) -> bool:
        """Whether the small world was made whole in this very database."""
        return self._state().get("seeded") == self.cluster.identity

    def note_seeded(self) -> None:
        """Remember that the small world is whole, so that it is not repaired against one's will."""
        self._note(seeded=self.cluster.identity)

    @contextlib.contextmanager
    def locked(self, say: Say) -> Iterator[None]:
        """One command at a time; the lock goes with the process, however it ends."""
        self.layout.make()
        with self.layout.lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("waiting for another `vigil local` command on this stack")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # -- inside ------------------------------------------------------------------------------

    def _shape(self, cluster: Cluster) -> None:
        state = self._state()
        version = f"{cluster.identity}-{digest(*_BOOTSTRAP)}"
        if state.get("bootstrap") != version:
            cluster.bootstrap()
            self._note(bootstrap=version)
        else:
            cluster.ensure_partitions()

    def _migrate(self, cluster: Cluster, tools: node.NodeTools, keys: StackKeys) -> list[str]:
        """Apply what is pending, when anything changed since the last time."""
        version = f"{cluster.identity}-{self.layout.migrations_digest()}"
        if not self.layout.migrations or self._state().get("migrations") == version:
            return []
        applied = supabase_cli.push(cluster.dsn(), self.layout.project, tools=tools)
        with psycopg.connect(cluster.dsn(role=SUPERUSER), autocommit=True) as conn:
            known = conn.execute("select from pg_roles where rolname = %s", [WORKER_ROLE])
            if known.fetchone() is not None:
                conn.execute(
                    sql.SQL("alter role {} login password {}").format(
                        sql.Identifier(WORKER_ROLE), sql.Literal(keys.worker_password)
                    )
                )
        self._note(migrations=version)
        return applied

    def _serve(
        self, cluster: Cluster, tools: node.NodeTools, keys: StackKeys, port: int | None
    ) -> str:
        rest, gateway = Service(self.layout, REST), Service(self.layout, GATEWAY)
        state = self._state()
        versions = digest(
            Path(__file__).parent / "node" / "serve.mjs",
            *sorted(Path(__file__).parent.rglob("*.py")),
            *self.layout.root.glob("jwks.json"),
        )
        wanted = port if port else state.get("port")
        up_already = (
            len(rest.processes()) == 1
            and len(gateway.processes()) == 1
            and state.get("database_port") == cluster.port
            and state.get("versions") == versions
            and wanted == state.get("port")
            and _answers(f"http://127.0.0.1:{wanted}")
        )
        if up_already:
            return f"http://127.0.0.1:{wanted}"
        rest.stop()
        gateway.stop()
        front, behind = _listen_for_clients(wanted, chosen=port is not None), listen(0)
        with front, behind:
            number = front.getsockname()[1]
            url = f"http://127.0.0.1:{number}"
            self._note(port=number)
            common = {
                "jwt_secret": keys.jwt_secret,
                "publishable_key": keys.publishable_key,
                "secret_key": keys.secret_key,
                "anon_key": keys.anon_key,
                "service_role_key": keys.service_role_key,
            }
            started = {
                REST: rest.start(
                    tools.script("serve.mjs"),
                    behind,
                    {
                        "authUrl": cluster.dsn(role="supabase_auth_admin"),
                        "restUrl": cluster.dsn(role="authenticator"),
                        "catalogUrl": cluster.dsn(role=SUPERUSER),
                        "schemas": ["public"],
                        "siteUrl": "http://127.0.0.1:3000",
                        "publicUrl": url,
                        **{_camel(name): value for name, value in common.items()},
                    },
                ),
                GATEWAY: gateway.start(
                    [sys.executable, "-m", "vigil_cli.local.front"],
                    front,
                    {
                        "backend": f"http://127.0.0.1:{behind.getsockname()[1]}",
                        "admin_dsn": cluster.dsn(role=SUPERUSER),
                        "auth_dsn": cluster.dsn(role="supabase_auth_admin"),
                        "jwks": self.layout.jwks(),
                        **common,
                    },
                ),
            }
        self._await(url, started)
        self._note(
            database_port=cluster.port,
            versions=versions,
            processes={name: describe(process) for name, process in started.items()},
        )
        return url

    def _await(self, url: str, started: dict[str, Process]) -> None:
        deadline = time.monotonic() + 60
        while not _answers(url):
            for name, process in started.items():
                if process.wait(0):
                    raise Service(self.layout, name).failed()
            if time.monotonic() > deadline:
                raise LocalStackError(
                    f"{url} does not answer after a minute.", hint="vigil local logs"
                )
            time.sleep(0.03)

    def _stop_all(self) -> list[str]:
        stopped = []
        for name in (WORKER, GATEWAY, REST):
            service = Service(self.layout, name)
            if service.processes():
                service.stop()
                stopped.append(name)
        cluster = self.cluster
        if cluster.is_running():
            cluster.stop()
            stopped.append("postgres")
        return stopped

    def _state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads(self.layout.state.read_text())
            whole = isinstance(state, dict) and 0 <= int(state.get("port", 0)) <= 65535
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError):
            whole = False
        return state if whole else {}  # spoiled, but all of it can be found out again

    def _note(self, **facts: Any) -> None:
        self._write(self._state() | facts)

    def _write(self, state: dict[str, Any]) -> None:
        write_private(self.layout.state, state)


class _Clock:
    """Tells each step as it begins and keeps how long it took."""

    def __init__(self, say: Say) -> None:
        self.seconds: dict[str, float] = {}
        self._say = say

    @contextlib.contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        self._say(step)
        begin = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - begin, 2)


def _listen_for_clients(port: int | None, *, chosen: bool) -> Any:
    """The recorded or chosen port, else the usual one, else any free one."""
    if port is not None:
        try:
            return listen(port)
        except OSError as exc:
            raise LocalStackError(
                f"Port {port} on 127.0.0.1 cannot be used: {exc.strerror}.",
                hint="stop the program that uses it, or choose another: "
                "vigil local up --port 0 takes any free one",
            ) from exc
    try:
        return listen(0 if chosen else DEFAULT_PORT)
    except OSError:
        return listen(0)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_vigil/ready", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _shown(process: Process | None) -> dict[str, Any]:
    return {"running": process is not None, "pid": process.pid if process else None}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
