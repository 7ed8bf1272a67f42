"""Lint the migrations with squawk, as if they ran against a live project."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    tool = shutil.which("squawk", path=str(Path(sys.executable).parent))
    if tool is None:
        print("squawk is not installed. Try: make lint", file=sys.stderr)
        return 1
    migrations = sorted(str(p) for p in (ROOT / "supabase" / "migrations").glob("*.sql"))
    return subprocess.run(
        [tool, "--config", str(ROOT / ".squawk.toml"), *migrations], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
