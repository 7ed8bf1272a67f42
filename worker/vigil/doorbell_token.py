"""The doorbell's token: given once, or minted short-lived from the project's HS256 secret."""

import math
from dataclasses import dataclass

import jwt

from vigil.errors import MisconfiguredError
from vigil.settings import Settings

ROLE = "vigil_doorbell"
LIFETIME = 3600.0
# Renewed this long before it ends, or after nine tenths of a shorter life.
MARGIN = 60.0


@dataclass(frozen=True, slots=True)
class DoorbellToken:
    """A token and the moment from which it must not be relied on."""

    jwt: str
    renew_at: float


def token_for(settings: Settings, now: float) -> DoorbellToken:
    """The static token when there is one, else a new one."""
    if settings.doorbell_token:
        return _static(settings.doorbell_token, now, private=bool(settings.doorbell_topic))
    claims = {
        "role": ROLE,
        "aud": "authenticated",
        "iss": "vigil-worker",
        "iat": int(now),
        "exp": int(now + LIFETIME),
    }
    minted = jwt.encode(claims, settings.jwt_secret, algorithm="HS256")
    return DoorbellToken(minted, now + LIFETIME - MARGIN)


def _static(token: str, now: float, *, private: bool) -> DoorbellToken:
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as exc:
        raise MisconfiguredError(
            "VIGIL_DOORBELL_TOKEN is not a JWT; docs/operations.md tells how to mint one"
        ) from exc
    # A private topic is admitted by a policy of the project's own, for a role it chose.
    if claims.get("role") != ROLE and not (private and claims.get("role") == "authenticated"):
        raise MisconfiguredError(
            f"VIGIL_DOORBELL_TOKEN must have the role {ROLE}"
            + (" or authenticated" if private else "")
        )
    expires = claims.get("exp")
    if expires is None:
        return DoorbellToken(token, math.inf)
    margin = min(MARGIN, max(float(expires) - float(claims.get("iat", now)), 0.0) / 10)
    return DoorbellToken(token, float(expires) - margin)
