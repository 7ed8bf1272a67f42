"""Every way to a message, each as one question of one viewer; the answer says how much is given away."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from tests.leaks.stage import NOTHING, ROW, Stage, shown, told_apart
from tests.leaks.world import VIEWERS, Subject, Viewer

Ask = Callable[[Stage, Viewer, Subject], str]


@dataclass(frozen=True, slots=True)
class Surface:
    """`kind` groups surfaces that follow the same rule; `covers` names the tables and calls of the catalogue it asks."""

    name: str
    kind: str
    ask: Ask
    covers: tuple[str, ...] = ()


SURFACES: list[Surface] = []


def surface(name: str, kind: str, *covers: str) -> Callable[[Ask], Ask]:
    def add(ask: Ask) -> Ask:
        SURFACES.append(Surface(name, kind, ask, covers))
        return ask

    return add


def reads(name: str, kind: str, query: str, *covers: str) -> None:
    """A query with {c}, {root}, {id}, {me} and {text}; what it returns is what is shown."""

    def ask(stage: Stage, viewer: Viewer, subject: Subject) -> str:
        with stage.scene():
            return shown(stage.ask(viewer, filled(stage, viewer, subject, query, subject.id)), subject)  # fmt: skip

    surface(name, kind, *covers)(ask)


def holds(name: str, kind: str, query: str, *covers: str) -> None:
    """A query that yields one number or truth: above zero means that the message counts."""

    def ask(stage: Stage, viewer: Viewer, subject: Subject) -> str:
        with stage.scene():
            answer = stage.ask(viewer, filled(stage, viewer, subject, query, subject.id))
        if answer.sqlstate:
            return answer.sqlstate
        return NOTHING if answer.rows in ("[]", '[{"n": 0}]', '[{"n": false}]', '[{"n": null}]') else ROW  # fmt: skip

    surface(name, kind, *covers)(ask)


def compares(name: str, kind: str, query: str, *covers: str) -> None:
    """A query with {id}: asked with the message's id and with one that nobody has; only a difference tells."""

    def ask(stage: Stage, viewer: Viewer, subject: Subject) -> str:
        absent = uuid.uuid4()
        with stage.scene():
            real = stage.ask(viewer, filled(stage, viewer, subject, query, subject.id))
        with stage.scene():
            none = stage.ask(viewer, filled(stage, viewer, subject, query, absent))
        return told_apart(real, none, subject, absent)

    surface(name, kind, *covers)(ask)


def filled(stage: Stage, viewer: Viewer, subject: Subject, query: str, target: uuid.UUID) -> str:
    """The query with its names replaced by literals, as PostgREST inlines them."""
    token = subject.token if target == subject.id else f"token-{target}"
    names = {
        "c": subject.conversation, "root": subject.root, "id": target, "me": stage.world.id_of(viewer),
        "text": subject.text or "nosuchword", "old": subject.private[0] if subject.private else "nosuchword",
        "token": token,
    }  # fmt: skip
    for name, value in names.items():
        query = query.replace("{" + name + "}", f"'{value}'")
    return query.replace("%", "%%")


