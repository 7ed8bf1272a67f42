"""sd_notify against real datagram sockets, by path and in the abstract namespace."""

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from vigil.health import Condition, feed_watchdog
from vigil.notify import Notifier


@contextlib.contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + address[1:] if address.startswith("@") else address)
        listener.settimeout(5)
        yield listener


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "abstract":
        if sys.platform != "linux":
            pytest.skip("abstract sockets are Linux only")
        yield f"@vigil-{secrets.token_hex(8)}"
        return
    with tempfile.TemporaryDirectory() as directory:
        yield str(Path(directory) / "n o t")


def test_ready_is_heard(address: str) -> None:
    with manager(address) as listener:
        assert Notifier(address).send(READY="1", STATUS="two\nlines")
        assert listener.recv(4096) == b"READY=1\nSTATUS=two lines\n"


def test_nobody_listening_is_no_error(address: str) -> None:
    assert not Notifier(address).send(READY="1")
    assert not Notifier().send(READY="1")


def test_a_watchdog_for_another_process_is_not_ours() -> None:
    env = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}
    assert Notifier.from_env(env, pid=1) == Notifier("@x", 3.0)
    assert Notifier.from_env(env, pid=2) == Notifier("@x", 0.0)
    assert Notifier.from_env({}, pid=os.getpid()) == Notifier()


async def test_the_watchdog_is_fed_only_while_work_goes_on(address: str) -> None:
    stop = asyncio.Event()
    problems = [""]
    condition = Condition(stuck=lambda: problems[0], unready=lambda: "")
    with manager(address) as listener:
        notifier = Notifier(address, watchdog_seconds=0.03)
        feeding = asyncio.create_task(feed_watchdog(notifier, condition, lambda: "fine", stop=stop))
        assert b"WATCHDOG=1\n" in await asyncio.to_thread(listener.recv, 4096)
        problems[0] = "the drain is stuck"
        while (heard := await asyncio.to_thread(listener.recv, 4096)).startswith(b"WATCHDOG"):
            pass
        assert heard == b"STATUS=the drain is stuck\n"
        assert b"WATCHDOG" not in await asyncio.to_thread(listener.recv, 4096)
        stop.set()
        await feeding
