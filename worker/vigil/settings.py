"""The environment, read once into a frozen value; nothing else in the worker reads it."""

import difflib
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from vigil.errors import MisconfiguredError

PREFIX = "VIGIL_"


@dataclass(frozen=True, slots=True)
class KnownSetting:
    """One VIGIL_* name: who reads it, what for, and what holds when it is absent."""

    name: str
    reader: str
    purpose: str
    default: str = ""
    secret: bool = False


_KNOWN = (
    KnownSetting("VIGIL_DATABASE_URL", "worker", "Postgres, as vigil_worker; direct or session "
                 "pooling, because the clock leads by a session lock.", secret=True),
    KnownSetting("VIGIL_WORKER_NAME", "worker", "Name of this replica; must differ between "
                 "replicas.", "host name and process id"),
    KnownSetting("VIGIL_BATCH", "worker", "Jobs claimed at a time.", "200"),
    KnownSetting("VIGIL_LEASE_SECONDS", "worker", "How long a claim holds before another replica "
                 "may take the job.", "30"),
    KnownSetting("VIGIL_POLL_SECONDS", "worker", "Pause between looks at the queue without a "
                 "live doorbell.", "1"),
    KnownSetting("VIGIL_DOORBELL_POLL_SECONDS", "worker", "Pause between looks at the queue while "
                 "the doorbell is live.", "30"),
    KnownSetting("VIGIL_CLOCK_SECONDS", "worker", "Longest pause before the clock asks again what "
                 "is due next.", "1"),
    KnownSetting("VIGIL_TERMS_SECONDS", "worker", "Pause between looks at the version of the term "
                 "list.", "1"),
    KnownSetting("VIGIL_MESSAGE_MAX_CHARS", "worker", "Longer texts are flagged instead of "
                 "filtered.", "20000"),
    KnownSetting("VIGIL_MESSAGE_BUDGET_MS", "worker", "A text that takes longer is flagged.",
                 "250"),
    KnownSetting("VIGIL_PHONE_REGION", "worker", "Two-letter country whose national phone numbers "
                 "are found too; without it only +-numbers.", ""),
    KnownSetting("VIGIL_SUPABASE_URL", "worker", "Base URL of the project, for the doorbell."),
    KnownSetting("VIGIL_SUPABASE_KEY", "worker", "Publishable (or anon) key of the project.",
                 secret=True),
    KnownSetting("VIGIL_DOORBELL_TOKEN", "worker", "JWT with role vigil_doorbell. Without it and "
                 "VIGIL_JWT_SECRET the worker polls.", secret=True),
    KnownSetting("VIGIL_JWT_SECRET", "worker", "HS256 secret with which the worker mints short "
                 "doorbell tokens itself.", secret=True),
    KnownSetting("VIGIL_DOORBELL_TOPIC", "worker", "Private broadcast topic to listen on instead "
                 "of changes of public.messages: vigil:doorbell, once the owner ran "
                 "vigil.ring_privately(true)."),
    KnownSetting("VIGIL_DOORBELL_PROBE_SECONDS", "worker", "Pause between liveness probes of the "
                 "doorbell's socket.", "20"),
    KnownSetting("VIGIL_HEALTH_PORT", "worker", "Port on 127.0.0.1 for /healthz, /readyz and "
                 "/metrics; 0 is off.", "0"),
    KnownSetting("VIGIL_LOG_FORMAT", "worker", "json, pretty, or auto (pretty on a terminal).",
                 "auto"),
    KnownSetting("VIGIL_LOG_LEVEL", "worker", "debug, info, warning or error.", "info"),
    KnownSetting("VIGIL_SENTRY_DSN", "worker", "Report crashes to Sentry, when sentry_sdk is "
                 "installed.", secret=True),
    KnownSetting("VIGIL_PG_BIN", "local stack", "Directory of a system Postgres >= 15 to use "
                 "instead of the packaged one."),
    KnownSetting("VIGIL_NODE_MODULES", "tests", "An existing node_modules with supabase-js."),
    KnownSetting("VIGIL_DB_URL", "cli", "Owner's database URL for vigil db.", secret=True),
    KnownSetting("VIGIL_HOME", "cli", "Directory of the moderator's session.", "XDG config home"),
    KnownSetting("VIGIL_PASSWORD", "cli", "Password for vigil login.", secret=True),
)  # fmt: skip


def known_settings() -> tuple[KnownSetting, ...]:
    """Every VIGIL_* name of the project; docs/settings.md is generated from it."""
    return _KNOWN


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    names = {known.name for known in _KNOWN}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in names:
            close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
            hint = f"did you mean {close[0]}?" if close else "see docs/settings.md"
            raise MisconfiguredError(f"unknown setting {name}; {hint}")