# Tables, as the REST interface reads them.
reads("select", "row", "select * from public.messages where conversation_id = {c}", "messages")
holds(
    "count",
    "counted",
    "select count(*) - count(*) filter (where id = {root}) as n from public.messages where conversation_id = {c}",
    "messages",
)
holds(
    "count by id",
    "counted",
    "select count(*) as n from public.messages where id = {id}",
    "messages",
)
holds(
    "newest of all",
    "counted",
    "select max(created_at) = (select created_at from public.messages where id = {id}) as n from public.messages where conversation_id = {c}",
    "messages",
)
reads(
    "embedded in its conversation",
    "row",
    """
    select c.id, c.title, m.list from public.conversations c left join lateral (
        select json_agg(e.*) as list from (select m.* from public.messages m where m.conversation_id = c.id) e) m on true
    where c.id = {c}""",
    "messages",
    "conversations",
)
reads(
    "embedded in a profile",
    "with people",
    """
    select p.id, m.list from public.profiles p left join lateral (
        select json_agg(e.*) as list from (select m.* from public.messages m where m.sender_id = p.id and m.conversation_id = {c}) e) m on true""",
    "messages",
    "profiles",
)
reads(
    "embedding its sender",
    "with people",
    """
    select m.*, row_to_json(s.*) as sender from public.messages m inner join lateral (
        select p.id, p.name from public.profiles p where p.id = m.sender_id) s on true where m.conversation_id = {c}""",
    "messages",
    "profiles",
)
holds(
    "filtered by an embedded row",
    "counted",
    "select count(*) as n from public.conversations c where exists (select from public.messages m where m.conversation_id = c.id and m.id = {id})",
    "messages",
    "conversations",
)
holds(
    "last_message_at",
    "sent alone",
    "select count(*) as n from public.conversations where id = {c} and last_message_at > created_at",
    "conversations",
)
reads(
    "tombstones",
    "tombstone",
    "select * from public.message_tombstones where conversation_id = {c}",
    "message_tombstones",
)
reads(
    "notices",
    "notice",
    "select * from public.notices where body like '%' || {id} || '%'",
    "notices",
)
reads("receipts", "receipt", "select * from public.message_receipts", "message_receipts")
reads("reports", "never", "select * from public.message_reports", "message_reports")
reads(
    "other tables",
    "never",
    """select to_jsonb(x) from (select to_jsonb(a) from public.user_presence a union all select to_jsonb(a) from public.conversation_participants a
    union all select to_jsonb(a) from public.user_restrictions a union all select to_jsonb(a) from public.messaging_preferences a union all select to_jsonb(a) from public.user_blocks a) x""",
    "user_presence",
    "conversation_participants",
    "user_restrictions",
    "messaging_preferences",
    "user_blocks",
)

# Reading calls.
reads("list_messages", "call", "select * from public.list_messages({c})", "list_messages")
reads(
    "get_message_thread",
    "call",
    "select * from public.get_message_thread({root}, {me})",
    "get_message_thread",
)
reads(
    "get_message_thread of itself",
    "call",
    "select * from public.get_message_thread({id}, {me})",
    "get_message_thread",
)
holds(
    "reply_count",
    "reply counted",
    "select m.reply_count as n from public.messages m where m.id = {root}",
    "reply_count",
)
reads("search_messages", "found", "select * from public.search_messages({text})", "search_messages")
reads(
    "search for what is private",
    "call never",
    "select * from public.search_messages({old})",
    "search_messages",
)
reads(
    "last message",
    "call",
    "select last_message from public.list_conversations() where id = {c}",
    "list_conversations",
)
holds(
    "order of conversations",
    "call counted",
    "select count(*) as n from public.list_conversations() l join public.messages m on m.id = {id} where l.id = {c} and l.last_activity_at >= m.created_at",
    "list_conversations",
)
compares(
    "mark_messages_read up to it",
    "marked",
    "select public.mark_messages_read({me}, {c}, {id})",
    "mark_messages_read",
)

# Writing.
compares(
    "UPDATE of a receipt",
    "receipt written",
    "update public.messages set status = 'read' where id = {id}",
    "messages",
)
compares(
    "UPDATE … RETURNING",
    "receipt returned",
    "update public.messages set read_at = now() where id = {id} returning *",
    "messages",
)
compares(
    "UPDATE of deleted_at",
    "deletion written",
    "update public.messages set deleted_at = now() where id = {id}",
    "messages",
)
compares(
    "UPDATE of the content",
    "refused",
    "update public.messages set content = 'x' where id = {id}",
    "messages",
)
compares("DELETE", "refused", "delete from public.messages where id = {id}", "messages")
compares(
    "upsert",
    "own token",
    "insert into public.messages (conversation_id, content, client_message_id) values ({c}, 'probe', {token}) on conflict (sender_id, client_message_id) do nothing",
    "messages",
)
compares(
    "INSERT with its id",
    "refused",
    "insert into public.messages (id, conversation_id, content) values ({id}, {c}, 'probe')",
    "messages",
)
compares(
    "INSERT of a reply",
    "replied",
    "insert into public.messages (conversation_id, content, parent_message_id) values ({c}, 'probe', {id})",
    "messages",
)
compares(
    "send_message as a reply",
    "call replied",
    "select count(*) from public.send_message({c}, 'probe', null, {id})",
    "send_message",
)
compares(
    "send_message again",
    "call own token",
    "select content from public.send_message({c}, 'probe', {token})",
    "send_message",
)
compares(
    "edit_message",
    "edited",
    "select public.edit_message({id}, 'probe') ->> 'status'",
    "edit_message",
)
compares("delete_message", "call deletion", "select public.delete_message({id})", "delete_message")
compares(
    "report",
    "reported",
    "insert into public.message_reports (message_id, report_reason) values ({id}, 'probe')",
    "message_reports",
)

