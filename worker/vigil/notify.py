"""Tell systemd how the service is, over its socket; silent where there is none."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Notifier:
    """The socket of NOTIFY_SOCKET (a path, or @name in the abstract namespace)."""

    address: str = ""
    watchdog_seconds: float = 0.0

    @classmethod
    def from_env(cls, environ: Mapping[str, str], pid: int) -> Self:
        """Read what systemd set; a watchdog meant for another process is not ours."""
        address = environ.get("NOTIFY_SOCKET", "")
        microseconds = environ.get("WATCHDOG_USEC", "")
        ours = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        seconds = int(microseconds) / 1e6 if ours and microseconds.isdigit() else 0.0
        return cls(address, seconds)

    def send(self, **state: str) -> bool:
        """Send `READY="1"` and the like; false when nobody listens."""
        if not self.address:
            return False
        text = "".join(f"{name}={' '.join(value.split())}\n" for name, value in state.items())
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)
            try:
                channel.sendto(text.encode(), address)
            except OSError:
                # The manager is restarting or slow; it hears the next one.
                return False
        return True