def _number(
    environ: Mapping[str, str], name: str, default: float, low: float, high: float
) -> float:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise MisconfiguredError(f"{name} must be a number from {low:g} to {high:g}, not {text!r}")
    return value


def _whole(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = _number(environ, name, default, low, high)
    if value != int(value):
        raise MisconfiguredError(f"{name} must be a whole number, not {environ[name].strip()!r}")
    return int(value)


def _one_of(environ: Mapping[str, str], name: str, *allowed: str) -> str:
    value = environ.get(name, "").strip() or allowed[0]
    if value not in allowed:
        raise MisconfiguredError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def _url(environ: Mapping[str, str], name: str, *schemes: str) -> str:
    value = environ.get(name, "").strip()
    if value and (urlsplit(value).scheme not in schemes or not urlsplit(value).netloc):
        raise MisconfiguredError(f"{name} must be a URL starting with {schemes[0]}://")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What this process was told. Secrets stay out of its repr."""

    database_url: str = field(repr=False)
    worker_name: str
    batch: int = 200
    lease_seconds: float = 30.0
    poll_seconds: float = 1.0
    doorbell_poll_seconds: float = 30.0
    clock_seconds: float = 1.0
    terms_seconds: float = 1.0
    message_max_chars: int = 20_000
    message_budget_ms: float = 250.0
    phone_region: str | None = None
    supabase_url: str = ""
    supabase_key: str = field(default="", repr=False)
    doorbell_token: str = field(default="", repr=False)
    jwt_secret: str = field(default="", repr=False)
    doorbell_topic: str = ""
    doorbell_probe_seconds: float = 20.0
    health_port: int = 0
    log_format: str = "auto"
    log_level: str = "info"
    sentry_dsn: str = field(default="", repr=False)

    @property
    def doorbell_configured(self) -> bool:
        """Whether everything a doorbell needs was given."""
        return bool(
            self.supabase_url and self.supabase_key and (self.doorbell_token or self.jwt_secret)
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read and check the whole environment; the first thing wrong is named."""
        env = os.environ if environ is None else environ
        _refuse_unknown(env)
        database_url = env.get("VIGIL_DATABASE_URL", "").strip()
        if not database_url:
            raise MisconfiguredError(
                "VIGIL_DATABASE_URL is not set; for a local stack try: vigil local env --shell"
            )
        if "://" in database_url:
            _url(env, "VIGIL_DATABASE_URL", "postgresql", "postgres")
        region = env.get("VIGIL_PHONE_REGION", "").strip().upper()
        if region and not re.fullmatch("[A-Z]{2}", region):
            raise MisconfiguredError(f"VIGIL_PHONE_REGION must be two letters, not {region!r}")
        name = env.get("VIGIL_WORKER_NAME", "").strip() or f"{socket.gethostname()}-{os.getpid()}"
        return cls(
            database_url=database_url,
            worker_name=name,
            batch=_whole(env, "VIGIL_BATCH", 200, 1, 10_000),
            lease_seconds=_number(env, "VIGIL_LEASE_SECONDS", 30, 0.1, 3600),
            poll_seconds=_number(env, "VIGIL_POLL_SECONDS", 1, 0.01, 3600),
            doorbell_poll_seconds=_number(env, "VIGIL_DOORBELL_POLL_SECONDS", 30, 0.01, 3600),
            clock_seconds=_number(env, "VIGIL_CLOCK_SECONDS", 1, 0.01, 60),
            terms_seconds=_number(env, "VIGIL_TERMS_SECONDS", 1, 0.01, 60),
            message_max_chars=_whole(env, "VIGIL_MESSAGE_MAX_CHARS", 20_000, 1, 10_000_000),
            message_budget_ms=_number(env, "VIGIL_MESSAGE_BUDGET_MS", 250, 0.01, 60_000),
            phone_region=region or None,
            supabase_url=_url(env, "VIGIL_SUPABASE_URL", "https", "http").rstrip("/"),
            supabase_key=env.get("VIGIL_SUPABASE_KEY", "").strip(),
            doorbell_token=env.get("VIGIL_DOORBELL_TOKEN", "").strip(),
            jwt_secret=env.get("VIGIL_JWT_SECRET", "").strip(),
            doorbell_topic=env.get("VIGIL_DOORBELL_TOPIC", "").strip(),
            doorbell_probe_seconds=_number(env, "VIGIL_DOORBELL_PROBE_SECONDS", 20, 0.05, 3600),
            health_port=_whole(env, "VIGIL_HEALTH_PORT", 0, 0, 65_535),
            log_format=_one_of(env, "VIGIL_LOG_FORMAT", "auto", "json", "pretty"),
            log_level=_one_of(env, "VIGIL_LOG_LEVEL", "info", "debug", "warning", "error"),
            sentry_dsn=env.get("VIGIL_SENTRY_DSN", "").strip(),
        )
