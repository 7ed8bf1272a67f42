"""Keys and tokens: what a client shows, turned into claims or one of the server's own refusals."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard
from urllib.parse import unquote

import jwt

from vigil_cli.local.realtime.config import GatewayConfig
from vigil_cli.local.realtime.serializer import dumps

_LATEST = 1e15
_ALGORITHMS = ["HS256", "HS384", "HS512"]
_OPTIONS: Any = {
    "verify_aud": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_iss": False,
    "verify_jti": False,
    "verify_nbf": False,
    "verify_sub": False,
}


class TokenRefusedError(Exception):
    """The token gives no access. `code` names it in a join reply, the message elsewhere."""

    def __init__(self, code: str, message: str, *, connect_message: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.connect_message = connect_message or message


@dataclass(frozen=True, slots=True)
class Access:
    """A verified token: its claims, and the texts the database is shown."""

    token: str = field(repr=False)
    role: str
    sub: str
    expires_at: float
    claims_json: str = field(repr=False)


class Keyring:
    """Turns API keys and tokens into access; everything is signed with the stack's one secret."""

    def __init__(self, config: GatewayConfig) -> None:
        self._secret = config.jwt_secret
        self._keys = {
            config.publishable_key: config.anon_jwt,
            config.secret_key: config.service_jwt,
        }

    def resolve(self, presented: str) -> str:
        """The token behind an API key, as a hosted project's front would swap it."""
        cleaned = "".join(unquote(presented).split())
        return self._keys.get(cleaned, cleaned)

    def verify(self, presented: str) -> Access:
        """The access a key or token gives now; raises TokenRefusedError otherwise."""
        token = self.resolve(presented)
        claims = self._claims(token)
        role, exp, iat = claims.get("role"), claims.get("exp"), claims.get("iat", 0)
        if not isinstance(role, str) or not role or not _is_number(exp) or not _is_number(iat):
            raise TokenRefusedError(
                "InvalidJWTToken", "Fields `role` and `exp` are required in JWT"
            )
        late = time.time() - exp
        if late >= 0:
            raise TokenRefusedError(
                "InvalidJWTToken",
                f"Token has expired {int(late)} seconds ago",
                connect_message="Token has expired",
            )
        sub = claims.get("sub")
        return Access(token, role, sub if isinstance(sub, str) else "", exp, dumps(claims))

    def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            claims = jwt.decode(token, self._secret, algorithms=_ALGORITHMS, options=_OPTIONS)
        except jwt.InvalidSignatureError as exc:
            raise TokenRefusedError(
                "JwtSignatureError", "Failed to validate JWT signature"
            ) from exc
        except jwt.InvalidAlgorithmError as exc:
            raise TokenRefusedError(
                "JwtSignerError",
                "Failed to generate JWT signer, check your JWT secret or JWKS configuration",
            ) from exc
        except (jwt.InvalidTokenError, ValueError) as exc:
            raise TokenRefusedError(
                "MalformedJWT", "The token provided is not a valid JWT"
            ) from exc
        try:
            dumps(claims).encode()
        except ValueError as exc:
            raise TokenRefusedError(
                "MalformedJWT", "The token provided is not a valid JWT"
            ) from exc
        return claims


def _is_number(value: object) -> TypeGuard[float]:
    """Whether it can be a time: neither a truth value nor beyond every clock."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LATEST
