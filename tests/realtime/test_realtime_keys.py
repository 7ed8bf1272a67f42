"""Tokens signed with keys of a JWKS: the one their `kid` names, and no other."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from realtime_harness import SECRET, settings, token

from vigil_cli.local.realtime.auth import Keyring, TokenRefusedError

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
SHARED = "a shared secret of thirty-two bytes and more"


def public(algorithm: Any, key: Any, kid: str) -> dict[str, Any]:
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid}


JWKS = {
    "keys": [
        public(jwt.algorithms.RSAAlgorithm, RSA, "r"),
        public(jwt.algorithms.ECAlgorithm, EC, "e"),
        public(jwt.algorithms.OKPAlgorithm, ED, "d"),
        {"kty": "oct", "kid": "o", "alg": "HS256", "k": base64.urlsafe_b64encode(SHARED.encode()).decode().rstrip("=")},
        {"kty": "unheard of", "kid": "x"},
        "no key at all",
    ]
}  # fmt: skip


def signed(key: Any, algorithm: str, kid: str | None) -> str:
    claims = {"role": "authenticated", "exp": time.time() + 60, "sub": "somebody"}
    return jwt.encode(claims, key, algorithm, headers={"kid": kid} if kid else None)


def keyring(jwks: dict[str, Any] | None = JWKS) -> Keyring:
    return Keyring(settings("", jwks=jwks))


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [(RSA, "RS256", "r"), (EC, "ES256", "e"), (ED, "EdDSA", "d"), (SHARED, "HS256", "o"),
     (SECRET, "HS256", "unknown"), (SECRET, "HS256", "r"), (SECRET, "HS256", None)],
)  # fmt: skip
def test_the_key_named_by_kid_admits(key: Any, algorithm: str, kid: str | None) -> None:
    """And a symmetric token without a key of its own is checked with the stack's secret."""
    assert keyring().verify(signed(key, algorithm, kid)).sub == "somebody"


@pytest.mark.parametrize(
    ("key", "algorithm", "kid", "code"),
    [
        (RSA, "RS256", "e", "JwtSignerError"),
        (RSA, "RS256", None, "JwtSignerError"),
        (RSA, "RS256", "unknown", "JwtSignerError"),
        (RSA, "RS256", "x", "JwtSignerError"),
        (rsa.generate_private_key(65537, 2048), "RS256", "r", "JwtSignatureError"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384", "e", "MalformedJWT"),
        (SECRET, "HS256", "o", "JwtSignatureError"),
    ],
)
def test_another_key_does_not(key: Any, algorithm: str, kid: str | None, code: str) -> None:
    """Nor does a key of another type, or none."""
    with pytest.raises(TokenRefusedError) as refused:
        keyring().verify(signed(key, algorithm, kid))
    assert refused.value.code == code


def test_a_public_key_is_no_secret() -> None:
    """A token signed with the modulus of a public key as an HMAC secret is refused."""
    text = json.loads(json.dumps(JWKS["keys"]))[0]["n"]
    with pytest.raises(TokenRefusedError, match="signature"):
        keyring().verify(signed(text, "HS256", "r"))


def test_without_a_jwks_an_asymmetric_token_is_refused_by_name() -> None:
    """In the server's own words, which say where to look."""
    with pytest.raises(TokenRefusedError, match="check your JWT secret or JWKS") as refused:
        keyring(None).verify(signed(RSA, "RS256", "r"))
    assert refused.value.code == "JwtSignerError"
    assert keyring(None).verify(token()).role == "authenticated"
