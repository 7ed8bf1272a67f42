"""What somebody at a terminal sees and is asked; and a log followed through an outage."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.harness import VIGIL, Vigil
from tests.cli.world import PASSWORD, World
from vigil_cli import output
from vigil_cli.output import Column

WHY = "--reason=seen by a test"


class Terminal:
    """A `vigil` whose input and output are a terminal of 120 columns."""

    def __init__(self, vigil: Vigil, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [VIGIL, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**vigil.environ({"COLUMNS": "120"}), "TERM": "xterm"},
            cwd=vigil.directory,
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""

    def until(self, words: str) -> None:
        """Read until these words were shown."""
        deadline = time.monotonic() + 60
        while words not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if select.select([self._ours], [], [], 1)[0] and not self._read():
                raise AssertionError(f"it ended before {words!r}: {self.seen}")

    def type(self, line: str) -> None:
        """Answer a question."""
        os.write(self._ours, line.encode() + b"\n")

    def end(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        os.close(self._ours)
        return self._process.wait(60)

    def _read(self) -> bool:
        try:
            chunk = os.read(self._ours, 65536)
        except OSError:  # how a terminal says that the other side has closed
            return False
        self.seen += chunk.decode()
        return bool(chunk)


def test_the_password_is_asked_for_and_not_shown(world: World, vigil: Vigil) -> None:
    terminal = Terminal(vigil, "login", "--url", world.url, "--key", world.key)
    terminal.until("E-mail: ")
    terminal.type(world.address("Mod"))
    terminal.until("Password: ")
    terminal.type(PASSWORD)
    assert terminal.end() == 0
    assert "Signed in as Mod" in terminal.seen
    assert PASSWORD not in terminal.seen


def test_a_permanent_block_is_asked_about_and_no_means_no(world: World) -> None:
    mod = world.as_("Mod")
    block = ["restrict", "add", world.ids["Mallory"], "block", "--for", "permanent", WHY]
    terminal = Terminal(mod, *block)
    terminal.until("Block Mallory permanently?")
    terminal.type("n")
    assert terminal.end() == 1
    assert "nothing was changed" in terminal.seen
    assert "Traceback" not in terminal.seen
    held = mod("restrict", "list", world.ids["Mallory"], "--json", expect=0).data
    assert held == []
    terminal = Terminal(mod, *block)
    terminal.until("Block Mallory permanently?")
    terminal.type("y")
    assert terminal.end() == 0
    (made,) = mod("restrict", "list", world.ids["Mallory"], "--json", expect=0).data
    listed = Terminal(mod, "restrict", "list")
    assert listed.end() == 0
    assert made["restriction_id"] in listed.seen
    assert "permanent" in listed.seen
    mod("restrict", "lift", made["restriction_id"], WHY, expect=0)


@pytest.mark.parametrize("width", [40, 80, 110, 200])
def test_ids_and_times_stay_whole_at_any_width(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    some_id = "58baea13-e94b-43dd-9e60-eddabccd4a40"
    moment = "2026-11-23T00:09:12.946093+00:00"
    row = {"id": some_id, "at": moment, "why": "a reason of some length " * 3, "none": None}
    columns = [
        Column("id", "ID", "id"),
        Column("at", "AT", "time"),
        Column("why", "WHY"),
        Column("none", "NONE"),
    ]
    output.show_rows([row], columns, as_json=False, empty="")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert some_id in shown
    assert output.short_time(moment) in shown
    assert "NONE" not in shown, "a column without values only takes room"


@contextmanager
def _relay(port: int, to: int) -> Iterator[None]:
    """Connections to `port` reach `to` while this lasts; then nothing listens there."""
    listener = socket.create_server(("127.0.0.1", port))
    ends: list[socket.socket] = []

    def copy(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            return
        finally:
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", to))
            ends.extend((client, server))
            for pair in ((client, server), (server, client)):
                threads.append(threading.Thread(target=copy, args=pair))
                threads[-1].start()

    threads = [threading.Thread(target=serve)]
    threads[0].start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in threads:
            thread.join()
        for end in ends:
            end.close()


def test_a_followed_log_outlives_an_outage(world: World, vigil: Vigil) -> None:
    mod = world.as_("Mod")
    target = int(world.url.rsplit(":", 1)[1])
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port = chosen.getsockname()[1]
    world.login(vigil, "Otto", expect=0)
    kept = json.loads(vigil.session_file.read_text())
    kept["url"] = f"http://127.0.0.1:{port}"
    vigil.session_file.write_text(json.dumps(kept))
    with _relay(port, target):
        process = subprocess.Popen(
            [VIGIL, "audit", "tail", "-f", "-n", "1", "--json", "--every", "0.1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=vigil.environ(),
            text=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        first = json.loads(process.stdout.readline())
    try:
        assert "waiting for it to come back" in process.stderr.readline()
        mod("restrict", "add", "cem", "warn", "--reason=while away", expect=0)
        with _relay(port, target):
            missed = json.loads(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            _, words = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert missed["detail"]["reason"] == "while away"
    assert missed["id"] > first["id"]
    assert "Traceback" not in words
    assert process.returncode == 130
