"""An outsider learns nothing by a call, and no table, call, column or event is outside the matrix."""

from __future__ import annotations

import re
import uuid

import pytest

from tests.leaks import calls
from tests.leaks.people import SIGHTS
from tests.leaks.stage import Answer, Stage
from tests.leaks.surfaces import SURFACES
from tests.leaks.world import VIEWERS, Viewer
from tests.support.database import Database, refused

OUTSIDERS = [VIEWERS[n] for n in ("anon", "stranger", "auditor", "moderator, no case")]
MEMBERS = [v for v in VIEWERS.values() if v.role == "authenticated" and not v.staff]


def fill(query: str, me: uuid.UUID, **names: uuid.UUID) -> str:
    for name, value in {**names, "me": me}.items():
        query = query.replace("{" + name + "}", f"'{value}'")
    return query


@pytest.mark.parametrize("name", calls.OUTSIDE)
def test_what_exists_and_what_does_not_answer_an_outsider_alike(stage: Stage, name: str) -> None:
    subject = stage.world.subject(VIEWERS["member"], "visible")
    there = {"c": subject.conversation, "sender": stage.world.people["sender"]}
    with stage.scene():
        row = stage.look(
            "select id from public.notices where user_id = %s limit 1", there["sender"]
        )
        there["notice"] = uuid.UUID(row.rows.split('"')[3])
    for viewer in OUTSIDERS:
        if name == "set_slow_mode" and viewer.staff == "moderator":
            continue  # a moderator of the community sets it anywhere
        me = stage.world.id_of(viewer)
        absent = {key: uuid.uuid4() for key in there}
        answers: list[Answer] = []
        for ids in (there, absent):
            with stage.scene():
                asked = stage.ask(viewer, fill(calls.OUTSIDE[name], me, **ids))
                seen = stage.ask(
                    viewer,
                    "select status, current_conversation_id, is_typing_in_conversation from public.user_presence",
                )
            answers += [asked.without(*ids.values()), seen.without(*ids.values())]
        assert answers[:2] == answers[2:], viewer.name


@pytest.mark.parametrize("name", calls.STAFF)
def test_a_call_of_the_staff_refuses_everybody_else_before_it_looks(
    stage: Stage, name: str
) -> None:
    subject = stage.world.subject(VIEWERS["member"], "hidden")
    for viewer in (*MEMBERS, VIEWERS["anon"], VIEWERS["service"]):
        answers = set()
        for target in (subject.id, uuid.uuid4()):
            with stage.scene():
                query = fill(
                    calls.STAFF[name],
                    stage.world.id_of(viewer),
                    c=target,
                    sender=stage.world.people["sender"],
                )
                answers.add(stage.ask(viewer, query))
        wanted = "VG201" if viewer.role == "authenticated" else "42501"
        assert {a.sqlstate for a in answers} == {wanted}, viewer.name
        assert len(answers) == 1, viewer.name


def test_schema_vigil_is_closed_to_every_viewer(stage: Stage) -> None:
    with stage.scene():
        listed = stage.look(
            "select c.oid::regclass::text as name from pg_class c where c.relnamespace = 'vigil'::regnamespace and c.relkind in ('r', 'S', 'v')"
        )
    tables = re.findall(r'"name": "(vigil\.\w+)"', listed.rows)
    assert len(tables) > 15
    for viewer in VIEWERS.values():
        with stage.scene():
            for table in tables:
                assert stage.ask(viewer, f"select * from {table}").sqlstate == "42501", (
                    viewer.name,
                    table,
                )


def test_somebody_unwilling_and_nobody_answer_alike(db: Database) -> None:
    """Also whoever is blocked, has blocked the caller, or has deleted their account."""
    ann, closed, blocker, gone, out = (
        db.member(n) for n in ("ann", "closed", "blocker", "gone", "out")
    )
    db.acting_as(closed).run(
        "insert into public.messaging_preferences (user_id, can_receive_from) values (%s, 'nobody')",
        closed,
    )
    db.acting_as(blocker).run(
        "insert into public.user_blocks (blocker_id, blocked_id) values (%s, %s)", blocker, ann
    )
    db.superuser().run("delete from auth.users where id = %s", gone)
    db.acting_as(db.member("mia", "moderator")).run(
        "select public.restrict_member(%s, 'block', 'r')", out
    )
    for other in (closed, blocker, gone, out, uuid.uuid4()):
        with refused("VG106"):
            db.acting_as(ann).run("select public.start_conversation(%s)", [other])


def _names(db: Database, query: str) -> set[str]:
    return set(db.owner().column(query))


def test_every_table_and_call_has_a_row(db: Database) -> None:
    covered = {name for surface in SURFACES for name in surface.covers}
    tables = _names(
        db,
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')",
    )
    functions = _names(
        db, "select proname::text from pg_proc where pronamespace = 'public'::regnamespace"
    )
    assert tables - covered == set()
    assert (
        functions - covered - set(calls.OUTSIDE) - set(calls.STAFF) - set(calls.OF_ONESELF) == set()
    )
    assert covered - tables - functions == set(), "a row for what is gone"


def test_every_column_event_and_published_table_has_a_row(db: Database) -> None:
    columns = _names(
        db,
        "select attname::text from pg_attribute where attrelid = 'public.messages'::regclass and attnum > 0 and not attisdropped",
    )
    assert columns == calls.MESSAGE_COLUMNS, (
        "see each new one as anon, as a member and as the author first"
    )
    published = _names(
        db,
        "select schemaname || '.' || tablename from pg_publication_tables where pubname = 'supabase_realtime'",
    )
    assert published == {f"public.{name}" for name in calls.PUBLISHED}
    bodies = db.owner().column(
        "select prosrc from pg_proc where pronamespace = 'vigil'::regnamespace and prosrc ~ 'vigil\\.announce\\(|realtime\\.send'"
    )
    events = {m for body in bodies for m in re.findall(r"vigil\.announce\(.*?'(\w+)'", body, re.S)}
    assert events == set(calls.EVENTS)
    sending = _names(
        db,
        "select proname::text from pg_proc where pronamespace = 'vigil'::regnamespace and prosrc ~ 'realtime\\.send\\('",
    )
    assert sending == {"announce", "ring_doorbell"}, "to people, and empty to the worker"
    rows = {surface.name for surface in SURFACES} | {sight.name for sight in SIGHTS}
    told = {*calls.PUBLISHED.values(), *calls.EVENTS.values()}
    assert told - rows == {calls.EVENTS["restriction_changed"]}


def test_no_viewer_reaches_a_column_by_a_grant_of_its_own(stage: Stage) -> None:
    """The doorbell reads `id`; nobody else's rights differ from column to column."""
    bell: Viewer = VIEWERS["doorbell"]
    with stage.scene():
        for column in calls.MESSAGE_COLUMNS - {"id"}:
            assert stage.ask(bell, f"select {column} from public.messages").sqlstate == "42501"
