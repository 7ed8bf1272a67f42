"""uvicorn, with a farewell: by itself it cuts every websocket before the gateway may speak."""

from __future__ import annotations

import socket

import uvicorn
from starlette.applications import Starlette


class GatewayServer(uvicorn.Server):
    """Serves an app in which `gateway` is mounted, and lets it take leave before it stops."""

    def __init__(self, config: uvicorn.Config, gateway: Starlette) -> None:
        super().__init__(config)
        self._gateway = gateway.state.gateway

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell every channel, close every socket, then stop as uvicorn does."""
        await self._gateway.farewell()
        await super().shutdown(sockets)
