"""Terms of severity block: refused in the sender's own transaction, so that they never exist for anyone."""

from __future__ import annotations

import json
import uuid
from typing import Any

import psycopg
import pytest

from tests.support.database import Database, Session, refused


def add(staff: Session, *terms: dict[str, Any], dry_run: bool = False) -> dict[str, Any]:
    result = staff.value("select public.add_terms(%s, %s)", json.dumps(terms), dry_run)
    assert isinstance(result, dict)
    return result


def term(text: str, severity: str = "block", **extra: Any) -> dict[str, Any]:
    return {"term": text, "category": "slur", "severity": severity, **extra}


@pytest.mark.parametrize(
    "text",
    ["zorgle", "You ZORGLE!", "hey,zorgle.", "ＺＯＲＧＬＥ", "say flum nax please", "flum... NAX"],
)
def test_a_blocked_word_never_exists_even_with_the_worker_dead(db: Database, text: str) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    conversation = db.conversation(ann, bob)
    add(db.acting_as(db.member("mia", "moderator")), term("zorgle"), term("flum nax"))
    with pytest.raises(psycopg.Error) as caught:
        db.acting_as(ann).send(conversation, text)
    assert caught.value.sqlstate == "VG107"
    assert "zorgle" not in str(caught.value).lower()
    for where in ("public.messages", "vigil.jobs", "realtime.messages"):
        assert db.superuser().value(f"select count(*) from {where}") == 0
    with refused("VG107"):
        db.service().send(conversation, text, sender_id=ann)
    with refused("VG107"):
        db.acting_as(ann).value("select public.start_conversation(%s, %s)", [bob], text)
    with refused("VG107"):
        db.acting_as(ann).run("update public.profiles set name = %s where id = %s", text, ann)
    kept = db.acting_as(ann).send(conversation, "innocent zorgles and flum")
    with refused("VG107"):
        db.acting_as(ann).value("select public.edit_message(%s, %s)", kept, text)


def test_allow_lists_scopes_and_ends(db: Database) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    here, there = db.conversation(ann, bob), db.conversation(bob, ann, title="there")
    staff = db.acting_as(db.member("mia", "moderator"))
    add(
        staff,
        term("local", conversation=str(here)),
        term("brief", expires_at="2999-01-01"),
        term("fine"),
        term("fine", "allow", language="en"),
    )
    with refused("VG107"):
        db.acting_as(ann).send(here, "local")
    db.acting_as(ann).send(there, "local")
    db.acting_as(ann).send(here, "fine")
    with refused("VG107"):
        db.acting_as(ann).send(here, "brief")
    db.owner().run(
        "update vigil.terms set expires_at = now() - interval '1 second' where term = 'brief'"
    )
    db.acting_as(ann).send(here, "brief")


def test_a_list_is_imported_whole_or_not_at_all(db: Database) -> None:
    staff = db.acting_as(db.member("mia", "moderator"))
    assert add(staff, term("one"), term("two", "flag"), dry_run=True) | {"version": 0} == {
        "added": 2, "updated": 0, "unchanged": 0, "version": 0, "dry_run": True}  # fmt: skip
    assert db.owner().value("select count(*) from vigil.terms") == 0
    bad: list[Any] = [
        term(""), term("!!!"), term("x", "forbid"), {"term": "x", "severity": "flag"}, term("x", match="regex"), "text",
        term("x", expires_at="2001-01-01"), term("x", expires_at="soon"), term("x", conversation=str(uuid.uuid4())),
        term("x", conversation="here"), term("x", expires_at="2999-01-01 Nowhere/Land"), term("x" * 201),
        term("GOOD!", "flag"), term("x", language="e"), {"category": "slur", "severity": "flag"}, None,
    ]  # fmt: skip
    for element in bad:
        with pytest.raises(psycopg.Error) as caught:
            add(staff, term("good"), element, term("also", "bad"))
        assert caught.value.sqlstate == "VG208", element
        assert str(caught.value).startswith("Element 2: "), "the first bad one"
        assert db.owner().value("select count(*) from vigil.terms") == 0
    first = add(staff, term("one"), term("two", "flag"))
    assert (first["added"], first["version"]) == (2, 1)
    second = add(staff, term("one"), term("two", "hold"))
    assert (second["updated"], second["unchanged"], second["version"]) == (1, 1, 2)
    assert add(staff, term("one"))["version"] == 2, "nothing changed, no reload"
    ids = staff.column("select term_id from public.list_terms('on')")
    assert staff.value("select public.remove_terms(%s)", ids)["removed"] == 1
    with refused("VG205"):
        staff.value("select public.remove_terms(%s)", [999_999])
    assert [e["detail"] for e in db.events("terms.changed")] == [
        {"added": 2, "updated": 0}, {"added": 0, "updated": 1}, {"removed": 1}]  # fmt: skip
    with refused("VG201"):
        add(db.acting_as(db.member("ann")), term("mine"))
    with refused("VG201"):
        add(db.acting_as(db.member("aud", "auditor")), term("mine"))


