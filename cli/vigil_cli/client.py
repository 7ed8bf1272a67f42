"""Calls of the database's functions as the signed-in moderator, by the official client."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vigil_cli import refusals
from vigil_cli.errors import CliError, FailedError, MisusedError
from vigil_cli.session import Session, SessionStore
from vigil_cli.version import tool_name

if TYPE_CHECKING:
    from supabase import Client

_TIMEOUT = 30.0
_PAGE = 1_000
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_WRONG_PASSWORD = {"invalid_credentials", "invalid_grant"}


_connections = contextlib.ExitStack()


def disconnect() -> None:
    """Close every connection that was opened since the last time."""
    _connections.close()


class Api:
    """One signed-in connection; renews the session when needed, at most once per refusal."""

    def __init__(self, store: SessionStore, session: Session) -> None:
        self._store = store
        self._session = session
        self._client = _client(session.url, session.key, session.access_token)

    @property
    def url(self) -> str:
        """The project's address."""
        return self._session.url

    def call(self, function: str, **arguments: Any) -> Any:
        """Call a function with the arguments that are not None, and return what it returns."""
        return self._call(function, arguments, None, 0)

    def rows(self, function: str, **arguments: Any) -> list[dict[str, Any]]:
        """Call a function that returns rows."""
        found = self.call(function, **arguments)
        if not isinstance(found, list):
            raise refusals.not_a_project(self.url)
        return found

    def record(self, function: str, **arguments: Any) -> dict[str, Any]:
        """Call a function that returns one object."""
        found = self.call(function, **arguments)
        if isinstance(found, list) and len(found) == 1:
            found = found[0]
        if not isinstance(found, dict):
            raise refusals.not_a_project(self.url)
        return found

    def pages(self, function: str, order: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Every row, however many: a project caps what one answer may hold."""
        offset = 0
        while True:
            page = self._call(function, arguments, order, offset)
            if not isinstance(page, list):
                raise refusals.not_a_project(self.url)
            if not page:
                return
            yield from page
            offset += len(page)

    def sign_out(self) -> None:
        """End this session on the server."""
        with _explained(self.url, "sign out"):
            self._client.auth.admin.sign_out(self._session.access_token, "local")

    def _call(
        self, function: str, arguments: Mapping[str, Any], order: str | None, offset: int
    ) -> Any:
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            return self._execute(function, given, order, offset)
        except CliError as error:
            if error.code != "session":
                raise
        # A call refused for its token did nothing, so it can be made again with a new one.
        self._session = renewed(self._store, self._session)
        self._client = _client(self._session.url, self._session.key, self._session.access_token)
        return self._execute(function, given, order, offset)

    def _execute(self, function: str, given: dict[str, Any], order: str | None, offset: int) -> Any:
        with _explained(self.url, function):
            request = self._client.rpc(function, given)
            if order is not None:
                request = request.order(order).limit(_PAGE).offset(offset)
            return request.execute().data


def connect(environ: Mapping[str, str] | None = None) -> Api:
    """The signed-in connection, its session renewed if it is about to end."""
    store = SessionStore.from_env(os.environ if environ is None else environ)
    session = store.load()
    if session is None:
        raise FailedError("nobody is signed in", advice="vigil login", code="session")
    if session.stale(time.time()):
        session = renewed(store, session)
    return Api(store, session)


def sign_in(url: str, key: str, email: str, password: str) -> Session:
    """A new session by password; nothing is kept here."""
    from supabase_auth.errors import AuthApiError

    client = _client(url, key, None)
    try:
        with _explained(url, "sign in"):
            answer = client.auth.sign_in_with_password({"email": email, "password": password})
    except CliError as error:
        cause = error.__cause__
        if isinstance(cause, AuthApiError) and cause.code in _WRONG_PASSWORD:
            raise FailedError(
                f"{url} does not know this e-mail address with this password",
                advice="vigil login --email ADDRESS, with the password typed again",
                code="credentials",
            ) from None
        raise
    if answer.session is None:
        raise refusals.not_a_project(url)
    return _session(url, key, email, answer.session)


def renewed(store: SessionStore, seen: Session) -> Session:
    """A session newer than `seen`: the one another command wrote meanwhile, or a refreshed one."""
    from supabase_auth.errors import AuthApiError

    with store.locked():
        kept = store.load()
        if kept is None:
            raise FailedError("nobody is signed in", advice="vigil login", code="session")
        if kept.access_token != seen.access_token and not kept.stale(time.time()):
            return kept
        try:
            with _explained(kept.url, "refresh the session"):
                answer = _client(kept.url, kept.key, None).auth.refresh_session(kept.refresh_token)
        except CliError as error:
            if isinstance(error.__cause__, AuthApiError):
                raise refusals.session_ended(kept.url) from None
            raise
        if answer.session is None:
            raise refusals.session_ended(kept.url)
        fresh = _session(kept.url, kept.key, kept.email, answer.session)
        store.save(fresh)
        return fresh


def check_url(url: str, *, insecure: bool = False) -> str:
    """The project's address without a trailing slash; plain http only to this machine."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or any(mark in url for mark in " \t\r\n") or parts.query or parts.fragment:
        raise MisusedError(
            f"'{url}' is not the address of a project",
            advice="--url https://<project>.supabase.co, or vigil local up for one on this machine",
        )
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not insecure:
        raise MisusedError(
            f"'{url}' would send your password unencrypted",
            advice=f"--url https://{parts.netloc}, or --insecure on a network you trust",
        )
    return url.rstrip("/")


def _session(url: str, key: str, email: str, answered: Any) -> Session:
    expires_at = answered.expires_at or int(time.time()) + int(answered.expires_in)
    return Session(
        url=url,
        key=key,
        email=answered.user.email or email,
        user_id=str(answered.user.id),
        access_token=answered.access_token,
        refresh_token=answered.refresh_token,
        expires_at=int(expires_at),
    )


def _client(url: str, key: str, access_token: str | None) -> Client:
    import httpx
    from supabase import Client as SupabaseClient
    from supabase.lib.client_options import SyncClientOptions

    headers = {"x-vigil-tool": tool_name()}
    if access_token is not None:
        headers["Authorization"] = f"Bearer {access_token}"
    if not key.isascii() or not key.isprintable():
        raise MisusedError(
            "the project's key has characters no key has", advice="--key sb_publishable_…"
        )
    loopback = urlsplit(url).hostname in _LOOPBACK
    transport = _connections.enter_context(
        httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=not loopback)
    )
    options = SyncClientOptions(
        headers=headers,
        auto_refresh_token=False,
        persist_session=False,
        httpx_client=transport,
        postgrest_client_retry=False,
    )
    return SupabaseClient(url, key, options)


@contextlib.contextmanager
def _explained(url: str, action: str) -> Iterator[None]:
    """Turn every way a call can fail into an error that says what to try."""
    import httpx
    from postgrest.exceptions import APIError
    from pydantic import ValidationError
    from supabase_auth.errors import AuthApiError, AuthError, AuthRetryableError

    try:
        yield
    except APIError as error:
        raise refusals.from_answer(error.json(), action=action, url=url) from error
    except AuthRetryableError as error:
        raise refusals.unreachable(url, str(error)) from error
    except AuthApiError as error:
        raise FailedError(
            f"{url} refused to {action}: {error.message}",
            advice="vigil login, with the address and key of the project",
            code=error.code,
        ) from error
    except httpx.TimeoutException as error:
        raise refusals.unreachable(url, f"no answer within {_TIMEOUT:.0f} s") from error
    except httpx.TransportError as error:
        raise refusals.unreachable(url, str(error)) from error
    except (AuthError, ValidationError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise refusals.not_a_project(url) from error
