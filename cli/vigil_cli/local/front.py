"""The one URL of a stack: /rest/v1 and /auth/v1 passed on, /realtime/v1 served, users managed.

Run as `python -m vigil_cli.local.front CONFIG.json`; the file names an inherited listening socket.
It is meant for development on one machine, listens on 127.0.0.1 only, and says so in its answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from vigil_cli.local.admin_users import AdminUsers
from vigil_cli.local.realtime.app import create_app as create_gateway
from vigil_cli.local.realtime.app import gateway_lifespan
from vigil_cli.local.realtime.config import GatewayConfig
from vigil_cli.local.realtime.server import GatewayServer

_PARTITIONS = Path(__file__).with_name("bootstrap_partitions.sql")
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
_PARTITION_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class FrontConfig:
    """What the front is told at start."""

    fd: int
    backend: str
    admin_dsn: str = field(repr=False)
    auth_dsn: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    publishable_key: str
    secret_key: str = field(repr=False)
    anon_key: str
    service_role_key: str = field(repr=False)
    jwks: dict[str, Any] | None = None

    @classmethod
    def read(cls, file: Path) -> FrontConfig:
        """The settings the stack wrote for it."""
        return cls(**json.loads(file.read_text()))


class Backend:
    """Passes requests on to REST and Auth, as they came, and answers back as they come."""

    def __init__(self, base: str) -> None:
        """Nothing is opened until the first request."""
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=50)
        self.client = httpx.AsyncClient(base_url=base, timeout=httpx.Timeout(130), limits=limits)

    async def forward(self, request: Request) -> Response:
        """Send one request on and stream the answer."""
        headers = [
            (name, value)
            for name, value in request.headers.raw
            if name.decode("latin-1") not in _HOP_BY_HOP
        ]
        # Put together as text, so that nothing in it is quoted a second time.
        target = request.scope["raw_path"].decode("latin-1")
        if request.scope["query_string"]:
            target += "?" + request.scope["query_string"].decode("latin-1")
        try:
            passed = self.client.build_request(
                request.method, target,
                headers=headers, content=await request.body(),
            )  # fmt: skip
            answer = await self.client.send(passed, stream=True)
        except ClientDisconnect:
            return Response(status_code=499)
        except httpx.TransportError as exc:
            return JSONResponse(
                {
                    "code": "VIGIL_BACKEND_DOWN",
                    "message": f"REST and Auth do not answer ({type(exc).__name__}).",
                    "details": None,
                    "hint": "vigil local logs rest; vigil local up starts it again",
                },
                status_code=502,
                headers={"access-control-allow-origin": "*"},
            )
        response = StreamingResponse(
            answer.aiter_raw(),
            status_code=answer.status_code,
            background=BackgroundTask(answer.aclose),
        )
        response.raw_headers = [
            (name.lower(), value)
            for name, value in answer.headers.raw
            if name.lower().decode("latin-1") not in _HOP_BY_HOP
        ]
        response.headers["x-vigil-local"] = "development only"
        return response

    async def ready(self, _: Request) -> Response:
        """200 once the backend answers."""
        try:
            answer = await self.client.get("/auth/v1/health", timeout=5)
        except httpx.TransportError:
            return JSONResponse({"ready": False}, status_code=503)
        return JSONResponse({"ready": True, "auth": answer.status_code})


def create_app(config: FrontConfig) -> Starlette:
    """The whole front; its lifespan runs that of the Realtime gateway."""
    backend = Backend(config.backend)
    keys = {config.publishable_key, config.secret_key, config.anon_key, config.service_role_key}
    users = AdminUsers(config.auth_dsn, config.jwt_secret, config.secret_key, frozenset(keys))
    gateway = create_gateway(
        GatewayConfig(
            dsn=config.admin_dsn,
            jwt_secret=config.jwt_secret,
            publishable_key=config.publishable_key,
            secret_key=config.secret_key,
            anon_jwt=config.anon_key,
            service_jwt=config.service_role_key,
            jwks=config.jwks,
        )
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        partitions = asyncio.create_task(_keep_partitions(config.admin_dsn))
        try:
            async with backend.client, gateway_lifespan(gateway):
                yield
        finally:
            partitions.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await partitions

    app = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/_vigil/ready", backend.ready),
            *users.routes(),
            Route("/rest/v1/{path:path}", backend.forward, methods=_METHODS),
            Route("/auth/v1/{path:path}", backend.forward, methods=_METHODS),
            Mount("/realtime/v1", app=gateway),
        ],
    )
    app.state.realtime = gateway
    return app


async def _keep_partitions(dsn: str) -> None:
    """`realtime.messages` has tomorrow's partition before tomorrow comes."""
    statements = await asyncio.to_thread(_PARTITIONS.read_bytes)
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(dsn) as conn:
                await conn.execute(statements)
        except psycopg.OperationalError as exc:
            print(f"partitions: the database is away, trying again: {exc}", file=sys.stderr)
            await asyncio.sleep(30)
        else:
            await asyncio.sleep(_PARTITION_SECONDS)


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM."""
    config = FrontConfig.read(Path(arguments[0]))
    listening = socket.socket(fileno=config.fd)
    app = create_app(config)
    server = GatewayServer(
        uvicorn.Config(
            app, lifespan="on", log_level="warning", access_log=False,
            ws="websockets-sansio", ws_max_size=5_000_000, timeout_graceful_shutdown=3,
        ),
        app.state.realtime,
    )  # fmt: skip
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal it came from may go
    server.run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1:])
