"""Helpers of the gateway tests: tokens, a served gateway, raw sockets and callback boxes."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import psycopg
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from websockets.asyncio.client import ClientConnection

from vigil_cli.local.cluster import Cluster
from vigil_cli.local.realtime.app import create_app, gateway_lifespan
from vigil_cli.local.realtime.config import GatewayConfig
from vigil_cli.local.realtime.server import GatewayServer

SECRET = "only-for-tests-only-for-tests-only-for-tests"
SCHEMA = (Path(__file__).parent / "schema.sql").read_bytes()


def token(role: str = "authenticated", seconds: float = 3600, **claims: Any) -> str:
    """A token as Auth would sign it."""
    body = {"role": role, "exp": time.time() + seconds, "aud": role, **claims}
    return jwt.encode(body, SECRET, algorithm="HS256")


def user_token(user: uuid.UUID | str, seconds: float = 3600) -> str:
    """A signed-in member's token."""
    return token(sub=str(user), seconds=seconds)


ANON = token("anon", 10**8)
SERVICE = token("service_role", 10**8)


def settings(dsn: str, **changes: Any) -> GatewayConfig:
    """The gateway's settings for a test: no back-off, quick polls."""
    defaults = {
        "dsn": dsn,
        "jwt_secret": SECRET,
        "publishable_key": "sb_publishable_test",
        "secret_key": "sb_secret_test",
        "anon_jwt": ANON,
        "service_jwt": SERVICE,
        "poll_seconds": 0.02,
        "connect_error_seconds": 0.0,
        "join_error_seconds": 0.0,
        "reconnect_seconds": 0.1,
        "resubscribe_seconds": 0.2,
    }
    return GatewayConfig(**(defaults | changes))


@dataclass(frozen=True)
class Running:
    """A gateway that serves, mounted as the stack's front mounts it."""

    url: str
    dsn: str
    admin_dsn: str
    app: Starlette
    stop: Callable[[], None]

    @property
    def base(self) -> str:
        """The address a Supabase client is given."""
        return self.http.removesuffix("/realtime/v1")

    @property
    def http(self) -> str:
        return self.url.replace("ws://", "http://")

    def sql(self, statement: str, *params: Any, dsn: str | None = None) -> list[tuple[Any, ...]]:
        """Run a statement as the owner of the tables."""
        with psycopg.connect(dsn or self.dsn, autocommit=True) as conn:
            cursor = conn.execute(statement, params or None)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def serve(config: GatewayConfig, dsn: str, port: int = 0) -> Iterator[Running]:
    """Run the gateway under uvicorn in a thread."""
    app = create_app(config)
    front = Starlette(
        routes=[Mount("/realtime/v1", app=app)], lifespan=lambda _: gateway_lifespan(app)
    )
    listener = socket.create_server(("127.0.0.1", port))
    server = GatewayServer(
        uvicorn.Config(front, log_level="warning", ws="websockets-sansio", lifespan="on"), app
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join(20)

    try:
        while not server.started:
            assert thread.is_alive(), "the gateway did not start"
            time.sleep(0.01)
        port = listener.getsockname()[1]
        yield Running(f"ws://127.0.0.1:{port}/realtime/v1", dsn, config.dsn, app, stop)
    finally:
        stop()
        listener.close()
        assert not thread.is_alive()


def make_database(cluster: Cluster) -> tuple[str, str]:
    """A bootstrapped database with the tables of these tests: conninfo of admin and owner."""
    name = f"realtime_{uuid.uuid4().hex[:12]}"
    cluster.bootstrap(name)
    owner = cluster.dsn(role="postgres", dbname=name)
    with psycopg.connect(owner) as conn:
        conn.execute(SCHEMA)
    return cluster.dsn(role="supabase_admin", dbname=name), owner


class Wire:
    """A websocket that shows every frame, for what a client library would hide."""

    def __init__(self, connection: ClientConnection, *, v2: bool) -> None:
        self.connection = connection
        self.v2 = v2

    async def send(
        self, topic: str, event: str, payload: Any, ref: str | None = "1", join_ref: Any = None
    ) -> None:
        frame: Any = {"topic": topic, "event": event, "payload": payload, "ref": ref}
        if self.v2:
            frame = [join_ref, ref, topic, event, payload]
        await self.connection.send(json.dumps(frame))

    async def recv(self, seconds: float = 5) -> Any:
        async with asyncio.timeout(seconds):
            frame = await self.connection.recv()
        return json.loads(frame) if isinstance(frame, str) else frame

    async def until(self, event: str, seconds: float = 5) -> Any:
        """The next frame of that event, passing over others."""
        async with asyncio.timeout(seconds):
            while True:
                frame = await self.recv(seconds)
                if not isinstance(frame, bytes) and event == (
                    frame[3] if self.v2 else frame["event"]
                ):
                    return frame

    async def silence(self, seconds: float = 0.4) -> None:
        """Nothing arrives for a while."""
        try:
            frame = await self.recv(seconds)
        except TimeoutError:
            return
        pytest.fail(f"unexpected frame {frame!r}")

    async def join(
        self, name: str, config: dict[str, Any] | None = None, ref: str = "1", **extra: Any
    ) -> Any:
        """Join a channel; the reply."""
        payload = {"config": config or {}, **extra}
        await self.send(f"realtime:{name}", "phx_join", payload, ref, join_ref=ref)
        return await self.until("phx_reply")


class Box:
    """What a client's callbacks were given, and a way to wait for it."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def __call__(self, item: Any = None, *rest: Any) -> None:
        self.items.append((item, *rest) if rest else item)

    async def wait(self, count: int = 1, seconds: float = 6) -> list[Any]:
        """The items, once there are that many."""
        async with asyncio.timeout(seconds):
            while len(self.items) < count:
                await asyncio.sleep(0.01)
        return self.items

    async def wait_for(self, wanted: Callable[[Any], bool], seconds: float = 6) -> Any:
        """The first item that is wanted."""
        async with asyncio.timeout(seconds):
            while True:
                for item in self.items:
                    if wanted(item):
                        return item
                await asyncio.sleep(0.01)
