"""Whom Postgres runs as. It refuses root, so root's stack runs it as a user without rights."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vigil_cli.local.errors import LocalStackError

_CANDIDATES = ("nobody", "daemon", "postgres")


@dataclass(frozen=True, slots=True)
class Account:
    """A system account a child process is started as."""

    name: str
    uid: int
    gid: int

    def can_reach(self, path: Path) -> bool:
        """Whether every directory down to `path` lets this account pass."""
        return all(self._may(parent, stat.S_IXOTH) for parent in path.absolute().parents)

    def can_use_tree(self, path: Path) -> bool:
        """Whether this account can reach `path` and list it."""
        return self.can_reach(path) and self._may(path, stat.S_IXOTH | stat.S_IROTH)

    def _may(self, path: Path, other_bits: int) -> bool:
        try:
            info = path.stat()
        except FileNotFoundError:
            return True  # to be made by us, with the modes we choose
        if info.st_uid == self.uid:
            wanted = other_bits << 6
        elif info.st_gid == self.gid:
            wanted = other_bits << 3
        else:
            wanted = other_bits
        return info.st_mode & wanted == wanted


def account_for_postgres() -> Account | None:
    """The account to change to; None when this process is not root and stays what it is."""
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise LocalStackError(
        "Postgres refuses to run as root, and none of the accounts "
        f"{', '.join(_CANDIDATES)} exists to run it as.",
        hint="run this as an ordinary user, or create one of those accounts",
    )


def open_directory(wanted: Path, account: Account | None) -> Path:
    """`wanted`, or when the account cannot pass to it, a directory of the same identity elsewhere.

    Root's checkout often lies below a directory that only root may enter. The directory handed
    back depends on `wanted` alone, so that every later call finds it again.
    """
    if account is None or account.can_reach(wanted):
        return wanted
    name = hashlib.sha256(os.fsencode(wanted.absolute())).hexdigest()[:16]
    return _public_root() / name


def reachable_tree(tree: Path, account: Account | None) -> Path:
    """`tree`, or a copy of it that the account can read. Made once per content version."""
    if account is None or account.can_use_tree(tree):
        return tree
    info = tree.stat()
    identity = f"{tree.absolute()}:{info.st_mtime_ns}:{info.st_ino}"
    copy = _public_root() / f"bin-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    if not copy.exists():
        scratch = Path(tempfile.mkdtemp(prefix="copying-", dir=copy.parent))
        try:
            shutil.copytree(tree, scratch / "tree", symlinks=True)
            scratch.chmod(0o755)
            (scratch / "tree").chmod(0o755)
            # Two stacks may copy at once; the first to arrive wins, the other's copy is dropped.
            if not copy.exists():
                (scratch / "tree").rename(copy)
        finally:
            shutil.rmtree(scratch)
    return copy


def _public_root() -> Path:
    for base in (Path("/var/lib"), Path("/var/tmp"), Path(tempfile.gettempdir())):  # noqa: S108
        root = base / "vigil-local"
        try:
            root.mkdir(mode=0o755, exist_ok=True)
            info = root.lstat()
        except OSError:
            continue
        ours = stat.S_ISDIR(info.st_mode) and info.st_uid == 0 and not info.st_mode & 0o022
        if ours and os.access(root, os.W_OK):
            root.chmod(0o755)
            return root
    raise LocalStackError(
        "There is no directory that both root and an unprivileged account can use for the data.",
        hint="make /var/lib writable, or run this as an ordinary user",
    )
