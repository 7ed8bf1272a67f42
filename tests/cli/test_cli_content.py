"""`vigil terms`, `message`, `case`, `jobs` and `worker` against a real stack."""

from __future__ import annotations

import uuid
from pathlib import Path

import psycopg
import pytest

from tests.cli.harness import Vigil
from tests.cli.world import World

WHY = "--reason=seen by a test"
HEADER = "term,category,severity,language,match\n"


@pytest.fixture
def mod(world: World) -> Vigil:
    return world.as_("Mod")


def test_terms_are_added_changed_listed_tested_and_removed(world: World, mod: Vigil) -> None:
    add = ["terms", "add", "wonder pill", "--category", "fraud", "--severity"]
    assert mod(*add, "hold", "--dry-run", "--json", expect=0).data["added"] == 1
    assert mod("terms", "list", "wonder", "--json", expect=0).data == []
    assert mod(*add, "hold", "--json", expect=0).data["added"] == 1
    assert mod(*add, "hold", "--json", expect=0).data["unchanged"] == 1
    assert mod.process(*add, "block", "--json", expect=0).data["updated"] == 1
    (term,) = mod("terms", "list", "wonder", "--json", expect=0).data
    assert (term["severity"], term["language"], term["match"]) == ("block", "und", "word")
    assert "wonder pill" in mod("terms", "list", "--category", "fraud", expect=0).out

    judged = mod("terms", "test", "a W0NDER   pill!", "--json", expect=0).data
    assert judged["verdict"] == "remove"
    (match,) = judged["matches"]
    assert (match["term"], match["severity"], match["text"]) == (
        "wonder pill", "block", "W0NDER   pill",
    )  # fmt: skip
    plain = mod.process("terms", "test", stdin="a wonder pill\n", expect=0)
    assert "refused as it is sent" in plain.err
    assert world.as_("Ann")("terms", "test", "x", "--json", expect=3).error["code"] == "VG201"

    gone = ["terms", "remove", "--term", "Wonder Pill"]
    assert mod(*gone, "--dry-run", "--json", expect=0).data == {"removed": 1, "dry_run": True}
    assert mod.process(*gone, "--json", expect=0).data["removed"] == 1
    assert "there is no term" in mod(*gone, expect=2).err
    unknown = mod("terms", "remove", str(term["term_id"]), "--json", expect=3)
    assert unknown.error["code"] == "VG205"


def test_a_list_is_imported_whole_and_exported_as_it_was(
    world: World, mod: Vigil, tmp_path: Path
) -> None:
    lines = [f'"zz{number}, ""quoted"" ünïcode",list,flag,en,word' for number in range(1500)]
    file = tmp_path / "some terms.csv"
    file.write_bytes(b"\xef\xbb\xbf" + (HEADER + "\n".join(lines) + "\n").encode())
    tried = mod("terms", "import", str(file), "--dry-run", "--json", expect=0)
    assert tried.data["added"] == 1500
    assert mod("terms", "list", "zz", "--json", expect=0).data == []
    assert mod("terms", "import", str(file), "--json", expect=0).data["added"] == 1500
    again = mod.process("terms", "import", "-", "--json", stdin=file.read_bytes(), expect=0)
    assert again.data["unchanged"] == 1500
    exported = mod.process("terms", "export", "--category", "list", expect=0)
    copy = tmp_path / "copy.csv"
    copy.write_text(exported.out)
    assert exported.out.startswith(HEADER)
    assert mod("terms", "import", str(copy), "--json", expect=0).data["unchanged"] == 1500
    world.run("delete from vigil.terms where category = 'list'")


