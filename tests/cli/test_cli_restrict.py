"""`vigil restrict`, `staff`, `audit` against a real stack, as each kind of person."""

from __future__ import annotations

import json
import signal
import subprocess
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cli.harness import VIGIL, Vigil
from tests.cli.world import World

WHY = "--reason=seen by a test"


@pytest.fixture
def mod(world: World) -> Vigil:
    return world.as_("Mod")


def _active(mod: Vigil, member: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = mod("restrict", "list", member, "--json", expect=0).data
    return rows


def test_a_restriction_is_shown_made_listed_lifted_and_kept(world: World, mod: Vigil) -> None:
    bob = world.ids["Bob"]
    add = ["restrict", "add", "bob", "mute", "--for", "1d12h", WHY, "--json"]
    tried = mod(*add, "--dry-run", expect=0)
    assert tried.data["dry_run"] is True
    assert tried.data["restriction_id"] is None
    assert "nothing was changed" in tried.err
    assert _active(mod, bob) == []

    made = mod.process(*add, expect=0).data
    until = datetime.fromisoformat(made["expires_at"])
    left = until - datetime.now(UTC)
    assert timedelta(hours=35) < left <= timedelta(hours=36)
    (listed,) = _active(mod, world.address("Bob"))
    assert listed["restriction_id"] == made["restriction_id"]
    assert listed["reason"] == "seen by a test"
    assert listed["created_by_name"] == "Mod"

    lift = ["restrict", "lift", "bob", "--reason=a mistake", "--json"]
    assert mod(*lift, "--dry-run", expect=0).data["dry_run"] is True
    assert len(_active(mod, bob)) == 1
    assert mod.process(*lift, expect=0).data["restriction_id"] == made["restriction_id"]
    assert _active(mod, bob) == []
    assert "has no restriction now" in mod("restrict", "lift", "bob", WHY, expect=2).err
    again = mod("restrict", "lift", made["restriction_id"], WHY, expect=3)
    assert "ended already" in again.err
    kept = mod.process("restrict", "history", "bob", "--json", expect=0).data
    assert [row["lift_reason"] for row in kept] == ["a mistake"]
    assert "a mistake" in mod("restrict", "history", "bob", expect=0).out


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("warn", []),
        ("limit", ["--limit", "20", "--for", "7d"]),
        ("hold", ["--for", "2w"]),
        ("mute", ["--for", "permanent"]),
        ("block", ["--for", "permanent", "--yes"]),
        ("shadow_ban", ["--for", "1h", "--legal-basis", "threats; telling would endanger"]),
    ],
)
def test_each_kind_can_be_made_and_lifted(
    world: World, mod: Vigil, kind: str, more: list[str]
) -> None:
    made = mod("restrict", "add", world.ids["Mallory"], kind, WHY, *more, "--json", expect=0).data
    assert made["restriction"] == kind
    assert (made["expires_at"] is None) == ("permanent" in more or kind == "warn")
    mod("restrict", "lift", made["restriction_id"], WHY, expect=0)


def test_a_permanent_block_wants_a_yes(world: World, mod: Vigil) -> None:
    block = ["restrict", "add", "cem", "block", "--for", "permanent", WHY]
    answer = mod(*block, expect=2)
    assert "--yes" in answer.err
    assert mod(*block, "--dry-run", "--json", expect=0).data["dry_run"] is True
    assert _active(mod, world.ids["Cem"]) == []


def test_members_are_named_by_id_address_or_the_beginning_of_a_name(
    world: World, mod: Vigil
) -> None:
    def tried(handle: str, code: int = 0) -> Any:
        answer = mod(
            *("restrict", "add", handle, "mute", "--for", "1h", WHY, "--dry-run", "--json"),
            expect=code,
        )
        return answer.data["member"] if code == 0 else answer.error

    assert tried(world.ids["Cem"]) == world.ids["Cem"]
    assert tried(world.address("cem").upper()) == world.ids["Cem"]
    assert tried("ce") == world.ids["Cem"]
    assert tried("ann") == world.ids["Ann"], "a whole name wins over a longer one"
    several = tried("an", code=2)
    assert {row["name"] for row in several["candidates"]} == {"Ann", "Anna"}
    assert world.ids["Anna"] in several["message"]
    assert "no member matches" in tried("nobody", code=2)["message"]
    assert "no member matches" in tried(str(uuid.uuid4()), code=2)["message"]


