"""The REST endpoints of Realtime: a batch of broadcasts, and one whose body is the payload."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vigil_cli.local.realtime.auth import Access, TokenRefusedError
from vigil_cli.local.realtime.authorization import DatabaseUnavailableError
from vigil_cli.local.realtime.broadcast import Broadcast
from vigil_cli.local.realtime.gateway import Gateway
from vigil_cli.local.realtime.serializer import JSON, RAW, UserBroadcast, dumps

_MARK = b"/api/broadcast/"


def custom_headers(headers: Any) -> str:
    """The `x-` headers as policies see them in `request.headers`."""
    return dumps({k.lower(): v for k, v in headers.items() if k.lower().startswith("x-")})


@dataclass(frozen=True, slots=True)
class BroadcastApi:
    """Broadcasts without a socket. Private messages need the right to send."""

    gateway: Gateway

    async def batch(self, request: Request) -> Response:
        """Send every message; private ones without the right are skipped silently."""
        access = self._access(request)
        if access is None:
            return _unauthorized()
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError):
            return JSONResponse({"errors": {"messages": ["the body is not JSON"]}}, 422)
        messages = body.get("messages") if isinstance(body, dict) else None
        errors = _batch_errors(messages)
        if errors or not isinstance(messages, list):
            return JSONResponse({"errors": {"messages": errors}}, 422)
        allowed: dict[str, bool] = {}
        for message in messages:
            topic, private = message["topic"], bool(message.get("private", False))
            if private and topic not in allowed:
                allowed[topic] = await self._may_write(access, topic, request)
            if not private or allowed[topic]:
                text = dumps({"type": "broadcast", **_event(message)})
                self.gateway.hub.send(Broadcast(topic, text=text), private=private)
        return Response(status_code=202)

    async def single(self, request: Request) -> Response:
        """Send the body, JSON or raw bytes, to the topic and event of the path."""
        names = _path_names(request)
        if names is None:
            return JSONResponse({"message": "Not Found"}, 404)
        access = self._access(request)
        if access is None:
            return _unauthorized()
        topic, event = names
        body = await request.body()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        refusal = self._body_refusal(body, kind)
        if refusal is not None:
            return refusal
        private = request.query_params.get("private", "").lower() == "true"
        if private and not await self._may_write(access, topic, request):
            return JSONResponse({"message": "Forbidden"}, 403)
        user = UserBroadcast(event, body, JSON if kind == "application/json" else RAW)
        self.gateway.hub.send(Broadcast(topic, user=user), private=private)
        return Response(status_code=202)

    def _body_refusal(self, body: bytes, kind: str) -> Response | None:
        if len(body) > self.gateway.config.max_payload_bytes:
            return JSONResponse({"message": "Payload too large"}, 413)
        if kind not in ("application/json", "application/octet-stream"):
            return JSONResponse({"message": "Unsupported Media Type"}, 415)
        if kind == "application/json":
            try:
                json.loads(body.decode())
            except (ValueError, RecursionError):
                return JSONResponse({"message": "the body is not JSON"}, 422)
        return None

    def _access(self, request: Request) -> Access | None:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        token = bearer if scheme.lower() == "bearer" else ""
        try:
            return self.gateway.keyring.verify(token or request.headers.get("apikey", ""))
        except TokenRefusedError:
            return None

    async def _may_write(self, access: Access, topic: str, request: Request) -> bool:
        try:
            return await self.gateway.authorizer.may_write(
                access, topic, custom_headers(request.headers), extension="broadcast"
            )
        except DatabaseUnavailableError as exc:
            raise HTTPException(503, "The database does not answer: try again") from exc


def _unauthorized() -> Response:
    return JSONResponse({"message": "Unauthorized"}, 401)


def _event(message: dict[str, Any]) -> dict[str, Any]:
    return {"event": message["event"], "payload": message["payload"]}


def _batch_errors(messages: object) -> list[Any]:
    if not isinstance(messages, list) or not messages:
        return ["can't be blank"]
    errors = []
    for message in messages:
        fields = message if isinstance(message, dict) else {}
        missing = {
            name: ["can't be blank"]
            for name in ("topic", "event")
            if not isinstance(fields.get(name), str) or not fields[name]
        }
        if not isinstance(fields.get("payload"), dict):
            missing["payload"] = ["must be an object"]
        if missing:
            errors.append(missing)
    return errors


def _path_names(request: Request) -> tuple[str, str] | None:
    """Topic and event, taken from the undecoded path: either may hold an encoded slash."""
    raw = bytes(request.scope.get("raw_path") or request.url.path.encode())
    parts = raw.partition(b"?")[0].partition(_MARK)[2].split(b"/")
    if len(parts) != 3 or parts[1] != b"events" or not parts[0] or not parts[2]:
        return None
    try:
        return (
            unquote(parts[0].decode(), errors="strict"),
            unquote(parts[2].decode(), errors="strict"),
        )
    except UnicodeDecodeError:
        return None
