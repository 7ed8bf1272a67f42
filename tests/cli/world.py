"""A small community on a real stack: an admin, a moderator, an auditor and some members."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from supabase import Client, create_client
from supabase.lib.client_options import SyncClientOptions

from tests.cli.harness import Vigil
from vigil_cli.local.cluster import Cluster
from vigil_cli.local.layout import Layout
from vigil_cli.local.stack import Stack

PASSWORD = "correct horse battery staple"
REASON = "--reason=seen by a test"


@contextmanager
def running_stack(directory: Path, checkout: Path) -> Iterator[Stack]:
    """A stack of our own; the npm packages are shared with the checkout's, which has them."""
    packages = checkout / ".vigil" / "node"
    packages.mkdir(parents=True, exist_ok=True)
    layout = Layout.find(directory)
    layout.root.mkdir(mode=0o700)
    layout.node.symlink_to(packages)
    stack = Stack(layout, durable=False)
    stack.up(port=0)
    try:
        yield stack
    finally:
        stack.down()
        stack.cluster.destroy()


@dataclass
class World:
    """People, and how to be each of them."""

    directory: Path
    env: dict[str, str]
    cluster: Cluster
    ids: dict[str, str] = field(default_factory=dict)
    _vigils: dict[str, Vigil] = field(default_factory=dict)
    _clients: dict[str, Client] = field(default_factory=dict)
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    @property
    def url(self) -> str:
        return self.env["API_URL"]

    @property
    def key(self) -> str:
        return self.env["PUBLISHABLE_KEY"]

    def address(self, name: str) -> str:
        return f"{name.lower()}@example.org"

    def join(self, *names: str) -> None:
        """Sign people up through Auth and give them names."""
        admin = self._connect(self.env["SECRET_KEY"])
        for name in names:
            made = admin.auth.admin.create_user(
                {"email": self.address(name), "password": PASSWORD, "email_confirm": True}
            )
            self.ids[name] = made.user.id
            self.run("update public.profiles set name = %s where id = %s", name, made.user.id)

    def run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """A statement as the superuser, for what no person of the story does."""
        dsn = self.env["SUPERUSER_URL"]
        with psycopg.connect(dsn, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def bootstrap_database(self, name: str) -> None:
        """Shape a database like a new project."""
        self.cluster.bootstrap(name)

    def out(self, name: str) -> Vigil:
        """The `vigil` of somebody who is not signed in yet."""
        directory = self.directory / f"{name} works here"
        directory.mkdir(exist_ok=True)
        return Vigil(home=self.directory / f"home of {name}", directory=directory)

    def login(self, vigil: Vigil, name: str, **more: Any) -> Any:
        """Sign somebody in."""
        return vigil(
            *("login", "--url", self.url, "--key", self.key, "--email", self.address(name)),
            "--json",
            env={"VIGIL_PASSWORD": PASSWORD},
            **more,
        )

    def as_(self, name: str) -> Vigil:
        """The `vigil` of somebody who is signed in."""
        if name not in self._vigils:
            self._vigils[name] = self.out(name)
            self.login(self._vigils[name], name, expect=0)
        return self._vigils[name]

    def client(self, name: str) -> Client:
        """The app as somebody uses it."""
        if name not in self._clients:
            client = self._connect(self.key)
            client.auth.sign_in_with_password({"email": self.address(name), "password": PASSWORD})
            self._clients[name] = client
        return self._clients[name]

    def close(self) -> None:
        """Give back every connection."""
        self._http.close()

    def _connect(self, key: str) -> Client:
        # Its own HTTP client would warn that it was made in a deprecated way.
        options = SyncClientOptions(httpx_client=self._http, auto_refresh_token=False)
        return create_client(self.url, key, options)

    def talk(self, *names: str) -> str:
        """A conversation between the first and the others."""
        others = [self.ids[name] for name in names[1:]]
        made = self.client(names[0]).rpc("start_conversation", {"members": others}).execute().data
        return str(made)

    def send(self, name: str, conversation: str, content: str) -> str:
        """A message, by the app; its id."""
        sent = (
            self.client(name)
            .rpc("send_message", {"conversation": conversation, "content": content})
            .execute()
            .data
        )
        row = sent[0] if isinstance(sent, list) else sent
        return str(row["id"])
