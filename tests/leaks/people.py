"""What shows of people rather than of a message: presence, typing, profiles, stays; in both directions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from tests.leaks.stage import Stage
from tests.leaks.world import VIEWERS, Subject, Viewer

SENDER = VIEWERS["sender"]


@dataclass(frozen=True, slots=True)
class Sight:
    """Whether a viewer gets to see something; `wanted` is the rule for it and `why` its reason."""

    name: str
    why: str
    wanted: Callable[[Viewer], bool]
    sees: Callable[[Stage, Viewer, Subject], bool]


def signed_in(v: Viewer) -> bool:
    return v.role == "authenticated"


def together(v: Viewer) -> bool:
    """In a conversation with the author now, and not kept out of everything."""
    return v.author or (v.stay in ("all", "since") and v.restriction != "block")


def between(v: Viewer) -> bool:
    """A block of one of the two lies between them."""
    return v.name in ("blocked by sender", "blocks sender")


def silent(v: Viewer) -> bool:
    return v.restriction in ("mute", "block", "shadow_ban")


def served(v: Viewer) -> bool:
    return v.role == "service_role"


def _finds(query: str) -> Callable[[Stage, Viewer, Subject], bool]:
    """A query with {sender}, {me} and {c} finds something; a refusal finds nothing."""

    def sees(stage: Stage, viewer: Viewer, subject: Subject) -> bool:
        with stage.scene():
            _appear(stage, SENDER, subject)
            answer = stage.ask(viewer, _named(stage, viewer, subject, query))
        return bool(not answer.sqlstate and json.loads(answer.rows))

    return sees


def _named(stage: Stage, viewer: Viewer, subject: Subject, query: str) -> str:
    names = {"sender": stage.world.people["sender"], "me": stage.world.id_of(viewer), "c": subject.conversation}  # fmt: skip
    for name, value in names.items():
        query = query.replace("{" + name + "}", f"'{value}'")
    return query


def _appear(stage: Stage, who: Viewer, subject: Subject) -> None:
    me = stage.world.id_of(who)
    stage.ask(who, f"select public.update_user_presence('{me}', 'busy', '{subject.conversation}')")


def _type(stage: Stage, who: Viewer, subject: Subject) -> None:
    stage.ask(who, f"select public.set_typing('{subject.conversation}')")


def _hears(
    act: Callable[[Stage, Viewer, Subject], None], *, of_viewer: bool
) -> Callable[[Stage, Viewer, Subject], bool]:
    """An act of one side arrives on the private topic of the other."""

    def sees(stage: Stage, viewer: Viewer, subject: Subject) -> bool:
        acting, hearing = (viewer, SENDER) if of_viewer else (SENDER, viewer)
        with stage.scene():
            act(stage, acting, subject)
            sent = stage.look(
                "select payload from realtime.messages where topic = %s and payload ->> 'user_id' = %s"
                " and event in ('typing', 'presence')",
                f"user:{stage.world.id_of(hearing)}", str(stage.world.id_of(acting)),
            )  # fmt: skip
        return sent.count > 0

    return sees


def _polled(stage: Stage, viewer: Viewer, subject: Subject) -> bool:
    """The author polls the viewer's presence."""
    with stage.scene():
        _appear(stage, viewer, subject)
        query = "select * from public.user_presence where user_id = '{}'"
        answer = stage.ask(SENDER, query.format(stage.world.id_of(viewer)))
    return answer.count > 0


def _listens(stage: Stage, viewer: Viewer, topic: str) -> bool:
    """What Realtime asks at a join: a probe row, under the viewer's role, with the topic set."""
    probe = uuid.uuid4()
    with stage.scene():
        stage.look(
            "insert into realtime.messages (id, topic, extension) values (%s, %s, 'broadcast') returning id",
            probe, topic,
        )  # fmt: skip
        stage.look("select set_config('realtime.topic', %s, true)", topic)
        answer = stage.ask(viewer, f"select id from realtime.messages where id = '{probe}'")
    return not answer.sqlstate and answer.count > 0


