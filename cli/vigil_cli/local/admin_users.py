"""The Auth endpoints for administrators, which @supabase/lite lacks: create, list, change, delete.

They write the same tables that sign-in reads, so a user made here can sign in at once. Only the
secret key or a service_role token opens them, as on a hosted project.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import jwt
import psycopg
from psycopg import errors
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_PREFIX = "/auth/v1/admin/users"
_USER = """
    select jsonb_strip_nulls(jsonb_build_object(
               'id', u.id, 'aud', u.aud, 'role', u.role, 'email', u.email,
               'phone', coalesce(u.phone, ''), 'email_confirmed_at', u.email_confirmed_at,
               'phone_confirmed_at', u.phone_confirmed_at, 'confirmed_at', u.confirmed_at,
               'last_sign_in_at', u.last_sign_in_at, 'created_at', u.created_at,
               'updated_at', u.updated_at, 'banned_until', u.banned_until,
               'deleted_at', u.deleted_at, 'is_anonymous', u.is_anonymous))
           || jsonb_build_object(
               'app_metadata', coalesce(u.raw_app_meta_data, '{}'),
               'user_metadata', coalesce(u.raw_user_meta_data, '{}'),
               'identities', coalesce((
                   select jsonb_agg(jsonb_build_object(
                       'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id,
                       'identity_data', i.identity_data, 'provider', i.provider,
                       'last_sign_in_at', i.last_sign_in_at, 'created_at', i.created_at,
                       'updated_at', i.updated_at, 'email', i.email) order by i.created_at)
                   from auth.identities i where i.user_id = u.id), '[]'))
    from auth.users u
"""
_INSERT = """
    insert into auth.users (
        id, aud, role, email, phone, encrypted_password, email_confirmed_at, phone_confirmed_at,
        raw_app_meta_data, raw_user_meta_data
    ) values (
        %(id)s, 'authenticated', %(role)s, lower(%(email)s), %(phone)s,
        extensions.crypt(%(password)s, extensions.gen_salt('bf', 10)),
        case when %(email_confirm)s then now() end, case when %(phone_confirm)s then now() end,
        %(app)s, %(user)s
    )
"""
_UPDATE = """
    update auth.users set
        email = coalesce(lower(%(email)s), email),
        phone = coalesce(%(phone)s, phone),
        role = coalesce(%(role)s, role),
        encrypted_password = coalesce(
            extensions.crypt(%(password)s, extensions.gen_salt('bf', 10)), encrypted_password),
        email_confirmed_at = case when %(email_confirm)s then coalesce(email_confirmed_at, now())
                                  else email_confirmed_at end,
        phone_confirmed_at = case when %(phone_confirm)s then coalesce(phone_confirmed_at, now())
                                  else phone_confirmed_at end,
        banned_until = case when %(ban)s::text is null then banned_until
                            when %(ban)s::text = 'none' then null
                            else now() + %(ban)s::text::interval end,
        raw_app_meta_data = coalesce(raw_app_meta_data, '{}') || coalesce(%(app)s, '{}'),
        raw_user_meta_data = coalesce(raw_user_meta_data, '{}') || coalesce(%(user)s, '{}'),
        updated_at = now()
    where id = %(id)s
"""


class RefusedError(Exception):
    """A request that is answered with an error of GoTrue's form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.response = JSONResponse(
            {"code": status, "error_code": code, "msg": message}, status_code=status
        )


class _UnknownKeyError(RefusedError):
    """Refused before Auth is asked, in the words of a hosted project's gateway."""

    def __init__(self, key: str | None) -> None:
        message = "Invalid API key" if key else "No API key found in request"
        hint = "Pass the publishable or the secret key in the `apikey` header."
        super().__init__(401, "no_api_key", message)
        self.response = JSONResponse({"message": message, "hint": hint}, status_code=401)


