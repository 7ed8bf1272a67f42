"""A real Postgres and a real gateway on a free port, for real clients."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from realtime_harness import ANON, Running, Wire, make_database, serve, settings
from tests.support.database import Databases
from websockets.asyncio.client import ClientConnection, connect

from realtime import AsyncRealtimeClient
from vigil_cli.local.cluster import Cluster
from vigil_cli.local.layout import Layout
from vigil_cli.local.node import find_node, install


@pytest.fixture(scope="session")
def realtime_cluster(databases: Databases) -> Cluster:
    """The server of this run; the gateway's tests have databases of their own on it."""
    return databases.cluster


@pytest.fixture(scope="session")
def gateway(realtime_cluster: Cluster) -> Iterator[Running]:
    """The gateway most tests share; they keep apart by topics and rows of their own."""
    admin, owner = make_database(realtime_cluster)
    with serve(settings(admin), owner) as running:
        yield running


@pytest.fixture
async def wire() -> AsyncIterator[Callable[..., Awaitable[Wire]]]:
    """Opens raw sockets, and closes them after the test."""
    opened: list[ClientConnection] = []

    async def open_wire(
        running: Running, key: str = ANON, vsn: str | None = "1.0.0", **headers: str
    ) -> Wire:
        version = f"&vsn={vsn}" if vsn is not None else ""
        url = f"{running.url}/websocket?apikey={key}{version}"
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = await connect(url, additional_headers=extra, compression=None)
        opened.append(connection)
        return Wire(connection, v2=vsn == "2.0.0")

    yield open_wire
    for connection in opened:
        await connection.close()


@pytest.fixture
async def client() -> AsyncIterator[Callable[..., Awaitable[AsyncRealtimeClient]]]:
    """Makes official Python clients, and closes them after the test."""
    made: list[AsyncRealtimeClient] = []

    async def make(running: Running, access_token: str, **options: Any) -> AsyncRealtimeClient:
        made_client = AsyncRealtimeClient(running.url, ANON, **options)
        await made_client.connect()
        await made_client.set_auth(access_token)
        made.append(made_client)
        return made_client

    yield make
    for made_client in made:
        await made_client.close()


@pytest.fixture(scope="session")
def node() -> tuple[str, Path]:
    """Node, and the packages supabase-js is among: the stack's, or those of VIGIL_NODE_MODULES."""
    modules = os.environ.get("VIGIL_NODE_MODULES")
    if modules:
        return find_node().node, Path(modules)
    tools = install(Layout.find())
    return tools.runtime.node, tools.modules