# Staff, push and worker.
compares("show_message", "staff shown", "select public.show_message({id})", "show_message")
compares(
    "decide_message",
    "staff decided",
    "select public.decide_message({id}, 'approve', 'r', true) ->> 'to'",
    "decide_message",
)
compares(
    "notification_targets",
    "push service",
    "select public.notification_targets({id})",
    "notification_targets",
)
reads("the worker's jobs", "leased", "select * from vigil.claim_jobs('m', 1000, 60)")
reads("private edits", "private table", "select * from vigil.edits")
reads("private deletions", "private table", "select * from vigil.deleted_contents")
reads("the audit log", "private table", "select * from vigil.events")

# Realtime: the question that the server asks for each subscriber, with the row's key and the subscriber's claims.
holds(
    "Realtime INSERT and UPDATE",
    "realtime",
    "select exists (select 1 from public.messages where id = {id}) as n",
    "messages",
)
holds(
    "Realtime of tombstones",
    "tombstone counted",
    "select exists (select 1 from public.message_tombstones where message_id = {id}) as n",
    "message_tombstones",
)


@surface("Realtime DELETE", "never")
def _realtime_delete(stage: Stage, viewer: Viewer, subject: Subject) -> str:
    """Reaches every subscriber, so nothing published may ever be deleted: by the owner neither."""
    owner = Viewer("owner", "", role="postgres")
    with stage.scene():
        answer = stage.ask(owner, f"delete from public.messages where id = '{subject.id}'")
    return NOTHING if answer.sqlstate == "VG402" else ROW


@surface("events on the own topic", "event")
def _events(stage: Stage, viewer: Viewer, subject: Subject) -> str:
    """What is sent to the private topic of the viewer; it may name the message and never quotes it."""
    with stage.scene():
        sent = stage.look(
            "select event, payload from realtime.messages where topic = %s",
            f"user:{stage.world.id_of(viewer)}",
        )
    return shown(sent, subject)


@surface("unread", "unread", "list_conversations", "get_unread_message_count")
def _unread(stage: Stage, viewer: Viewer, subject: Subject) -> str:
    """One more in the conversation, and in the sum of all; by both calls alike."""
    me = stage.world.id_of(viewer)
    queries = (
        f"select coalesce(sum(unread), 0) as n from public.list_conversations() where id = '{subject.conversation}'",
        f"select public.get_unread_message_count('{me}') as n",
    )
    differences = set()
    for query in queries:
        counts = []
        with stage.scene():
            for up_to in (f"'{subject.root}'", "null"):
                stage.ask(
                    viewer, f"select public.mark_messages_read('{me}', '{subject.conversation}', {up_to})"
                )  # fmt: skip
                answer = stage.ask(viewer, query)
                if answer.sqlstate:
                    return answer.sqlstate
                counts.append(answer.rows)
        differences.add(counts[0] != counts[1])
    assert len(differences) == 1, "the two counts differ"
    return ROW if differences.pop() else NOTHING


@surface("a push", "pushed", "notification_targets")
def _push(stage: Stage, viewer: Viewer, subject: Subject) -> str:
    service = VIEWERS["service"]
    with stage.scene():
        targets = stage.ask(service, f"select public.notification_targets('{subject.id}')")
    assert not targets.sqlstate
    return ROW if str(stage.world.id_of(viewer)) in targets.rows else NOTHING


@surface(
    "their receipt reaches the author", "receipt reaches", "mark_messages_read", "message_receipts"
)
def _receipt(stage: Stage, viewer: Viewer, subject: Subject) -> str:
    """The viewer reads all they see; then the author looks at their message and its receipts."""
    me, author = stage.world.id_of(viewer), VIEWERS["sender"]
    queries = (
        f"select read_at is not null as n from public.messages where id = '{subject.id}'",
        f"select user_id from public.message_receipts where message_id = '{subject.id}'",
    )
    with stage.scene():
        before = [stage.ask(author, query) for query in queries]
        stage.ask(viewer, f"select public.mark_messages_read('{me}', '{subject.conversation}')")
        after = [stage.ask(author, query) for query in queries]
    return NOTHING if before == after else ROW