@dataclass(frozen=True, slots=True)
class AdminUsers:
    """Manages users over a connection of `supabase_auth_admin`."""

    dsn: str
    jwt_secret: str
    secret_key: str
    known_keys: frozenset[str]

    def routes(self) -> list[Route]:
        """The routes, with their full paths."""
        return [
            Route(_PREFIX, self.collection, methods=["GET", "POST"]),
            Route(_PREFIX + "/{user_id}", self.item, methods=["GET", "PUT", "DELETE"]),
        ]

    async def collection(self, request: Request) -> Response:
        """List users, or create one."""
        try:
            self._admit(request)
            async with await psycopg.AsyncConnection.connect(self.dsn) as conn:
                if request.method == "POST":
                    return JSONResponse(await self._create(conn, await _body(request)))
                return await self._list(conn, request)
        except RefusedError as refused:
            return refused.response

    async def item(self, request: Request) -> Response:
        """Show, change or delete one user."""
        try:
            self._admit(request)
            user_id = _uuid(request.path_params["user_id"])
            async with await psycopg.AsyncConnection.connect(self.dsn) as conn:
                if request.method == "PUT":
                    await self._update(conn, user_id, await _body(request))
                found = await self._show(conn, user_id)
                if request.method == "DELETE":
                    await self._delete(conn, user_id)
                    return JSONResponse({})
                return JSONResponse(found)
        except RefusedError as refused:
            return refused.response

    def _admit(self, request: Request) -> None:
        key = request.headers.get("apikey") or request.query_params.get("apikey")
        if key not in self.known_keys:
            raise _UnknownKeyError(key)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        offered = bearer if bearer else request.headers.get("apikey", "")
        if self.secret_key in (offered, request.headers.get("apikey")):
            return
        try:
            claims = jwt.decode(
                offered, self.jwt_secret, algorithms=["HS256"], options={"verify_aud": False}
            )
        except jwt.PyJWTError as exc:
            raise RefusedError(401, "no_authorization", f"invalid JWT: {exc}") from exc
        if claims.get("role") != "service_role":
            raise RefusedError(403, "not_admin", "User not allowed")

    async def _create(
        self, conn: psycopg.AsyncConnection[Any], wanted: dict[str, Any]
    ) -> dict[str, Any]:
        email, phone = wanted.get("email") or None, wanted.get("phone") or None
        if email is None and phone is None:
            raise RefusedError(
                400, "validation_failed", "Cannot create a user without either an email or phone"
            )
        user_id = _uuid(wanted["id"]) if wanted.get("id") else uuid.uuid4()
        provider = "email" if email else "phone"
        app = {"provider": provider, "providers": [provider], **(wanted.get("app_metadata") or {})}
        confirmed = bool(wanted.get("email_confirm"))
        values = _values(wanted) | {
            "id": user_id,
            "role": wanted.get("role") or "authenticated",
            "app": Jsonb(app),
            "user": Jsonb({"email_verified": True, **(wanted.get("user_metadata") or {})}),
        }
        identity = {"sub": str(user_id), "email": email and email.lower(), "phone": phone}
        shown = {key: value for key, value in identity.items() if value is not None}
        shown |= {"email_verified": confirmed, "phone_verified": False}
        try:
            await conn.execute(_INSERT, values)
            await conn.execute(
                "insert into auth.identities (id, provider, provider_id, user_id, identity_data)"
                " values (gen_random_uuid(), %s, %s, %s, %s)",
                [provider, str(user_id), user_id, Jsonb(shown)],
            )
        except errors.UniqueViolation as exc:
            raise RefusedError(
                422, f"{provider}_exists",
                f"A user with this {provider} address has already been registered",
            ) from exc  # fmt: skip
        except psycopg.Error as exc:
            raise RefusedError(
                500, "unexpected_failure", f"Database error creating new user: {exc}"
            ) from exc
        return await self._show(conn, user_id)

    async def _list(self, conn: psycopg.AsyncConnection[Any], request: Request) -> Response:
        page = max(1, _number(request.query_params.get("page"), 1))
        size = min(1000, max(1, _number(request.query_params.get("per_page"), 50)))
        cursor = await conn.execute(
            _USER + " order by u.created_at desc, u.id limit %s offset %s",
            [size, (page - 1) * size],
        )
        users = [row[0] for row in await cursor.fetchall()]
        total = await (await conn.execute("select count(*) from auth.users")).fetchone()
        headers = {"x-total-count": str(total[0] if total else 0)}
        return JSONResponse({"users": users, "aud": "authenticated"}, headers=headers)

    async def _show(self, conn: psycopg.AsyncConnection[Any], user_id: uuid.UUID) -> dict[str, Any]:
        row = await (await conn.execute(_USER + " where u.id = %s", [user_id])).fetchone()
        if row is None:
            raise RefusedError(404, "user_not_found", "User not found")
        user: dict[str, Any] = row[0]
        return user

    async def _update(
        self, conn: psycopg.AsyncConnection[Any], user_id: uuid.UUID, wanted: dict[str, Any]
    ) -> None:
        values = _values(wanted) | {
            "id": user_id,
            "role": wanted.get("role"),
            "ban": wanted.get("ban_duration"),
            "app": Jsonb(wanted.get("app_metadata") or {}),
            "user": Jsonb(wanted.get("user_metadata") or {}),
        }
        try:
            await conn.execute(_UPDATE, values)
        except errors.UniqueViolation as exc:
            raise RefusedError(422, "email_exists", "This address is already registered") from exc
        except psycopg.DataError as exc:
            raise RefusedError(400, "validation_failed", str(exc)) from exc

    async def _delete(self, conn: psycopg.AsyncConnection[Any], user_id: uuid.UUID) -> None:
        try:
            await conn.execute("delete from auth.users where id = %s", [user_id])
        except psycopg.Error as exc:
            raise RefusedError(
                500, "unexpected_failure", f"Database error deleting user: {exc}"
            ) from exc


def _values(wanted: dict[str, Any]) -> dict[str, Any]:
    return {
        "email": wanted.get("email") or None,
        "phone": wanted.get("phone") or None,
        "password": wanted.get("password") or None,
        "email_confirm": bool(wanted.get("email_confirm")),
        "phone_confirm": bool(wanted.get("phone_confirm")),
    }


async def _body(request: Request) -> dict[str, Any]:
    try:
        content = json.loads(await request.body())
    except ValueError as exc:
        raise RefusedError(400, "bad_json", f"Could not parse request body as JSON: {exc}") from exc
    if not isinstance(content, dict):
        raise RefusedError(400, "bad_json", "The request body must be a JSON object")
    return content


def _uuid(text: object) -> uuid.UUID:
    try:
        return uuid.UUID(str(text))
    except ValueError as exc:
        raise RefusedError(404, "validation_failed", "user_id must be an UUID") from exc


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdigit() else otherwise
