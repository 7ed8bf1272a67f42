"""The signed-in moderator: kept in one file that nobody else on the machine can read.

The file is replaced atomically, and refreshing happens under a lock: a refresh token works once, so
of two commands that find it stale one refreshes and the other reads what the first one wrote.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from vigil_cli.errors import FailedError

_LOCK_SECONDS = 30.0
_LOCK_POLL = 0.05
_SIGN_IN = "vigil login"


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, where, and until when."""

    url: str
    key: str
    email: str
    user_id: str
    access_token: str
    refresh_token: str
    expires_at: int

    def __repr__(self) -> str:
        return f"Session(url={self.url!r}, email={self.email!r})"

    def stale(self, now: float, margin: float = 60.0) -> bool:
        """Whether the access token has ended or is about to."""
        return now + margin >= self.expires_at


@dataclass(frozen=True, slots=True)
class SessionStore:
    """One session in one private directory."""

    directory: Path

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> SessionStore:
        """$VIGIL_HOME, else the user's configuration directory."""
        if home := environ.get("VIGIL_HOME"):
            return cls(Path(home).expanduser().absolute())
        if config := environ.get("XDG_CONFIG_HOME"):
            return cls(Path(config).absolute() / "vigil")
        return cls(_home() / ".config" / "vigil")

    @property
    def file(self) -> Path:
        """Where the session is kept."""
        return self.directory / "session.json"

    def load(self) -> Session | None:
        """The session, or None when nobody is signed in; a readable-by-others file is refused."""
        with _explained(self.file, "read"):
            if not self.file.exists() and not self.file.is_symlink():
                return None
            self._refuse_loose(self.directory, 0o700, "directory")
            descriptor = os.open(self.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(descriptor, encoding="utf-8") as handle:
                self._refuse_loose(handle.fileno(), 0o600, "file")
                written = handle.read()
        return _parsed(written, self.file)

    def save(self, session: Session) -> None:
        """Replace the session in one step: a reader sees the old one or the new one."""
        with _explained(self.file, "write"):
            self._make_directory()
            descriptor, name = tempfile.mkstemp(prefix=".session-", dir=self.directory)
            temporary = Path(name)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                    os.fchmod(handle.fileno(), 0o600)
                    json.dump(asdict(session), handle)
                    handle.flush()
                    os.fsync(handle.fileno())
                temporary.replace(self.file)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise

    def delete(self) -> bool:
        """Forget the session; False when there was none."""
        with _explained(self.file, "delete"):
            try:
                self.file.unlink()
            except FileNotFoundError:
                return False
            return True

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory's lock; another `vigil` waits, and not for ever."""
        path = self.directory / "session.lock"
        with _explained(path, "lock"):
            self._make_directory()
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o600)
        try:
            _wait_for_lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _make_directory(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._refuse_loose(self.directory, 0o700, "directory")

    def _refuse_loose(self, target: Path | int, mode: int, what: str) -> None:
        found = os.fstat(target) if isinstance(target, int) else target.stat()
        path = self.file if isinstance(target, int) else target
        if found.st_uid != os.geteuid():
            raise FailedError(
                f"the session {what} {path} belongs to another user",
                advice="VIGIL_HOME=<a directory of your own> vigil login",
            )
        if stat.S_IMODE(found.st_mode) & ~mode & 0o077:
            raise FailedError(
                f"the session {what} {path} can be read by others"
                f" (mode {stat.S_IMODE(found.st_mode):04o})",
                advice=f"chmod {mode:o} '{path}'",
            )


def _parsed(written: str, path: Path) -> Session:
    try:
        found = json.loads(written)
        values = {field.name: found[field.name] for field in fields(Session)}
    except (ValueError, KeyError, TypeError):
        values = {}
    texts = [value for name, value in values.items() if name != "expires_at"]
    whole = isinstance(values.get("expires_at"), int)
    if not whole or not all(isinstance(value, str) for value in texts):
        raise FailedError(f"the session file {path} is damaged", advice=_SIGN_IN)
    return Session(**values)


def _wait_for_lock(descriptor: int) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise FailedError(
                    "another vigil command holds the session and does not let go",
                    advice="the same command again, once the other one has ended",
                ) from None
            time.sleep(_LOCK_POLL)
        else:
            return


@contextlib.contextmanager
def _explained(path: Path, verb: str) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise FailedError(f"the session file {path} is damaged", advice=_SIGN_IN) from None
    except OSError as error:
        raise FailedError(
            f"cannot {verb} {path}: {error.strerror or error}",
            advice="a writable VIGIL_HOME, for example VIGIL_HOME=$HOME/.vigil-session",
        ) from None


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise FailedError(
            "this user has no home directory to keep a session in",
            advice="VIGIL_HOME=<a directory of your own> vigil login",
        ) from None
