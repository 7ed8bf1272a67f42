"""A small believable world for a stack that has no members yet; for local use only."""

from __future__ import annotations

from typing import cast

import psycopg
from supabase import Client, create_client

from vigil_cli.local.stack import Stack

PASSWORD = "local-only-password"  # noqa: S105 - printed by `up`, for a stack on loopback
STAFF = {"Mia": "moderator", "Ada": "admin"}
MEMBERS = ("Ana", "Ben", "Cleo", *STAFF)
_TALK = (
    ("Ana", "Has anybody a spare heater?"),
    ("Ben", "Yes! I can bring it at six."),
    ("Cleo", "And I have blankets, if that helps."),
)


def address(name: str) -> str:
    """The e-mail address of somebody of this world."""
    return f"{name.lower()}@example.org"


def seed(stack: Stack) -> bool:
    """Make the world, unless there are members already; whether they are the members of this world.

    Every row comes in through the ordinary paths, as the person whose act it is.
    """
    values = stack.env()
    with psycopg.connect(values["DB_URL"], autocommit=True) as owner:
        if owner.execute("select from public.profiles limit 1").fetchone() is not None:
            emails = [address(name) for name in STAFF]
            staff = owner.execute(
                "select from auth.users u join vigil.staff s on s.user_id = u.id"
                " where u.email = any(%s)",
                [emails],
            )
            return len(staff.fetchall()) == len(emails)
        office = create_client(values["API_URL"], values["SECRET_KEY"])
        ids: dict[str, str] = {}
        for name in MEMBERS:
            account = {"email": address(name), "password": PASSWORD, "email_confirm": True}
            ids[name] = office.auth.admin.create_user(account).user.id  # type: ignore[arg-type]
        owner.execute("select vigil.bootstrap_admin(%s)", [ids["Ada"]])
    clients = {name: _signed_in(values, name) for name in MEMBERS}
    for name, client in clients.items():
        client.table("profiles").update({"name": name}).eq("id", ids[name]).execute()
    clients["Ada"].rpc("add_staff", {"member": ids["Mia"], "role": STAFF["Mia"]}).execute()
    others = [ids["Ben"], ids["Cleo"]]
    made = clients["Ana"].rpc("start_conversation", {"members": others, "title": "Neighbours"})
    conversation = cast("str", made.execute().data)
    for name, text in _TALK:
        row = {"conversation_id": conversation, "content": text}
        clients[name].table("messages").insert(row).execute()
    return True


def _signed_in(values: dict[str, str], name: str) -> Client:
    client = create_client(values["API_URL"], values["PUBLISHABLE_KEY"])
    client.auth.sign_in_with_password({"email": address(name), "password": PASSWORD})
    return client
