"""What every channel says to its client, in the frames of its socket's version."""

from __future__ import annotations

from vigil_cli.local.realtime.broadcast import PREFIX
from vigil_cli.local.realtime.serializer import dumps, encode
from vigil_cli.local.realtime.session import Session


class Outlet:
    """The way to the client of one channel."""

    def __init__(self, session: Session, topic: str, join_ref: str | None) -> None:
        self.session = session
        self.topic = topic
        self.name = topic.removeprefix(PREFIX)
        self.join_ref = join_ref

    def push(self, event: str, payload_json: str, *, join_ref: bool = True) -> None:
        """Send an event of the channel; those to many members carry no join_ref."""
        ref = self.join_ref if join_ref else None
        frame = encode(self.session.version, self.topic, event, payload_json, join_ref=ref)
        self.session.send(frame)

    def reply(self, ref: str | None, status: str, response: object) -> None:
        """Answer the request with that ref."""
        payload = dumps({"status": status, "response": response})
        self.session.send(
            encode(
                self.session.version,
                self.topic,
                "phx_reply",
                payload,
                ref=ref,
                join_ref=self.join_ref,
            )
        )

    def system(self, extension: str, status: str, message: str) -> None:
        """Tell the client about the channel itself."""
        payload = {"extension": extension, "status": status, "message": message}
        self.push("system", dumps({**payload, "channel": self.name}))

    def push_closing(self, event: str) -> None:
        """`phx_close` or `phx_error`, whose ref is the join's."""
        self.session.send(
            encode(
                self.session.version,
                self.topic,
                event,
                "{}",
                ref=self.join_ref,
                join_ref=self.join_ref,
            )
        )
