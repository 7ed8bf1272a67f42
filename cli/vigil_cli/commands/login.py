"""`vigil login | logout | whoami`: act as yourself, so that the audit log names a person."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from vigil_cli import project
from vigil_cli.client import Api, check_url, connect, sign_in
from vigil_cli.errors import CliError, MisusedError
from vigil_cli.options import AsJson
from vigil_cli.output import say, show_record
from vigil_cli.session import SessionStore
from vigil_cli.textin import check_text


def login(
    *,
    email: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Your e-mail address.", show_default=False),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            envvar="VIGIL_SUPABASE_URL",
            help="The project's address; the local stack's by default.",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            envvar="VIGIL_SUPABASE_KEY",
            help="The project's publishable key; the local stack's by default.",
            show_default=False,
        ),
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow http:// to another machine.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sign in as a moderator; the password is asked for, never an argument.

    Example: vigil login --url https://PROJECT.supabase.co --key sb_publishable_KEY
    Without a terminal give it by --password-stdin or in VIGIL_PASSWORD.
    """
    address, public_key = _project(url, key)
    address = check_url(address, insecure=insecure)
    who = email or _asked("E-mail", "--email ADDRESS")
    password = _password(password_stdin)
    store = SessionStore.from_env(os.environ)
    session = sign_in(address, public_key, who.strip(), password)
    with store.locked():
        store.save(session)
    record: dict[str, object] = {"email": session.email, "url": session.url}
    try:
        found = Api(store, session).record("whoami")
    except CliError as error:
        record |= {"user_id": session.user_id, "name": None, "role": None}
        say(f"Signed in, but {error.message}.")
        say(f"Try: {error.advice}")
    else:
        record |= found
        if found.get("role") is None:
            say("Signed in. You are not staff here: ask an admin for vigil staff add.")
        else:
            say(f"Signed in as {found.get('name') or session.email} ({found['role']}).")
    show_record(record, as_json=as_json)


def logout() -> None:
    """Forget the session here and end it on the server."""
    store = SessionStore.from_env(os.environ)
    session = store.load()
    if session is None:
        say("Nobody was signed in.")
        return
    try:
        Api(store, session).sign_out()
    except CliError as error:
        say(f"The server was not told: {error.message}.")
    with store.locked():
        store.delete()
    say(f"Signed out {session.email}.")


def whoami(as_json: AsJson = False) -> None:
    """Show who is signed in, where, and with which role."""
    api = connect()
    show_record({**api.record("whoami"), "url": api.url}, as_json=as_json)


def _project(url: str | None, key: str | None) -> tuple[str, str]:
    if url and key:
        return url, key
    local = project.local_project()
    if local is not None and (url is None or url.rstrip("/") == local.url):
        return local.url, key or local.key
    missing = "--key" if url else "--url"
    raise MisusedError(
        f"{missing} is needed: there is no local stack here to take it from",
        advice="vigil login --url https://<project>.supabase.co --key sb_publishable_…",
    )


def _asked(label: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise MisusedError(f"{label} is needed", advice=f"vigil login {option}")
    return str(typer.prompt(label, err=True))


def _password(from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.buffer.readline().rstrip(b"\r\n").decode("utf-8", "surrogateescape")
    elif "VIGIL_PASSWORD" in os.environ:
        password = os.environ["VIGIL_PASSWORD"]
    elif sys.stdin.isatty():
        password = str(typer.prompt("Password", hide_input=True, err=True))
    else:
        raise MisusedError(
            "there is no terminal to ask for the password on",
            advice="--password-stdin, or VIGIL_PASSWORD in the environment",
        )
    if not password:
        raise MisusedError("the password is empty", advice="vigil login")
    return check_text(password, "the password", secret=True)
