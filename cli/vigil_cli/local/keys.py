"""The secrets of one stack: made once, kept in a file that only its owner may read."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import jwt

from vigil_cli.local.errors import LocalStackError

_TEN_YEARS = 10 * 365 * 24 * 3600


@dataclass(frozen=True, slots=True, repr=False)
class StackKeys:
    """Every secret a client, the worker or a service of the stack needs."""

    jwt_secret: str
    anon_key: str
    service_role_key: str
    publishable_key: str
    secret_key: str
    worker_password: str
    doorbell_token: str

    @classmethod
    def generate(cls, now: float | None = None) -> StackKeys:
        """New ones, each good for ten years."""
        issued = int(time.time() if now is None else now)
        secret = secrets.token_urlsafe(40)
        return cls(
            jwt_secret=secret,
            anon_key=sign(secret, role="anon", issued=issued),
            service_role_key=sign(secret, role="service_role", issued=issued),
            publishable_key=_opaque("publishable"),
            secret_key=_opaque("secret"),
            worker_password=secrets.token_hex(16),
            doorbell_token=sign(secret, role="vigil_doorbell", issued=issued),
        )

    @classmethod
    def load_or_make(cls, file: Path) -> StackKeys:
        """Those in the file; written there first when it does not exist."""
        if not file.exists():
            write_private(file, asdict(cls.generate()))
        try:
            stored = json.loads(file.read_text())
            return cls(**{field.name: str(stored[field.name]) for field in fields(cls)})
        except (ValueError, KeyError, TypeError) as exc:
            raise LocalStackError(
                f"{file} does not hold the keys of a stack (any more).",
                hint="vigil local reset   (throws the data away, makes new keys)",
            ) from exc

    @classmethod
    def discard_unreadable(cls, file: Path) -> None:
        """Delete the file when there are no keys in it, so that new ones are made."""
        try:
            cls.load_or_make(file)
        except LocalStackError:
            file.unlink()


def sign(secret: str, *, role: str, issued: int) -> str:
    """A long-lived token for a role, as the API keys of older projects are."""
    claims = {"iss": "supabase", "role": role, "iat": issued, "exp": issued + _TEN_YEARS}
    return jwt.encode(claims, secret, algorithm="HS256")


def write_private(file: Path, content: object) -> None:
    """Replace a file by JSON that only its owner may read; never half-written."""
    scratch = file.with_name(f"{file.name}.{os.getpid()}.new")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        json.dump(content, out, indent=2)
    scratch.replace(file)


def _opaque(kind: str) -> str:
    body = f"sb_{kind}_{secrets.token_urlsafe(17)[:22]}"
    digest = hashlib.sha256(f"local|{body}".encode()).digest()
    return f"{body}_{base64.urlsafe_b64encode(digest).decode()[:8]}"
