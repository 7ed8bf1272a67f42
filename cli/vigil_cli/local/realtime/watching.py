"""A channel's subscription to table changes: made, announced, and made again after a gap."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg
import structlog

from vigil_cli.local.realtime.bindings import BindingError, understand
from vigil_cli.local.realtime.subscriptions import NotSubscribableError, Subscription, prepare

if TYPE_CHECKING:
    from vigil_cli.local.realtime.channel import Channel

log = structlog.get_logger()


class WatchRefusedError(Exception):
    """A join that asked to wait for its subscription cannot have it."""


class TableWatch:
    """Says "Subscribed to PostgreSQL" only once every later commit will be delivered."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._ready: list[Subscription] | None = None
        self._task: asyncio.Task[None] | None = None

    async def wait_until_live(self, seconds: float) -> None:
        """Prepare the subscription before the join is answered; raises WatchRefusedError."""
        try:
            async with asyncio.timeout(seconds):
                self._ready = await self._prepare()
        except (BindingError, NotSubscribableError) as exc:
            raise WatchRefusedError(f"RealtimeDisabledForConfiguration: {exc}") from exc
        except (TimeoutError, psycopg.Error, OSError) as exc:
            raise WatchRefusedError(
                "PostgresChangesSubscribeTimeout: the subscription to table changes was not "
                "live in time"
            ) from exc

    def start(self) -> None:
        """Subscribe with the channel's present token; the former subscription holds until then."""
        self._cancel()
        self._channel.gateway.renewables.add(self)
        if self._ready is not None:
            ready, self._ready = self._ready, None
            self._go_live(ready)
        else:
            self._task = asyncio.get_running_loop().create_task(self._run())

    renew_subscription = start

    def stop(self) -> None:
        """Receive nothing more."""
        self._cancel()
        self._channel.gateway.renewables.discard(self)
        self._channel.gateway.registry.remove(self._channel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                self._go_live(await self._prepare())
            except (BindingError, NotSubscribableError) as exc:
                self._task = None
                self.stop()
                self._channel.system("postgres_changes", "error", str(exc))
            except (psycopg.Error, OSError) as exc:
                log.warning("realtime.subscribe_failed", reason=str(exc).strip())
                self._channel.system(
                    "postgres_changes", "error", "Unable to subscribe to changes; trying again"
                )
                await asyncio.sleep(self._channel.gateway.config.resubscribe_seconds)
                continue
            return

    async def _prepare(self) -> list[Subscription]:
        channel = self._channel
        wanted = [(binding.id, understand(binding.params)) for binding in channel.request.bindings]
        await channel.gateway.reader.live.wait()
        async with channel.gateway.database.connection() as conn:
            return await prepare(
                conn,
                channel.gateway.config.changes_publication,
                channel,
                wanted,
                channel.access,
            )

    def _go_live(self, subscriptions: list[Subscription]) -> None:
        self._channel.gateway.registry.replace(self._channel, subscriptions)
        self._channel.system("postgres_changes", "ok", "Subscribed to PostgreSQL")
