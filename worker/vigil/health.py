"""Health over HTTP on the loopback, and systemd's watchdog."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vigil.errors import MisconfiguredError
from vigil.metrics import Metrics
from vigil.notify import Notifier
from vigil.wait import first_of

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether the worker lives, and whether it can work; each with the reason why not."""

    stuck: Callable[[], str]
    unready: Callable[[], str]


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def build_app(condition: Condition, metrics: Metrics) -> Starlette:
    """`/healthz` restarts us when it fails, `/readyz` does not, `/metrics` counts."""

    def answer(problem: str) -> Response:
        body = {"status": problem or "ok"}
        return JSONResponse(body, status_code=503 if problem else 200)

    async def healthz(_: Request) -> Response:
        return answer(condition.stuck())

    async def readyz(_: Request) -> Response:
        return answer(condition.stuck() or condition.unready())

    async def exposition(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", exposition),
        ]
    )


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback; a port in use is a setting to change."""
    channel = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        channel.bind((LOOPBACK, port))
    except OSError as exc:
        channel.close()
        raise MisconfiguredError(
            f"VIGIL_HEALTH_PORT {port} cannot be opened ({exc.strerror}); choose another"
        ) from exc
    return channel


async def serve_http(app: Starlette, channel: socket.socket, *, stop: asyncio.Event) -> None:
    """Answer until `stop`."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[channel]))
    try:
        await stop.wait()
    finally:
        server.should_exit = True
        await serving
        channel.close()


async def feed_watchdog(
    notifier: Notifier, condition: Condition, status: Callable[[], str], *, stop: asyncio.Event
) -> None:
    """Feed systemd's watchdog only while work goes on, so that a stuck worker is replaced."""
    if not notifier.address:
        return
    pause = notifier.watchdog_seconds / 3 if notifier.watchdog_seconds else 10.0
    while not stop.is_set():
        if problem := condition.stuck():
            notifier.send(STATUS=problem)
        elif notifier.watchdog_seconds:
            notifier.send(WATCHDOG="1", STATUS=status())
        else:
            notifier.send(STATUS=status())
        await first_of(stop, seconds=pause)