def _speaks(stage: Stage, viewer: Viewer, topic: str) -> bool:
    """What Realtime asks at the first broadcast of a client."""
    with stage.scene():
        stage.look("select set_config('realtime.topic', %s, true)", topic)
        answer = stage.ask(
            viewer, f"insert into realtime.messages (topic, extension) values ('{topic}', 'broadcast')"
        )  # fmt: skip
    return not answer.sqlstate


SIGHTS = (
    Sight("the conversation", "Those who are or were in it, unless a `block` binds them; staff are no members.",
          lambda v: served(v) or (v.stay is not None and v.restriction != "block"),
          _finds("select * from public.conversations where id = {c}")),
    Sight("who is in it", "The author's stay is seen by those in the conversation now.",
          lambda v: served(v) or together(v),
          _finds("select * from public.conversation_participants where conversation_id = {c} and user_id = {sender}")),
    Sight("the author's profile", "Oneself, and people one shares a conversation with now.",
          lambda v: served(v) or together(v),
          _finds("select * from public.profiles where id = {sender}")),
    Sight("the author's presence, polled", "People one shares a conversation with now, unless a block lies between the two.",
          lambda v: served(v) or (together(v) and not between(v)),
          _finds("select * from public.user_presence where user_id = {sender} and status = 'busy'")),
    Sight("the author's presence, live", "The same people, and oneself not.",
          lambda v: together(v) and not v.author and not between(v), _hears(_appear, of_viewer=False)),
    Sight("the author typing, live", "The same people.",
          lambda v: together(v) and not v.author and not between(v), _hears(_type, of_viewer=False)),
    Sight("is seen by the author: presence, polled", "A `mute`, a `block` and a shadow ban silence a member; so does a block between the two.",
          lambda v: together(v) and not between(v) and not silent(v), _polled),
    Sight("is seen by the author: presence, live", "The same.",
          lambda v: together(v) and not v.author and not between(v) and not silent(v), _hears(_appear, of_viewer=True)),
    Sight("is seen by the author: typing, live", "The same.",
          lambda v: together(v) and not v.author and not between(v) and not silent(v), _hears(_type, of_viewer=True)),
    Sight("the author's preferences", "Their own.",
          lambda v: served(v) or v.author, lambda s, v, m: _kept(s, v, "messaging_preferences", "user_id")),
    Sight("the author's blocks", "Whoever made them; the other side never.",
          lambda v: served(v) or v.author, _finds("select * from public.user_blocks where blocker_id = {sender}")),
    Sight("the author's restrictions", "Their own, and a shadow ban in no table at all.",
          lambda v: False, _finds("select * from public.user_restrictions where user_id = {sender}")),
    Sight("the author's notices", "Their own.",
          lambda v: served(v) or v.author, _finds("select * from public.notices where user_id = {sender}")),
    Sight("joins the author's private topic", "Nobody but oneself, and the secret key.",
          lambda v: served(v) or v.author, lambda s, v, m: _listens(s, v, f"user:{s.world.people['sender']}")),
    Sight("joins their own private topic", "Every member, and the secret key.",
          lambda v: served(v) or signed_in(v), lambda s, v, m: _listens(s, v, f"user:{s.world.id_of(v)}")),
    Sight("broadcasts on a private topic", "No client: what is broadcast is made by the database.",
          served, lambda s, v, m: _speaks(s, v, f"user:{s.world.people['sender']}")),
)  # fmt: skip


def _kept(stage: Stage, viewer: Viewer, table: str, column: str) -> bool:
    """A row of the author's in a private table of theirs, made in the scene."""
    sender = stage.world.people["sender"]
    with stage.scene():
        stage.ask(SENDER, f"insert into public.{table} ({column}) values ('{sender}')")
        answer = stage.ask(viewer, f"select * from public.{table} where {column} = '{sender}'")
    return not answer.sqlstate and answer.count > 0
