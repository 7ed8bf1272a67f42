"""Keys and tokens: what a client shows, turned into claims or one of the server's own refusals."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard
from urllib.parse import unquote

import jwt
import structlog

from vigil_cli.local.realtime.config import GatewayConfig
from vigil_cli.local.realtime.serializer import dumps

log = structlog.get_logger()

_LATEST = 1e15
_SYMMETRIC = frozenset({"HS256", "HS384", "HS512"})
# What a key of each type may sign, whatever a token says of itself.
_ASYMMETRIC = {
    "RSA": frozenset({"RS256", "RS384", "RS512"}),
    "EC": frozenset({"ES256", "ES384", "ES512"}),
    "OKP": frozenset({"EdDSA"}),
}
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
    """Turns API keys and tokens into access.

    HS tokens are checked with the `oct` key their `kid` names, else with the stack's secret; RS, ES
    and EdDSA tokens with the key their `kid` names, and never without one.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self._secret = config.jwt_secret
        self._known = _signers(config.jwks or {})
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
            key, algorithm = self._signer(jwt.get_unverified_header(token))
            claims = jwt.decode(token, key, algorithms=[algorithm], options=_OPTIONS)
        except jwt.InvalidSignatureError as exc:
            raise TokenRefusedError(
                "JwtSignatureError", "Failed to validate JWT signature"
            ) from exc
        except jwt.InvalidAlgorithmError as exc:
            raise TokenRefusedError(
                "JwtSignerError",
                "Failed to generate JWT signer, check your JWT secret or JWKS configuration",
            ) from exc
        except (jwt.PyJWTError, ValueError) as exc:
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

    def _signer(self, header: Mapping[str, Any]) -> tuple[Any, str]:
        algorithm, kid = str(header.get("alg")), header.get("kid")
        kind, key = self._known.get(kid, ("", None)) if isinstance(kid, str) else ("", None)
        if algorithm in _SYMMETRIC:
            return (key if kind == "oct" else self._secret), algorithm
        if algorithm in _ASYMMETRIC.get(kind, ()):
            return key, algorithm
        raise jwt.InvalidAlgorithmError(f"no key for {algorithm}")


def _signers(jwks: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """The usable keys of a JWKS by `kid`, with their types; those that cannot be read are none."""
    found: dict[str, tuple[str, Any]] = {}
    for entry in jwks.get("keys", ()):
        try:
            key = jwt.PyJWK.from_dict(entry)
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError) as exc:
            log.warning("realtime.key_unusable", reason=str(exc))
            continue
        if key.key_id:
            found[key.key_id] = (key.key_type or "", key.key)
    return found


def _is_number(value: object) -> TypeGuard[float]:
    """Whether it can be a time: neither a truth value nor beyond every clock."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LATEST
