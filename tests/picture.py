"""`make picture`: play the demo in a terminal of 110 by 40 and keep how it ended as docs/demo.svg."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "demo.svg"
COLUMNS, ROWS = 110, 40


def main() -> int:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (ROWS, COLUMNS))
    hidden = ("NO_COLOR", "COLUMNS", "LINES")
    environ = {name: value for name, value in os.environ.items() if name not in hidden}
    last = b""
    command = [sys.executable, "-m", "vigil_cli", "demo", "--save-svg", str(PICTURE)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs,
        env=environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    ) as demo:  # fmt: skip
        os.close(theirs)
        try:
            while shown := os.read(ours, 65536):
                last = shown
        except OSError:  # how a terminal says that nobody writes to it any more
            pass
    if demo.returncode != 0:
        sys.stderr.buffer.write(last)
        return demo.returncode
    print(f"wrote {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
