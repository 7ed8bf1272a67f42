"""A Postgres cluster of our own: made, started, shaped like Supabase, and stopped by pid.

    cluster = Cluster(tmp_path / "pg", durable=False)
    cluster.init(); cluster.start(); cluster.bootstrap("template_vigil")
    psycopg.connect(cluster.dsn(role="postgres", dbname="template_vigil"))
    cluster.stop(); cluster.destroy()

`supabase_admin` is its superuser; `postgres` is the non-superuser who owns migrations. It listens
on 127.0.0.1 alone, asks everybody for a password, and opens no Unix socket, so that neither the
length of a path nor its spaces matter. Started by root, Postgres runs as an unprivileged account.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from vigil_cli.local.binaries import Binaries, find_binaries, locale_arguments
from vigil_cli.local.diagnosis import explain
from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.ports import free_port, is_free
from vigil_cli.local.process import Process
from vigil_cli.local.unprivileged import account_for_postgres, open_directory

SUPERUSER = "supabase_admin"
LOGIN_ROLES = (
    SUPERUSER, "postgres", "authenticator", "supabase_auth_admin", "supabase_storage_admin",
)  # fmt: skip
_HERE = Path(__file__).parent
_BOOTSTRAP = ("bootstrap.sql", "bootstrap_auth.sql", "bootstrap_realtime.sql")
_PARTITIONS = "bootstrap_partitions.sql"
_CONFIGURATION = """
# Written by vigil once, at initdb.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
wal_level = logical
max_wal_senders = 20
max_replication_slots = 20
max_slot_wal_keep_size = '1GB'
max_connections = 200
password_encryption = 'scram-sha-256'
statement_timeout = '2min'
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
jit = off
"""


class Cluster:
    """One cluster under `root`. Every method may be called again without harm."""

    def __init__(self, root: Path, *, port: int | None = None, durable: bool = True) -> None:
        """Name a cluster; nothing is made yet. `durable=False` trades crash safety for speed."""
        self.root = root.absolute()
        self.durable = durable
        self._wanted_port = port
        self._account = account_for_postgres()
        self._home = self._find_home()
        self._found: Binaries | None = None

    @property
    def data_dir(self) -> Path:
        """Where the data lies: below `root`, or elsewhere when Postgres' account cannot enter."""
        return self._home

    @property
    def log_file(self) -> Path:
        """What Postgres has to say."""
        return self.root / "postgres.log"

    @property
    def binaries(self) -> Binaries:
        """The installation in use; fails with what to try when there is none."""
        if self._found is None:
            self._found = find_binaries(self._account)
        return self._found

    @property
    def port(self) -> int:
        """The port it listens on, or listened on last."""
        return int(self._settings()["port"])

    @property
    def identity(self) -> str:
        """Differs between two clusters made one after the other in the same place."""
        return hashlib.sha256(str(self._settings()["password"]).encode()).hexdigest()[:16]

    def is_initialized(self) -> bool:
        """Whether a finished `init` lies behind it."""
        return self._settings_file.exists() and (self.data_dir / "PG_VERSION").exists()

    def init(self) -> None:
        """Make the cluster, unless it exists. An interrupted attempt is cleared away first."""
        if self.is_initialized():
            self._check_major()
            return
        self.binaries  # noqa: B018  (fail before anything is written)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.data_dir.exists():
            shutil.rmtree(self.data_dir)
        self._make_data_dir()
        password = secrets.token_hex(16)
        self._initdb(password)
        with (self.data_dir / "postgresql.conf").open("a") as conf:
            conf.write(_CONFIGURATION)
        self._save_settings(
            {
                "port": self._wanted_port or 0,
                "password": password,
                # Kept, so that a later change of permissions does not lead to another place.
                "elsewhere": "" if self._is_inside() else str(self.data_dir),
            }
        )

    def start(self, *, seconds: float = 30) -> None:
        """Serve connections when this returns. A running cluster is left as it is."""
        if self.is_running():
            return
        self.init()
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)  # left by a killed one
        deadline = time.monotonic() + seconds
        while True:
            problem = self._start_once(deadline)
            if problem is None:
                return
            # Right after a kill, orphaned backends still hold the shared memory for a moment.
            lingering = "pre-existing shared memory block" in problem
            raced = "Address already in use" in problem and self._wanted_port is None
            if not (lingering or raced) or time.monotonic() >= deadline:
                raise self._explain(problem)
            time.sleep(0.2)

    def stop(self) -> None:
        """End it and every connection; nothing of it runs when this returns."""
        server = self._server()
        if server is None:
            return
        ended = server.stop((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5))
        if not ended:
            raise LocalStackError(
                f"Postgres (pid {server.pid}) did not end.",
                hint=f"look into {self.log_file}, then end that process by hand",
            )

    def is_running(self) -> bool:
        """Whether this cluster, not merely its pid, is up."""
        return self._server() is not None

    def process(self) -> Process | None:
        """The running server, if any."""
        return self._server()

    def destroy(self) -> None:
        """Stop it and delete all of its data."""
        self.stop()
        for directory in (self.data_dir, self.root):
            if directory.exists():
                shutil.rmtree(directory)

    def dsn(self, *, role: str = "postgres", dbname: str = "postgres") -> str:
        """A connection URL for one of the platform's login roles."""
        if role not in LOGIN_ROLES:
            raise ValueError(f"{role} is not a login role of the platform")
        return self.url(role, str(self._settings()["password"]), dbname)

    def url(self, role: str, password: str, dbname: str = "postgres") -> str:
        """A connection URL for any role."""
        user, secret, name = (quote(part, safe="") for part in (role, password, dbname))
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{name}"

    def bootstrap(self, dbname: str = "postgres") -> None:
        """Shape a database like a Supabase project, creating it first when it is absent."""
        with psycopg.connect(self.dsn(role=SUPERUSER), autocommit=True) as conn:
            found = conn.execute("select 1 from pg_database where datname = %s", [dbname])
            if found.fetchone() is None:
                conn.execute(sql.SQL("create database {}").format(sql.Identifier(dbname)))
        with psycopg.connect(self.dsn(role=SUPERUSER, dbname=dbname)) as conn:
            for name in (*_BOOTSTRAP, _PARTITIONS):
                conn.execute((_HERE / name).read_bytes())
            password = sql.Literal(self._settings()["password"])
            for role in LOGIN_ROLES:
                conn.execute(
                    sql.SQL("alter role {} password {}").format(sql.Identifier(role), password)
                )

    def ensure_partitions(self, dbname: str = "postgres") -> None:
        """Give `realtime.messages` its partitions from yesterday to three days ahead."""
        with psycopg.connect(self.dsn(role=SUPERUSER, dbname=dbname)) as conn:
            conn.execute((_HERE / _PARTITIONS).read_bytes())

    # -- inside ------------------------------------------------------------------------------

    def _find_home(self) -> Path:
        with contextlib.suppress(LocalStackError):  # none yet, or unreadable: then it is guessed
            elsewhere = str(self._settings().get("elsewhere", ""))
            return Path(elsewhere) if elsewhere else self.root / "data"
        return open_directory(self.root / "data", self._account)

    def _is_inside(self) -> bool:
        return self.data_dir.is_relative_to(self.root)

    @property
    def _settings_file(self) -> Path:
        return self.root / "cluster.json"

    def _settings(self) -> dict[str, str | int]:
        if not self._settings_file.exists():
            raise LocalStackError(
                f"There is no Postgres cluster in {self.root}.", hint="vigil local up"
            )
        try:
            settings: dict[str, str | int] = json.loads(self._settings_file.read_text())
            int(settings["port"]), settings["password"]
        except (ValueError, KeyError, TypeError) as exc:
            raise LocalStackError(
                f"{self._settings_file} does not hold the settings of a cluster (any more).",
                hint="vigil local reset   (throws the data away)",
            ) from exc
        return settings

    def _save_settings(self, settings: dict[str, str | int]) -> None:
        scratch = self._settings_file.with_suffix(".new")
        scratch.unlink(missing_ok=True)
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(settings, file)
        scratch.replace(self._settings_file)

    def _check_major(self) -> None:
        written_by = int((self.data_dir / "PG_VERSION").read_text().split(".")[0])
        if written_by != self.binaries.major:
            raise LocalStackError(
                f"The data was written by Postgres {written_by}, "
                f"but the programs are Postgres {self.binaries.major}.",
                hint="set VIGIL_PG_BIN as before, or start afresh with `vigil local reset`",
            )

    def _make_data_dir(self) -> None:
        if self._account is not None and self._is_inside():
            self.root.chmod(self.root.stat().st_mode | 0o011)  # pass, not list
        self.data_dir.mkdir(mode=0o700, parents=True)
        if self._account is not None:
            os.chown(self.data_dir, self._account.uid, self._account.gid)

    def _initdb(self, password: str) -> None:
        with tempfile.NamedTemporaryFile("w", dir=self.data_dir.parent) as secret:
            secret.write(password)
            secret.flush()
            if self._account is not None:
                os.chown(secret.name, self._account.uid, self._account.gid)
            arguments = [
                self.binaries.tool("initdb"), f"--pgdata={self.data_dir}", "--encoding=UTF8",
                f"--username={SUPERUSER}", f"--pwfile={secret.name}", "--auth=scram-sha-256",
                *locale_arguments(self.binaries.major), *([] if self.durable else ["--no-sync"]),
            ]  # fmt: skip
            done = self._popen(arguments, subprocess.PIPE)
            output, _ = done.communicate()
        if done.returncode != 0:
            shutil.rmtree(self.data_dir)
            raise self._explain(output.decode(errors="replace"))

    def _popen(self, arguments: list[str], output: int) -> subprocess.Popen[bytes]:
        kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "ICU_DATA", "TZDIR")
        environment = {key: os.environ[key] for key in kept if key in os.environ}
        user = self._account.uid if self._account else None
        group = self._account.gid if self._account else None
        return subprocess.Popen(
            arguments,
            cwd=self.data_dir, env=environment | {"LC_ALL": "C"}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            user=user, group=group, extra_groups=None if user is None else [],
        )  # fmt: skip

    def _start_once(self, deadline: float) -> str | None:
        """Start and wait until ready; the log of the attempt when it failed."""
        settings = self._settings()
        port = int(settings["port"])
        if not port or (self._wanted_port is None and not is_free(port)):
            port = free_port()
        if port != settings["port"]:
            self._save_settings(settings | {"port": port})
        private = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(private, "ab") as log:
            begin = log.tell()
            arguments = [
                self.binaries.tool("postgres"), "-D", str(self.data_dir), "-c", f"port={port}",
            ]  # fmt: skip
            if not self.durable:
                for name in ("fsync", "synchronous_commit", "full_page_writes"):
                    arguments += ["-c", f"{name}=off"]
                # Whoever reads the log sees a commit once it is flushed, and nobody waits for that.
                arguments += ["-c", "wal_writer_delay=10ms"]
            child = self._popen(arguments, log.fileno())
        while child.poll() is None and time.monotonic() < deadline:
            if self._status() == (child.pid, "ready"):
                child.returncode = 0  # it outlives us: no warning about a running child
                return None
            time.sleep(0.02)
        if child.poll() is None:
            child.send_signal(signal.SIGQUIT)
            child.wait()
        with self.log_file.open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace") or f"it ended with {child.returncode}"

    def _status(self) -> tuple[int, str]:
        """Pid and state as the postmaster notes them in its pid file."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
            return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
        except (FileNotFoundError, IndexError, ValueError):
            return 0, ""

    def _server(self) -> Process | None:
        pid, _ = self._status()
        process = Process.of(pid) if pid else None
        return process if process and process.has_argument(str(self.data_dir)) else None

    def _explain(self, output: str) -> LocalStackError:
        port = int(self._settings()["port"]) if self._settings_file.exists() else 0
        return explain(output, data_dir=self.data_dir, log_file=self.log_file, port=port)
