"""One joined channel of one socket: what it may do, and what its client is sent."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Coroutine, Sequence

import structlog

from vigil_cli.local.realtime.auth import Access, TokenRefusedError
from vigil_cli.local.realtime.authorization import (
    DatabaseUnavailableError,
    MissingPartitionError,
    ReadRights,
)
from vigil_cli.local.realtime.broadcast import Broadcast
from vigil_cli.local.realtime.gateway import Gateway
from vigil_cli.local.realtime.join import JoinRequest, ReplayError, parse_join
from vigil_cli.local.realtime.outlet import Outlet
from vigil_cli.local.realtime.presence import CallLimit
from vigil_cli.local.realtime.pushes import handle_broadcast, handle_presence
from vigil_cli.local.realtime.replaying import Replaying
from vigil_cli.local.realtime.serializer import Inbound, UserBroadcast, dumps
from vigil_cli.local.realtime.session import Session
from vigil_cli.local.realtime.watching import TableWatch, WatchRefusedError

log = structlog.get_logger()

_REPLICATION_SECONDS = 15.0


class JoinRefusedError(Exception):
    """The channel cannot be joined; the text is the reason a client is given."""


class ChannelClosedError(Exception):
    """The channel ends; the text is told in a system message first."""


class Channel(Outlet):
    """A channel from its join to its close. All calls come from the socket's event loop."""

    def __init__(self, gateway: Gateway, session: Session, topic: str, join_ref: str | None):
        super().__init__(session, topic, join_ref)
        self.gateway = gateway
        self.request = JoinRequest()
        self.access: Access
        self.rights = ReadRights(broadcast=True, presence=True)
        self.write_rights: dict[str, bool] = {}
        self.presence_key = ""
        self.presence_on = False
        self.presence_calls = CallLimit(
            gateway.config.presence_calls, gateway.config.presence_window_seconds
        )
        self.joined = False
        self.closed = False
        self._watch = TableWatch(self)
        self._tasks: set[asyncio.Task[None]] = set()
        self._expiry: asyncio.TimerHandle | None = None
        self._replay = Replaying(self)

    @property
    def room(self) -> tuple[bool, str]:
        """The world this channel lives in."""
        return (self.request.private, self.name)

    # Joining ------------------------------------------------------------------------------------

    async def authorize(self, payload: object) -> None:
        """Read the join and check its token and policies; raises JoinRefusedError."""
        if not self.name:
            raise JoinRefusedError("TopicNameRequired: You must provide a topic name")
        self.request = parse_join(self.name, payload)
        presented = self.request.token
        if not presented or presented.startswith("sb_"):
            presented = self.session.api_token
        try:
            self.access = self.gateway.keyring.verify(presented)
            self.request.replayed()
        except TokenRefusedError as exc:
            raise JoinRefusedError(f"{exc.code}: {exc.message}") from exc
        except ReplayError as exc:
            raise JoinRefusedError(f"UnableToReplayMessages: {exc}") from exc
        self.presence_on = self.request.presence
        self.presence_key = self.request.presence_key or str(uuid.uuid4())
        if self.request.private:
            await self._authorize_private()
        elif self.gateway.config.private_only:
            raise JoinRefusedError("PrivateOnly: This project only allows private channels")
        if self.request.wait_seconds is not None and self.request.bindings:
            try:
                await self._watch.wait_until_live(self.request.wait_seconds)
            except WatchRefusedError as exc:
                raise JoinRefusedError(str(exc)) from exc

    async def _authorize_private(self) -> None:
        try:
            self.rights = await self.read_rights(self.access)
        except MissingPartitionError as exc:
            raise JoinRefusedError(
                "MissingPartition: realtime.messages has no partition for today"
            ) from exc
        except DatabaseUnavailableError as exc:
            raise JoinRefusedError(
                "UnableToConnectToProject: Realtime was unable to connect to the project database"
            ) from exc
        if not self.rights.any:
            raise JoinRefusedError(
                "Unauthorized: You do not have permissions to read from this Channel topic: "
                + self.name
            )

    async def read_rights(self, access: Access) -> ReadRights:
        """What the policies let that token receive here."""
        return await self.gateway.authorizer.read_rights(
            access, self.name, self.session.headers_json, presence=self.presence_on
        )

    def start(self) -> None:
        """Become a member: from here on the client is sent what it may see."""
        self.joined = True
        replay = self.request.replayed()
        if replay is not None:
            self._replay.hold()
        self.gateway.hub.add(self, self.name, private=self.request.private)
        if self.presence_on:
            self.watch_presence()
        self._schedule_expiry()
        if replay is not None:
            self.background(self._replay.run(replay))
        if self.request.replication_ready:
            self.background(self._announce_replication())
        if self.request.bindings:
            self._watch.start()

    def watch_presence(self) -> None:
        """Send the state now, and differences from now on."""
        self.gateway.presences.watch(self.room, self)
        if self.rights.presence:
            self.push("presence_state", self.gateway.presences.state_json(self.room))

    # Sending ------------------------------------------------------------------------------------

    def receive_broadcast(self, message: Broadcast) -> None:
        """Send the message to the client if it may read broadcasts."""
        frame = message.frame(self.session.version)
        if self.rights.broadcast and frame is not None and not self._replay.keeps(message):
            self.session.send(frame)

    def receive_presence_diff(self, diff_json: str) -> None:
        """Send the difference to the client if it may see presence."""
        if self.rights.presence:
            self.push("presence_diff", diff_json, join_ref=False)

    def push_change(self, ids: Sequence[int], kind: str, data_json: str) -> None:
        """Send one table change to the client."""
        if self.closed:  # it left while the database was being asked
            return
        if self.request.legacy:
            self.push(kind, data_json, join_ref=False)
        else:
            payload = f'{{"ids":{dumps(list(ids))},"data":{data_json}}}'
            self.push("postgres_changes", payload, join_ref=False)

    # Requests -----------------------------------------------------------------------------------

    async def handle(self, message: Inbound) -> None:
        """Act on a push; raises ChannelClosedError when the channel must end."""
        if message.event == "broadcast":
            await handle_broadcast(self, message)
        elif message.event == "presence" and not isinstance(message.payload, UserBroadcast):
            failure = await handle_presence(self, message)
            if failure:
                raise ChannelClosedError(failure)
        elif message.event == "access_token":
            await self._refresh(message.payload)

    async def may_write(self, extension: str) -> bool:
        """Whether policies let the client send; asked once for each token."""
        if not self.request.private:
            return True
        if extension not in self.write_rights:
            try:
                self.write_rights[extension] = await self.gateway.authorizer.may_write(
                    self.access, self.name, self.session.headers_json, extension=extension
                )
            except DatabaseUnavailableError as exc:
                log.warning("realtime.write_undecided", topic=self.name, reason=repr(exc))
                return False
        return self.write_rights[extension]

    async def switch_presence_on(self) -> None:
        """Presence wanted only after the join: learn the right to see it, then watch."""
        self.presence_on = True
        if self.request.private:
            try:
                self.rights = await self.read_rights(self.access)
            except (MissingPartitionError, DatabaseUnavailableError) as exc:
                log.warning("realtime.presence_unauthorized", topic=self.name, reason=repr(exc))
        self.watch_presence()

    async def _refresh(self, payload: object) -> None:
        token = payload.get("access_token") if isinstance(payload, dict) else None
        if not isinstance(token, str) or token.startswith("sb_") or token == self.access.token:
            return
        try:
            access = self.gateway.keyring.verify(token)
        except TokenRefusedError as exc:
            raise ChannelClosedError(exc.message) from exc
        if access.token == self.access.token:
            return
        self.write_rights.clear()
        if self.request.private:
            try:
                self.rights = await self.read_rights(access)
            except (MissingPartitionError, DatabaseUnavailableError) as exc:
                log.warning("realtime.refresh_unauthorized", topic=self.name, reason=repr(exc))
                self.rights = ReadRights(broadcast=False, presence=False)
            if not self.rights.any:
                raise ChannelClosedError(
                    f"You no longer have permission to read from this Channel topic: {self.name}"
                )
        self.access = access
        self._schedule_expiry()
        if self.request.bindings:
            self._watch.start()

    # Ending -------------------------------------------------------------------------------------

    def shutdown(self) -> None:
        """Leave everywhere at once; nothing more is sent. Twice is harmless."""
        self.closed = True
        self.joined = False
        if self._expiry is not None:
            self._expiry.cancel()
        for task in self._tasks:
            task.cancel()
        self._watch.stop()
        self.gateway.hub.remove(self, self.name, private=self.request.private)
        self.gateway.presences.leave(self.room, self)

    def close(self, reason: str | None = None) -> None:
        """End the channel in the client's sight, after saying why."""
        if self.closed:
            return
        self.shutdown()
        if reason is not None:
            self.system("system", "error", reason)
        self.push_closing("phx_close")

    def _schedule_expiry(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        delay = min(self.gateway.config.token_check_seconds, self.access.expires_at - time.time())
        loop = asyncio.get_running_loop()
        self._expiry = loop.call_later(max(delay, 0.0) + 0.01, self._check_token)

    def _check_token(self) -> None:
        try:
            self.gateway.keyring.verify(self.access.token)
        except TokenRefusedError as exc:
            self.close(exc.message)
        else:
            self._schedule_expiry()

    # Work beside the requests -------------------------------------------------------------------

    async def _announce_replication(self) -> None:
        try:
            async with asyncio.timeout(_REPLICATION_SECONDS):
                await self.gateway.reader.live.wait()
        except TimeoutError:
            self.close("Replication connection was not established in time")
        else:
            self.system("system", "ok", "Replication connection established")

    def background(self, work: Coroutine[None, None, None]) -> None:
        """Run beside the requests, at most as long as the channel lives."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
