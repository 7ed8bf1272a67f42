"""A small believable world for a stack that has no members yet; for local use only."""

from __future__ import annotations

from typing import Any, cast

import httpx
import psycopg
from postgrest.exceptions import APIError
from supabase import AuthError, Client, create_client

from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.stack import Stack

PASSWORD = "local-only-password"  # noqa: S105 - printed by `up`, for a stack on loopback
STAFF = {"Mia": "moderator", "Ada": "admin"}
MEMBERS = ("Ana", "Ben", "Cleo", *STAFF)
_TITLE = "Neighbours"
TALK = (
    ("Ana", "Has anybody a spare heater?"),
    ("Ben", "Yes! I can bring it at six."),
    ("Cleo", "And I have blankets, if that helps."),
)

Owner = psycopg.Connection[tuple[Any, ...]]


def address(name: str) -> str:
    """The e-mail address of somebody of this world."""
    return f"{name.lower()}@example.org"


def seed(stack: Stack) -> bool:
    """Make the world unless others live here; whether its members are there.

    Every row comes in through the ordinary paths, as the person whose act it is. Cut short at any
    moment, the next call makes what is missing and nothing twice; once whole, it is left alone.
    """
    values = stack.env()
    with psycopg.connect(values["DB_URL"], autocommit=True) as owner:
        ours = _ids(owner)
        everybody = owner.execute("select count(*) from public.profiles").fetchone()
        if stack.is_seeded() or (not ours and everybody != (0,)):
            return len(ours) == len(MEMBERS)
        try:
            _complete(values, owner, ours)
        except (APIError, AuthError, httpx.HTTPError, psycopg.Error) as exc:
            raise LocalStackError(
                f"The members could not all be made: {exc}",
                hint="vigil local up --worker   (goes on where this stopped)",
            ) from exc
    stack.note_seeded()
    return True


def _complete(values: dict[str, str], owner: Owner, ids: dict[str, str]) -> None:
    office = create_client(values["API_URL"], values["SECRET_KEY"])
    for name in MEMBERS:
        if name not in ids:
            account = {"email": address(name), "password": PASSWORD, "email_confirm": True}
            ids[name] = office.auth.admin.create_user(account).user.id  # type: ignore[arg-type]
    if not _exists(owner, "select from vigil.staff where user_id = %s", ids["Ada"]):
        owner.execute("select vigil.bootstrap_admin(%s)", [ids["Ada"]])
    clients = {name: _signed_in(values, name) for name in MEMBERS}
    for name, client in clients.items():
        client.table("profiles").update({"name": name}).eq("id", ids[name]).execute()
    if not _exists(owner, "select from vigil.staff where user_id = %s", ids["Mia"]):
        clients["Ada"].rpc("add_staff", {"member": ids["Mia"], "role": STAFF["Mia"]}).execute()
    started = "select id::text from public.conversations where created_by = %s and title = %s"
    found = owner.execute(started, [ids["Ana"], _TITLE]).fetchone()
    if found is None:
        whom = {"members": [ids["Ben"], ids["Cleo"]], "title": _TITLE}
        found = (cast("str", clients["Ana"].rpc("start_conversation", whom).execute().data),)
    for number, (name, text) in enumerate(TALK):
        said = {"conversation": found[0], "content": text, "client_message_id": f"seed-{number}"}
        clients[name].rpc("send_message", said).execute()


def _ids(owner: Owner) -> dict[str, str]:
    """The members of this world who are there already."""
    names = {address(name): name for name in MEMBERS}
    query = "select email::text, id::text from auth.users where email = any(%s)"
    return {names[email]: person for email, person in owner.execute(query, [list(names)])}


def _exists(owner: Owner, query: str, person: str) -> bool:
    return owner.execute(query.encode(), [person]).fetchone() is not None


def _signed_in(values: dict[str, str], name: str) -> Client:
    client = create_client(values["API_URL"], values["PUBLISHABLE_KEY"])
    client.auth.sign_in_with_password({"email": address(name), "password": PASSWORD})
    return client