def test_an_import_the_database_has_no_time_for_imports_nothing(
    world: World, mod: Vigil, tmp_path: Path
) -> None:
    file = tmp_path / "terms.csv"
    file.write_text(HEADER + "slowly,list,flag,en,word\n")
    with psycopg.connect(world.env["SUPERUSER_URL"]) as other:
        other.execute("lock table vigil.terms")
        answer = mod("terms", "import", str(file), expect=1)
    assert answer.err.startswith("Importing 1 terms"), "whoever waits is told for what"
    assert "nothing was imported" in answer.err
    assert mod("terms", "list", "slowly", "--json", expect=0).data == []


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"", None, "is empty"),
        (b"\xef\xbb\xbf", None, "is empty"),
        (HEADER.encode(), None, "no terms"),
        (b"scam,fraud,hold,en,word\n", 1, "no header"),
        (b"term,category\nscam,fraud\n", 1, "severity is missing"),
        (b"term,category,severity,colour\n", 1, "colour"),
        (b"term,category,severity,term\n", 1, "twice"),
        (HEADER.encode() + b"ok,x,flag,en,word\n\nbad,x,nope,en,word\n", 4, "severity 'nope'"),
        (HEADER.encode() + b"bad,x,flag,en,regex\n", 2, "match 'regex'"),
        (HEADER.encode() + b"bad,x,flag,e,word\n", 2, "language 'e'"),
        (HEADER.encode() + b"bad,,flag,en,word\n", 2, "category"),
        (HEADER.encode() + b",x,flag,en,word\n", 2, "no term"),
        (HEADER.encode() + b"!!!,x,flag,en,word\n", 2, "punctuation"),
        (HEADER.encode() + b"x" * 201 + b",x,flag,en,word\n", 2, "longer than 200"),
        (HEADER.encode() + b"a,x,flag,en\n", 2, "4 cells"),
        (HEADER.encode() + b'"a\nb",x,flag,en,word\nA  b,y,hold,en,word\n', 4, "of line 2"),
        (HEADER.encode() + b'a,x,flag,en,word\n"b,x,flag,en,word\n', 3, "not CSV"),
        (HEADER.encode() + b"a,x,flag,en,word\n\xff,x,flag,en,word\n", 3, "not UTF-8"),
        (HEADER.encode() + b"a\x00b,x,flag,en,word\n", 2, "NUL"),
        (HEADER.encode().decode().encode("utf-16"), None, "UTF-16"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(
    vigil: Vigil, tmp_path: Path, content: bytes, line: int | None, says: str
) -> None:
    file = tmp_path / "terms.csv"
    file.write_bytes(content)
    answer = vigil("terms", "import", str(file), "--json", expect=2)
    assert says in answer.error["message"]
    assert answer.error.get("line") == line
    assert answer.error["try"]


def test_files_that_are_none_are_one_error(vigil: Vigil, tmp_path: Path) -> None:
    assert "no file" in vigil("terms", "import", str(tmp_path / "none.csv"), expect=2).err
    assert "is a directory" in vigil("terms", "import", str(tmp_path), expect=2).err


def test_what_only_the_database_knows_is_named_by_the_line_too(mod: Vigil) -> None:
    nowhere = ["--conversation", str(uuid.uuid4())]
    refused = mod(
        *("terms", "add", "here", "--category", "x", "--severity", "flag"),
        *nowhere, "--json", expect=2,
    )  # fmt: skip
    assert refused.error["code"] == "VG208"


def test_a_list_is_tried_out_without_any_server(vigil: Vigil, tmp_path: Path) -> None:
    file = tmp_path / "terms.csv"
    file.write_text(HEADER + "scam,fraud,remove,,substring\nscampi,food,allow,,word\n")
    judged = vigil("terms", "test", "no scams here", "--file", str(file), "--json", expect=0).data
    assert judged["verdict"] == "remove"
    assert judged["refused_inline"] is False
    assert (judged["matches"][0]["start"], judged["matches"][0]["end"]) == (3, 7)
    fine = vigil("terms", "test", "--file", str(file), stdin="scampi for dinner", expect=0)
    assert "let through" in fine.err
    assert "no text" in vigil("terms", "test", "--file", str(file), expect=2).err
    nul = vigil("terms", "test", "--file", str(file), stdin=b"a\x00b", expect=2)
    assert "NUL" in nul.err
    surrogate = vigil("terms", "test", "--file", str(file), stdin=b"a\xed\xa0\x80b", expect=2)
    assert "not UTF-8" in surrogate.err


def test_a_message_is_decided_on_and_its_text_stays_private(world: World, mod: Vigil) -> None:
    message = world.send("Ann", world.talk("Ann", "Cem"), "our own business")
    shown = mod.process("message", "show", message, "--json", expect=0)
    assert shown.data["content"] is None
    assert shown.data["sender_name"] == "Ann"
    assert "withheld" in shown.err

    hide = ["message", "hide", message, WHY, "--json"]
    assert mod(*hide, "--dry-run", expect=0).data["dry_run"] is True
    assert mod("message", "show", message, "--json").data["moderation_status"] == "approved"
    assert mod.process(*hide, expect=0).data["to"] == "hidden"
    assert mod(*hide, expect=3).error["code"] == "VG207"
    seen = world.client("Cem").table("messages").select("id").eq("id", message).execute().data
    assert seen == []
    approve = ["message", "approve", message, WHY, "--json"]
    assert mod.process(*approve, expect=0).data["to"] == "approved"
    remove = ["message", "remove", message, WHY, "--json"]
    assert mod.process(*remove, expect=0).data["to"] == "removed"
    assert mod(*approve, expect=3).error["code"] == "VG206"
    unknown = mod("message", "show", str(uuid.uuid4()), "--json", expect=3)
    assert unknown.error["code"] in ("VG113", "VG205")
    for who in ("Otto", "Ann"):
        refused = world.as_(who)("message", "hide", message, WHY, "--json", expect=3)
        assert refused.error["code"] == "VG201"


def test_the_worker_runs_here_and_what_it_holds_becomes_a_case(
    world: World, mod: Vigil, vigil: Vigil
) -> None:
    mod("terms", "add", "moonshine", "--category", "drugs", "--severity", "flag", expect=0)
    message = world.send("Ann", world.talk("Ann", "Cem"), "I have moonshine")
    assert mod("jobs", "list", "--state", "ready", "--json", expect=0).data
    settings = {k: v for k, v in world.env.items() if k.startswith("VIGIL_")}
    vigil.process("worker", "run", "--once", env=settings, expect=0)
    assert mod("jobs", "list", "--json", expect=0).data == []
    cases = mod("case", "list", "--json", expect=0).data
    assert message in {case["subject_id"] for case in cases}
    shown = mod("message", "show", message, "--json", expect=0).data
    assert shown["content"] == "I have moonshine"
    assert shown["verdicts"][-1]["categories"] == ["drugs"]
    assert "terms_version" in mod("worker", "status", "--json", expect=0).data
    assert "queue" in mod("worker", "status", expect=0).out
    mod("terms", "remove", "--term", "moonshine", expect=0)


def test_a_worker_without_settings_says_which(vigil: Vigil) -> None:
    answer = vigil.process("worker", "run", env={"VIGIL_NO_SUCH_THING": "1"}, expect=2)
    assert "VIGIL_NO_SUCH_THING" in answer.err


def test_dead_jobs_are_listed_and_given_back(world: World, mod: Vigil) -> None:
    world.send("Ann", world.talk("Ann", "Cem"), "a message nobody can filter")
    world.run("update vigil.jobs set dead_at = now(), attempts = 5, last_error = 'it broke'")
    (dead,) = mod.process("jobs", "dead", "--json", expect=0).data
    assert (dead["state"], dead["last_error"]) == ("dead", "it broke")
    assert "it broke" in mod("jobs", "dead", expect=0).out
    refused = world.as_("Otto")("jobs", "retry", "--all", "--json", expect=3)
    assert refused.error["code"] == "VG201"
    retried = mod.process("jobs", "retry", str(dead["job_id"]), "--json", expect=0)
    assert retried.data == {"retried": 1}
    assert mod("jobs", "retry", "--all", "--json", expect=0).data == {"retried": 0}
    assert mod("jobs", "dead", "--json", expect=0).data == []
