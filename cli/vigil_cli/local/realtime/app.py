"""The Realtime gateway of the local stack: A DEVELOPMENT SERVER, not for deployments.

Official clients cannot tell it from Supabase Realtime, but it runs in one process, keeps no
tenant-wide rate limits, and trusts its network. A deployment uses Supabase's own server.

    app = create_app(config)
    parent = Starlette(routes=[Mount("/realtime/v1", app=app)], lifespan=...)

Run alone, the app starts and stops its log reader itself. A parent that mounts it does so in its
own lifespan, since Starlette does not run the lifespan of a mounted app:

    async with gateway_lifespan(app):
        yield

Serve it by `server.GatewayServer` with `ws="websockets-sansio"`, so that clients are told when it
stops; uvicorn's default is deprecated in `websockets`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from vigil_cli.local.realtime.auth import TokenRefusedError
from vigil_cli.local.realtime.config import GatewayConfig
from vigil_cli.local.realtime.gateway import Gateway
from vigil_cli.local.realtime.rest import BroadcastApi, custom_headers
from vigil_cli.local.realtime.serializer import Version
from vigil_cli.local.realtime.session import Session
from vigil_cli.local.realtime.socket import Socket

HEADER = (b"x-realtime-server", b"vigil development gateway")


def create_app(config: GatewayConfig) -> Starlette:
    """The gateway as an ASGI app; its paths are relative to `/realtime/v1`."""
    gateway = Gateway(config)
    api = BroadcastApi(gateway)

    async def websocket(socket: WebSocket) -> None:
        await _connect(gateway, socket)

    app = Starlette(
        routes=[
            WebSocketRoute("/websocket", websocket),
            Route("/api/broadcast", api.batch, methods=["POST"]),
            Route("/api/broadcast/{rest:path}", api.single, methods=["POST"]),
        ],
        middleware=[
            Middleware(
                CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"]
            )
        ],
        lifespan=gateway_lifespan,
    )
    app.state.gateway = gateway
    return app


@asynccontextmanager
async def gateway_lifespan(app: Starlette) -> AsyncIterator[None]:
    """Read the database's log while inside."""
    async with app.state.gateway.running():
        yield


async def _connect(gateway: Gateway, websocket: WebSocket) -> None:
    """Check key and version, then serve; a refusal is an HTTP answer to the upgrade."""
    presented = websocket.headers.get("x-api-key") or websocket.query_params.get("apikey", "")
    version = Version.from_vsn(websocket.query_params.get("vsn"))
    if not presented:
        await _refuse(gateway, websocket, 401, "API key is missing")
        return
    try:
        access = gateway.keyring.verify(presented)
    except TokenRefusedError as exc:
        await _refuse(gateway, websocket, 401, exc.connect_message)
        return
    if version is None:
        await _refuse(gateway, websocket, 400, "Unsupported serializer version: use 1.0.0 or 2.0.0")
        return
    session = Session(
        version=version,
        api_token=access.token,
        headers_json=custom_headers(websocket.headers),
        max_queued_bytes=gateway.config.max_queued_bytes,
    )
    await websocket.accept(headers=[HEADER])
    await Socket(gateway, session, websocket).serve()


async def _refuse(gateway: Gateway, websocket: WebSocket, status: int, message: str) -> None:
    await asyncio.sleep(gateway.config.connect_error_seconds)
    await websocket.send_denial_response(JSONResponse({"error": message}, status_code=status))