def test_twenty_thousand_terms_are_one_import(db: Database) -> None:
    """A dry run, an import, a change and a refusal, each counted exactly."""
    staff = db.acting_as(db.member("mia", "moderator"))
    terms = [term(f"wörd {number}", "flag") for number in range(20_000)]
    tried = add(staff, *terms, dry_run=True)
    assert (tried["added"], tried["version"], tried["dry_run"]) == (20_000, 0, True)
    assert db.owner().value("select count(*) from vigil.terms") == 0
    assert add(staff, *terms)["added"] == 20_000
    assert db.owner().value("select count(*) from vigil.terms") == 20_000
    changed = [*terms[:19_000], *(t | {"severity": "hold"} for t in terms[19_000:]), term("new")]
    again = add(staff, *changed)
    counted = (again["added"], again["updated"], again["unchanged"], again["version"])
    assert counted == (1, 1_000, 19_000, 2)
    with pytest.raises(psycopg.Error) as caught:
        add(staff, *terms, term("WÖRD 7", "hold"))
    assert caught.value.sqlstate == "VG208"
    assert str(caught.value).startswith("Element 20001: repeats element 8.")
    rows = db.owner().rows("select severity, count(*) as n from vigil.terms group by severity")
    assert {row["severity"]: row["n"] for row in rows} == {
        "flag": 19_000,
        "hold": 1_000,
        "block": 1,
    }


@pytest.mark.parametrize("text", ["a$$", "b!tch", "x]", "c\\d", "f*ck", "a.", "€a", "@ss"])
def test_a_blocked_word_whose_signs_would_fold_away_is_refused(db: Database, text: str) -> None:
    """Folded, `a$$` is `a`: it would block every message with that word."""
    staff = db.acting_as(db.member("mia", "moderator"))
    with refused("VG208"):
        add(staff, term(text))
    assert add(staff, term(text, "remove"), term("well-known o'word"))["added"] == 2


def test_an_exception_holds_where_it_was_made_while_it_lasts_and_for_whole_words(
    db: Database,
) -> None:
    ann, bob = db.member("ann"), db.member("bob")
    here, there = db.conversation(ann, bob), db.conversation(bob, ann, title="there")
    staff = db.acting_as(db.member("mia", "moderator"))
    add(
        staff,
        *(term(word) for word in ("scoped", "ended", "partial")),
        term("scoped", "allow", language="en", conversation=str(here)),
        term("ended", "allow", language="en", expires_at="2999-01-01"),
        term("partial", "allow", language="en", match="substring"),
    )
    db.acting_as(ann).send(here, "scoped and ended")
    db.owner().run(
        "update vigil.terms set expires_at = now() - interval '1 second' where expires_at is not null"
    )
    for where, text in ((there, "scoped"), (here, "ended"), (here, "partial")):
        with refused("VG107", text):
            db.acting_as(ann).send(where, text)
