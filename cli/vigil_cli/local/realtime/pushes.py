"""What a client may push on a joined channel: broadcasts and presence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vigil_cli.local.realtime.broadcast import Broadcast
from vigil_cli.local.realtime.serializer import Inbound, UserBroadcast, dumps

if TYPE_CHECKING:
    from vigil_cli.local.realtime.channel import Channel


async def handle_broadcast(channel: Channel, message: Inbound) -> None:
    """Fan out and acknowledge; without the right to send there is only silence."""
    payload, ack = message.payload, channel.request.ack
    if isinstance(payload, UserBroadcast):
        size = len(payload.payload)
        outgoing = Broadcast(channel.name, user=payload)
    elif not isinstance(payload, dict):
        return
    else:
        text = dumps(payload)
        size = len(text)
        outgoing = Broadcast(channel.name, text=text)
    if not await channel.may_write("broadcast"):
        return
    if size > channel.gateway.config.max_payload_bytes:
        if ack:
            channel.reply(message.ref, "error", "payload_size_exceeded")
        return
    channel.gateway.hub.send(
        outgoing,
        private=channel.request.private,
        but=None if channel.request.to_self else channel,
    )
    if ack:
        channel.reply(message.ref, "ok", {})


async def handle_presence(channel: Channel, message: Inbound) -> str | None:
    """Track or untrack; the answer is a reason to end the channel, if there is one."""
    body = message.payload if isinstance(message.payload, dict) else {}
    event = body.get("event")
    action = event.lower() if isinstance(event, str) else ""
    if channel.presence_calls.exceeded():
        return "Client presence rate limit exceeded"
    presences = channel.gateway.presences
    if action == "untrack":
        presences.untrack(channel.room, channel)
        channel.reply(message.ref, "ok", {})
        return None
    meta = body.get("payload", {})
    if action == "track" and not isinstance(meta, dict):
        reason = "Presence track payload must be a map"
        channel.reply(message.ref, "error", {"reason": reason})
        return None
    if action != "track" or not await channel.may_write("presence"):
        channel.reply(message.ref, "error", {})
        return None
    if len(dumps(meta)) > channel.gateway.config.max_payload_bytes:
        return "Track message size exceeded"
    if not channel.presence_on:
        await channel.switch_presence_on()
    presences.track(channel.room, channel, channel.presence_key, meta)
    channel.reply(message.ref, "ok", {})
    return None