def test_policy_refuses_with_its_own_exit_code(world: World, mod: Vigil) -> None:
    mute = ["mute", "--for", "1h", WHY, "--json"]
    for who, target, code in (
        ("Mod", "Ada", "VG202"),
        ("Mod", "mod", "VG202"),
        ("Otto", "bob", "VG201"),
        ("Ann", "bob", "VG201"),
    ):
        refused = world.as_(who)("restrict", "add", target, *mute, expect=3)
        assert refused.error["code"] == code, (who, target)
        assert refused.error["try"]
        assert refused.out == ""
    unknown = str(uuid.uuid4())
    assert mod("restrict", "lift", unknown, WHY, "--json", expect=3).error["code"] == "VG205"


@pytest.mark.parametrize(
    "command",
    [
        ["restrict", "list"],
        ["terms", "list"],
        ["jobs", "list"],
        ["audit", "tail"],
        ["staff", "list"],
        ["worker", "status"],
        ["case", "list"],
    ],
    ids=" ".join,
)
def test_an_auditor_reads_and_a_member_does_not(world: World, command: list[str]) -> None:
    world.as_("Otto").process(*command, "--json", expect=0)
    refused = world.as_("Ann")(*command, "--json", expect=3)
    assert refused.error["code"] == "VG201"


def test_only_admins_manage_staff(world: World, mod: Vigil) -> None:
    admin = world.as_("Ada")
    assert mod("staff", "add", "cem", "moderator", WHY, "--json", expect=3).error["code"] == "VG201"
    tried = admin("staff", "add", "cem", "auditor", WHY, "--dry-run", "--json", expect=0)
    assert tried.data["dry_run"] is True
    admin.process("staff", "add", "cem", "auditor", WHY, expect=0)
    twice = admin("staff", "add", "cem", "auditor", WHY, "--json", expect=3)
    assert twice.error["code"] == "VG207"
    names = {row["name"]: row["role"] for row in admin("staff", "list", "--json", expect=0).data}
    assert names["Cem"] == "auditor"
    admin.process("staff", "remove", "cem", WHY, expect=0)
    last = admin("staff", "remove", "Ada", WHY, "--json", expect=3)
    assert last.error["code"] == "VG202"
    assert "Cem" not in admin("staff", "list", expect=0).out


def test_bootstrap_needs_a_member_and_the_owner(world: World, vigil: Vigil) -> None:
    owner = ["--db-url", world.env["DB_URL"]]
    assert "no members" in vigil("staff", "bootstrap", "x@example.org", *owner, expect=2).err
    worker = ["--db-url", world.env["VIGIL_DATABASE_URL"]]
    refused = vigil.process("staff", "bootstrap", world.address("Ann"), *worker, "--json", expect=3)
    assert refused.error["code"] == "42501"


def test_an_act_names_its_person_tool_batch_and_whom_it_was_for(world: World, mod: Vigil) -> None:
    batch = str(uuid.uuid4())
    made = mod(
        *("restrict", "add", "anna", "warn", WHY, "--batch", batch),
        *("--on-behalf-of", "ada", "--json"),
        expect=0,
    ).data
    rows = world.as_("Otto")("audit", "tail", "--json", expect=0).data
    (event,) = [row for row in rows if row["detail"].get("restriction") == made["restriction_id"]]
    assert event["kind"] == "restriction.created"
    assert event["actor_name"] == "Mod"
    assert event["subject_name"] == "Anna"
    assert event["on_behalf_of"] == "Ada"
    assert event["batch"] == batch
    assert event["tool"].startswith("vigil-cli/")
    after = world.as_("Otto")("audit", "tail", "--after", str(event["id"]), "--json", expect=0)
    assert all(row["id"] > event["id"] for row in after.data)


def test_following_the_audit_log_shows_each_event_once_as_it_happens(
    world: World, mod: Vigil
) -> None:
    auditor = world.as_("Otto")
    before = auditor("audit", "tail", "-n", "1", "--json", expect=0).data[0]["id"]
    with subprocess.Popen(
        [VIGIL, "audit", "tail", "-f", "--json", "--every", "0.1", "--after", str(before)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=auditor.environ(),
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            ids = []
            for name in ("anna", "cem"):
                mod("restrict", "add", name, "warn", "--reason=followed", expect=0)
                event = json.loads(process.stdout.readline())
                assert event["detail"]["reason"] == "followed"
                ids.append(event["id"])
        finally:
            process.send_signal(signal.SIGINT)
            rest, words = process.communicate(timeout=30)
    assert ids == sorted(set(ids))
    assert rest == ""
    assert "Traceback" not in words
    assert process.returncode == 130
