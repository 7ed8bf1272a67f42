"""The doorbell's token: minted short, or given and understood."""

import math

import jwt
import pytest

from vigil.doorbell_token import token_for
from vigil.errors import MisconfiguredError
from vigil.settings import Settings

SECRET = "a-secret-of-at-least-thirty-two-bytes-length"
BASE = Settings(database_url="postgresql://x/y", worker_name="w", jwt_secret=SECRET)


def static(**claims: object) -> Settings:
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    return Settings(database_url="x", worker_name="w", doorbell_token=token)


def test_a_minted_token_names_the_role_and_is_renewed_before_it_ends() -> None:
    token = token_for(BASE, now=1_000_000)
    claims = jwt.decode(
        token.jwt, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_aud": False}
    )
    assert claims["role"] == "vigil_doorbell"
    assert 1_000_000 < token.renew_at < claims["exp"]


def test_a_given_token_is_renewed_before_it_ends_or_never() -> None:
    assert token_for(static(role="vigil_doorbell"), now=0).renew_at == math.inf
    renew = token_for(static(role="vigil_doorbell", iat=100, exp=110), now=100).renew_at
    assert renew == pytest.approx(109)


@pytest.mark.parametrize("claims", [{"role": "service_role"}, {"role": "authenticated"}, {}])
def test_a_token_of_another_role_is_refused(claims: dict[str, object]) -> None:
    with pytest.raises(MisconfiguredError, match="vigil_doorbell"):
        token_for(static(**claims), now=0)


def test_what_is_no_token_is_refused_without_being_quoted() -> None:
    settings = Settings(database_url="x", worker_name="w", doorbell_token="not.a.token")
    with pytest.raises(MisconfiguredError, match="VIGIL_DOORBELL_TOKEN") as caught:
        token_for(settings, now=0)
    assert "not.a.token" not in str(caught.value)
