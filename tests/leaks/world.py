"""One small world that holds every kind of viewer and a message in every state, for all cells of the matrix."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from tests.support.database import Database

STATES = {
    "visible": "approved, and nothing else",
    "pending": "waits for a verdict",
    "hidden": "taken from sight after others saw it",
    "removed": "judged to break the rules after others saw it",
    "deleted": "deleted by its author after others saw it",
    "edited": "an edit was accepted: the former text is private",
    "being edited": "an edit waits: the proposed text is private",
    "shadowed": "sent under a shadow ban",
}
PLACES = ("direct", "group")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who looks. `stay` says how their stay lies to the message; None is for people outside."""

    name: str
    gist: str
    place: str = "group"
    role: str = "authenticated"
    stay: str | None = None
    author: bool = False
    restriction: str | None = None
    staff: str | None = None


VIEWERS = {
    v.name: v
    for v in (
        Viewer("anon", "nobody is signed in", role="anon"),
        Viewer("stranger", "signed in, in none of the conversations"),
        Viewer("sender", "the author, in a direct conversation", "direct", stay="all", author=True),
        Viewer("group sender", "the author, in a group", stay="all", author=True),
        Viewer("recipient", "the other side of a direct conversation", "direct", stay="all"),
        Viewer("member", "in the group all the time", stay="all"),
        Viewer("left before", "left before the message was sent", stay="before"),
        Viewer("left after", "left once all had happened", stay="until after"),
        Viewer("joined later", "added after the message was sent", stay="since"),
        Viewer("blocked by sender", "a member whom the author blocks", stay="all"),
        Viewer("blocks sender", "a member who blocks the author", stay="all"),
        Viewer("muted", "under a `mute`", stay="all", restriction="mute"),
        Viewer("held", "under a `hold`", stay="all", restriction="hold"),
        Viewer("shadow-banned", "under a shadow ban", stay="all", restriction="shadow_ban"),
        Viewer("blocked", "under a `block`", stay="all", restriction="block"),
        Viewer("moderator, no case", "staff; no case is open", staff="moderator"),
        Viewer("moderator, case", "staff; a case on the message is open", "direct", staff="moderator"),
        Viewer("auditor", "staff who read metadata; a case is open", "direct", staff="auditor"),
        Viewer("worker", "`vigil_worker`", role="vigil_worker"),
        Viewer("doorbell", "`vigil_doorbell`, for whom Realtime rings", role="vigil_doorbell"),
        Viewer("service", "`service_role`", role="service_role"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subject:
    """The message of one state in one place: what it says, and what it must never say."""

    conversation: uuid.UUID
    root: uuid.UUID
    id: uuid.UUID
    text: str
    private: tuple[str, ...]

    @property
    def token(self) -> str:
        return f"token-{self.conversation}"


@dataclass(slots=True)
class World:
    """Who is who, and where each message is."""

    db: Database
    people: dict[str, uuid.UUID] = field(default_factory=dict)
    subjects: dict[tuple[str, str], Subject] = field(default_factory=dict)

    def id_of(self, viewer: Viewer) -> uuid.UUID:
        """A member's id; those without an account get one that nobody has."""
        name = "sender" if viewer.author else viewer.name
        return self.people.setdefault(name, uuid.uuid4())

    def subject(self, viewer: Viewer, state: str) -> Subject:
        return self.subjects[viewer.place, state]


def word(prefix: str, place: str, state: str) -> str:
    """A text of one word that nothing else contains."""
    return prefix + place + state.replace(" ", "")


def build(db: Database) -> World:
    """Everything through the doors that clients, staff and the worker use."""
    world = World(db)
    for viewer in VIEWERS.values():
        if viewer.role == "authenticated" and not (viewer.author and viewer.place == "group"):
            world.people[viewer.name] = db.member(viewer.name.replace(" ", "-"), viewer.staff)
    sender = world.people["sender"]
    later = world.people["joined later"]
    crowd = [
        world.id_of(v) for v in VIEWERS.values() if v.stay and not v.author and v.place == "group" and v.stay != "since"
    ]  # fmt: skip
    author, staff = db.acting_as(sender), db.acting_as(world.people["moderator, no case"])
    rooms: dict[tuple[str, str], uuid.UUID] = {}
    roots: dict[tuple[str, str], uuid.UUID] = {}
    for state in STATES:
        for place, others in (("direct", [world.people["recipient"]]), ("group", crowd)):
            rooms[place, state] = _open(db, sender, others, place)
            roots[place, state] = author.send(rooms[place, state], "root")
    _restrict(world, staff.claims or {})
    for state in STATES:
        db.acting_as(world.people["left before"]).run(
            "select public.leave_conversation(%s)", rooms["group", state]
        )
    for (place, state), room in rooms.items():
        world.subjects[place, state] = _bring_about(world, room, roots[place, state], place, state)
    for state in STATES:
        room = rooms["group", state]
        author.run("select public.add_participant(%s, %s)", room, later)
        db.acting_as(world.people["left after"]).run("select public.leave_conversation(%s)", room)
        # The moderator and the auditor look at the direct copies, where a case is open.
        db.owner().run(
            "select vigil.open_case('message', %s, 'test', %s)",
            world.subjects["direct", state].id, sender,
        )  # fmt: skip
    db.close()  # the stage opens one of its own
    return world


def _open(db: Database, sender: uuid.UUID, others: list[uuid.UUID], place: str) -> uuid.UUID:
    # There is one direct conversation for each pair; closing the last lets the next be another.
    owner = db.connect()
    with owner.transaction():
        owner.execute("select vigil.begin_acting()")
        owner.execute("update public.conversations set status = 'closed' where kind = 'direct'")
    made = db.conversation(sender, *others, title="g" if place == "group" else None)
    with owner.transaction():
        owner.execute("select vigil.begin_acting()")
        owner.execute("update public.conversations set status = 'active'")
    return made


def _restrict(world: World, staff: dict[str, object]) -> None:
    moderator = world.db.acting_as(uuid.UUID(str(staff["sub"])))
    for viewer in VIEWERS.values():
        if viewer.restriction:
            moderator.run(
                "select public.restrict_member(%s, %s, 'r', legal_basis => 'b')",
                world.id_of(viewer), viewer.restriction,
            )  # fmt: skip
    block = "insert into public.user_blocks (blocker_id, blocked_id) values (%s, %s)"
    sender, blocked = world.people["sender"], world.people["blocked by sender"]
    blocker = world.people["blocks sender"]
    world.db.acting_as(sender).run(block, sender, blocked)
    world.db.acting_as(blocker).run(block, blocker, sender)


def _bring_about(world: World, room: uuid.UUID, root: uuid.UUID, place: str, state: str) -> Subject:
    db, sender = world.db, world.people["sender"]
    author = db.acting_as(sender)
    staff = db.acting_as(world.people["moderator, no case"])
    text = word("", place, state)
    ban = None
    if state == "pending":
        db.owner().run(
            "insert into vigil.conversation_settings (conversation_id, moderation_mode) values (%s, 'pre')",
            room,
        )
    if state == "shadowed":
        ban = staff.value(
            "select public.restrict_member(%s, 'shadow_ban', 'r', legal_basis => 'b') ->> 'restriction_id'",
            sender,
        )
    first = word("former", place, state) if state == "edited" else text
    made = author.send(
        room, first, parent_message_id=root, client_message_id=f"token-{room}"
    )  # fmt: skip
    private: tuple[str, ...] = ()
    match state:
        case "hidden" | "removed":
            staff.run(
                "select public.decide_message(%s, %s, 'r')", made, {"hidden": "hide"}.get(state, "remove"),
            )  # fmt: skip
        case "deleted":
            author.run("select public.delete_message(%s)", made)
            private, text = (text,), ""
        case "edited" | "being edited":
            proposed = text if state == "edited" else word("proposed", place, state)
            edit = author.value("select public.edit_message(%s, %s) ->> 'edit_id'", made, proposed)
            private = (first,) if state == "edited" else (proposed,)
            if state == "edited":
                db.owner().run("delete from vigil.jobs where subject_id = %s", edit)
                db.owner().run(
                    "select vigil.close_edit(%s, true, null, 'test', null, null, null)", edit
                )
        case "shadowed":
            staff.run("select public.lift_restriction(%s, 'r')", ban)
    return Subject(room, root, made, text, private)
