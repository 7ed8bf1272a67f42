"""Break the Realtime gateway in turn, and demand that the named test notices.

python -m tests.gateway_sabotage            all of them; exit 1 when one survives
python -m tests.gateway_sabotage expiry id  those whose description holds one of the words

Each is done to a copy of the package that only its own test run sees.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.gateway_sabotages import ALL, CodeSabotage

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cli" / "vigil_cli"
# The copy must be what is tested, or every sabotage would seem to survive for a wrong reason.
IS_COPY = "import sys, vigil_cli; sys.exit(not vigil_cli.__file__.startswith(sys.argv[1]))"


def survives(sabotage: CodeSabotage) -> str | None:
    """None when the test turned red; otherwise what went wrong."""
    with tempfile.TemporaryDirectory(prefix="vigil-sabotage-") as place:
        shutil.copytree(
            PACKAGE, Path(place, "vigil_cli"), ignore=shutil.ignore_patterns("__pycache__")
        )
        module = Path(place, "vigil_cli", "local", "realtime", f"{sabotage.module}.py")
        text = module.read_text()
        if text.count(sabotage.old) != 1:
            return f"its text is {text.count(sabotage.old)} times in {sabotage.module}.py"
        module.write_text(text.replace(sabotage.old, sabotage.new))
        inherited = os.environ.get("PYTHONPATH")
        path = os.pathsep.join([place, *([inherited] if inherited else [])])
        environ = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([sys.executable, "-c", IS_COPY, place], env=environ, cwd=ROOT, check=True)
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
             f"tests/realtime/test_realtime_{sabotage.test}"],
            cwd=ROOT, env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if run.returncode == 1 and " failed" in run.stdout:
        return None
    return "survived" if run.returncode == 0 else f"the test could not run: {run.stdout[-600:]}"


def main(words: list[str]) -> int:
    chosen = [s for s in ALL if not words or any(word in s.what for word in words)]
    began = time.monotonic()
    survivors = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for sabotage, outcome in zip(chosen, pool.map(survives, chosen), strict=True):
            survivors += outcome is not None
            print(f"gateway: {sabotage.what}: {outcome or 'noticed'}", flush=True)
    seconds = time.monotonic() - began
    print(f"{len(chosen)} gateway sabotages in {seconds:.0f} s; survivors: {survivors or 'none'}")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
