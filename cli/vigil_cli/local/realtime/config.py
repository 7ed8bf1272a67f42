"""What the gateway is told: where the database is, which keys count, and the limits it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """One gateway's settings. `dsn` is the conninfo of the superuser supabase_admin."""

    dsn: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    publishable_key: str
    secret_key: str = field(repr=False)
    anon_jwt: str
    service_jwt: str = field(repr=False)
    jwks: dict[str, Any] | None = field(default=None, repr=False)
    poll_seconds: float = 0.1
    changes_publication: str = "supabase_realtime"
    messages_publication: str = "supabase_realtime_messages_publication"
    private_only: bool = False
    connect_error_seconds: float = 0.5
    join_error_seconds: float = 0.5
    resubscribe_seconds: float = 5.0
    reconnect_seconds: float = 0.5
    idle_seconds: float = 60.0
    token_check_seconds: float = 3600.0
    policy_timeout_ms: int = 3000
    max_frame_bytes: int = 5_000_000
    max_payload_bytes: int = 3_000_500
    max_record_bytes: int = 1_048_576
    max_channels: int = 100
    max_queued_bytes: int = 64_000_000
    presence_calls: int = 5
    presence_window_seconds: float = 30.0
