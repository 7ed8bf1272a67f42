"""The payload of `phx_join`, read the way the server does: unknown keys are ignored, and an
invalid part is left out without spoiling the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeGuard

from vigil_cli.local.realtime.bindings import Binding, number

_DEFAULT_WAIT_MS = 15_000
_MAX_WAIT_MS = 20_000
_MAX_REPLAYED = 25
_MAX_SINCE = 10**14


class ReplayError(ValueError):
    """The replay parameters cannot be used."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Messages to repeat on joining: at most `limit`, stored since that many ms of the epoch."""

    since: int
    limit: int


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a client wants of a channel."""

    private: bool = False
    ack: bool = False
    to_self: bool = False
    replication_ready: bool = False
    replay: dict[str, Any] | None = None
    presence: bool = False
    presence_key: str = ""
    bindings: tuple[Binding, ...] = ()
    wait_seconds: float | None = None
    token: str = field(default="", repr=False)
    legacy: bool = False

    def replayed(self) -> Replay | None:
        """The replay asked for; raises ReplayError when it is out of bounds."""
        if self.replay is None:
            return None
        if not self.private:
            raise ReplayError("Replay is not allowed for public channels")
        since, limit = self.replay.get("since"), self.replay.get("limit", _MAX_REPLAYED)
        if not _is_int(since) or not _is_int(limit):
            raise ReplayError("Replay params are not valid")
        if not 1 <= limit <= _MAX_REPLAYED or abs(since) > _MAX_SINCE:
            raise ReplayError("Replay params are not valid")
        return Replay(since, limit)


def parse_join(topic: str, payload: object) -> JoinRequest:
    """Everything in the payload that can be understood."""
    body = _dict(payload)
    token = body.get("access_token") or body.get("user_token")
    token = token if isinstance(token, str) else ""
    if "config" not in body:
        return JoinRequest(bindings=_legacy_bindings(topic), token=token, legacy=True)
    config = _dict(body.get("config"))
    broadcast, presence = _dict(config.get("broadcast")), _dict(config.get("presence"))
    entries = config.get("postgres_changes")
    key = presence.get("key")
    replay = broadcast.get("replay")
    return JoinRequest(
        private=_flag(config.get("private")),
        ack=_flag(broadcast.get("ack")),
        to_self=_flag(broadcast.get("self")),
        replication_ready=_flag(broadcast.get("replication_ready")),
        replay=replay if isinstance(replay, dict) else None,
        presence=_flag(presence.get("enabled")),
        presence_key=key if isinstance(key, str) else "",
        bindings=number(entries if isinstance(entries, list) else []),
        wait_seconds=_wait(_dict(config.get("postgres_changes_options"))),
        token=token,
    )


def _legacy_bindings(topic: str) -> tuple[Binding, ...]:
    """A join without `config` names a table in its topic: schema, table and filter."""
    schema, _, rest = topic.partition(":")
    table, _, filter_text = rest.partition(":")
    params = {"event": "*", "schema": schema}
    if table:
        params["table"] = table
    if filter_text:
        params["filter"] = filter_text
    return number([params])


def _wait(options: dict[str, Any]) -> float | None:
    if not _flag(options.get("wait")):
        return None
    timeout = options.get("timeout")
    if not _is_int(timeout) or timeout <= 0:
        timeout = _DEFAULT_WAIT_MS
    return min(timeout, _MAX_WAIT_MS) / 1000


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _flag(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
