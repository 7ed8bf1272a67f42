"""Help, misuse and the shape of errors; no server is needed for any of it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.cli.harness import VIGIL, Vigil
from vigil_cli import reference
from vigil_cli.app import complete_app

ROOT = Path(__file__).parents[2]
SOME_ID = "0b5c1c1e-7a55-4a0c-9d25-0c9a4a3f1f10"
# Mounted parts that other pages and tests cover.
MOUNTED = {"local", "demo"}


def _commands() -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def walk(path: str, command: Any) -> None:
        for name, child in getattr(command, "commands", {}).items():
            walk(f"{path} {name}".strip(), child)
        if path and not getattr(command, "commands", {}):
            found.append((path, command))

    walk("", typer.main.get_command(complete_app()))
    return [(path, command) for path, command in found if path.split()[0] not in MOUNTED]


COMMANDS = _commands()


def test_the_reference_is_what_the_commands_say() -> None:
    assert (ROOT / "docs" / "cli.md").read_text() == reference.reference(), "Try: make docs"


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[path for path, _ in COMMANDS])
def test_every_command_and_parameter_says_what_it_is_for(path: str, command: Any) -> None:
    assert command.help, path
    for parameter in command.params:
        assert parameter.help, f"{path} {parameter.name}"


def test_whatever_changes_standing_needs_a_reason_and_has_a_dry_run() -> None:
    changing = {
        "restrict add", "restrict lift", "message hide", "message remove", "message approve",
        "staff add", "staff remove",
    }  # fmt: skip
    for path, command in COMMANDS:
        options = {option for parameter in command.params for option in parameter.opts}
        if path in changing:
            assert {"--reason", "--dry-run", "--json"} <= options, path
            (reason,) = (each for each in command.params if "--reason" in each.opts)
            assert reason.required, path
    assert changing <= {path for path, _ in COMMANDS}


def test_every_command_that_prints_data_can_print_json() -> None:
    silent = {"logout", "worker run"}
    for path, command in COMMANDS:
        options = {option for parameter in command.params for option in parameter.opts}
        assert ("--json" in options) != (path in silent), path


def test_help_is_on_stdout_and_the_version_is_one_line(vigil: Vigil) -> None:
    helped = vigil.process("--help", expect=0)
    assert "Moderation" in helped.out
    assert helped.err == ""
    assert vigil.process("--version", expect=0).out.startswith("vigil ")
    assert vigil("restrict", "add", "-h", expect=0).out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("vigil lo", {"login", "logout", "local"}),
        ("vigil restrict ", {"add", "lift", "list", "history"}),
        ("vigil restrict add ann m", {"mute"}),
    ],
)
def test_a_shell_completes_nouns_verbs_and_choices(
    vigil: Vigil, typed: str, offered: set[str]
) -> None:
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    answer = vigil.process(env=asked | {"_VIGIL_COMPLETE": "complete_bash"}, expect=0)
    assert set(answer.out.split()) == offered
    assert "complete_bash" in vigil.process("--show-completion", "bash", expect=0).out


@pytest.mark.parametrize("noun", [[], ["restrict"], ["terms"]])
def test_a_noun_alone_shows_its_help_as_misuse(vigil: Vigil, noun: list[str]) -> None:
    answer = vigil(*noun, expect=2)
    assert answer.out == ""
    assert "Usage:" in answer.err


@pytest.mark.parametrize(
    ("arguments", "says", "advice"),
    [
        (["restrct"], "Did you mean 'restrict'", "vigil --help"),
        (["restrict", "add"], "missing argument", "vigil restrict add --help"),
        (["restrict", "add", "ann", "mute", "--for", "1h"], "--reason", "restrict add --help"),
        (["restrict", "add", "ann", "nope", "--reason", "x"], "nope", "restrict add --help"),
        (["restrict", "add", "ann", "mute", "--reason", "x"], "for how long", "--for"),
        (["restrict", "add", "ann", "mute", "--reason", " ", "--for", "1h"], "empty", "--reason"),
        (["restrict", "add", "ann", "limit", "--reason", "x", "--for", "1h"], "--limit", "limit"),
        (
            ["restrict", "add", "ann", "mute", "--limit", "3", "--reason", "x", "--for", "1h"],
            "--limit belongs",
            "limit",
        ),
        (
            ["restrict", "add", "ann", "shadow_ban", "--reason", "x", "--for", "1h"],
            "legal basis",
            "--legal-basis",
        ),
        (["message", "show", "12"], "not the id of a message", "uuid"),
        (["message", "hide", SOME_ID], "--reason", "message hide --help"),
        (["jobs", "retry"], "which jobs", "--all"),
        (["jobs", "retry", "1", "--all"], "which jobs", "--all"),
        (["jobs", "list", "--state", "lost"], "lost", "jobs list --help"),
        (["terms", "remove"], "which terms", "--term"),
        (["terms", "add", "...", "--category", "x", "--severity", "flag"], "punctuation", "cells"),
        (["audit", "tail", "--every", "0"], "--every", "audit tail --help"),
        (["login", "--url", "ftp://x", "--key", "k"], "not the address", "https://"),
        (["login", "--url", "http://example.org", "--key", "k"], "unencrypted", "--insecure"),
        (["login", "--url", "https://x y", "--key", "k"], "not the address", "https://"),
        (["login", "--url", "https://x:99999", "--key", "k"], "not the address", "https://"),
        (["login", "--url", "https://x", "--key", "k"], "E-mail is needed", "--email"),
        (["db", "status", "--db-url", "postgresql://[x"], "cannot be read", "postgresql://"),
    ],
)
def test_misuse_is_one_error_with_a_next_step(
    vigil: Vigil, arguments: list[str], says: str, advice: str
) -> None:
    answer = vigil(*arguments, expect=2)
    assert says in answer.err
    assert advice in answer.err.split("Try: ")[1]
    assert answer.out == ""
    assert answer.err.count("error: ") == 1


def test_errors_have_one_json_shape(vigil: Vigil) -> None:
    for arguments, code in (
        (("whoami", "--json"), 1),
        (("restrict", "add", "--json"), 2),
        (("restrict", "add", "x", "mute", "--reason", "x", "--for", "-5h", "--json"), 2),
        (("nonsense", "--json"), 2),
    ):
        answer = vigil(*arguments, expect=code)
        assert answer.out == ""
        assert set(answer.error) >= {"message", "code", "try", "exit_code"}
        assert answer.error["exit_code"] == code
        assert len(answer.err.splitlines()) == 1


def test_arguments_that_are_not_text_are_refused(vigil: Vigil) -> None:
    answer = vigil.process(b"restrict", b"add", b"ann\xff", b"mute", b"--reason", b"x", expect=2)
    assert "not UTF-8" in answer.err
    assert "\\udcff" in answer.err


def test_nobody_signed_in_is_told_to_sign_in(vigil: Vigil) -> None:
    for arguments in (
        ["whoami"],
        ["restrict", "list"],
        ["message", "show", SOME_ID],
        ["terms", "list"],
        ["audit", "tail"],
        ["case", "list"],
        ["worker", "status"],
    ):
        assert "Try: vigil login" in vigil(*arguments, expect=1).err
    assert "Nobody was signed in" in vigil("logout", expect=0).err


def test_errors_survive_a_terminal_that_knows_only_ascii(vigil: Vigil) -> None:
    answer = vigil.process(
        "restrict", "add", "ann", "mute", "--reason", "x", "--for", "zwölf" * 20,
        env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        expect=2,
    )  # fmt: skip
    assert "is not a duration" in answer.err


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["terms", "test", "a scam", "--file"]], ids=" ".join
)
def test_a_full_disk_is_one_error(vigil: Vigil, tmp_path: Path, arguments: list[str]) -> None:
    terms = tmp_path / "terms.csv"
    terms.write_text("term,category,severity\nscam,fraud,hold\n")
    given = [*arguments, str(terms)] if arguments[-1] == "--file" else arguments
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [VIGIL, *given], stdout=full, stderr=subprocess.PIPE, env=vigil.environ(), check=False
        )
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert b"Try: " in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error(vigil: Vigil) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [VIGIL, "--help"], stdout=writer, stderr=subprocess.PIPE, env=vigil.environ(), check=False
    )
    os.close(writer)
    assert done.stderr == b""


def test_completion_knows_nouns_and_values(vigil: Vigil) -> None:
    answer = vigil.process(
        env={"_VIGIL_COMPLETE": "complete_bash", "COMP_WORDS": "vigil restrict ", "COMP_CWORD": "2"}
    )
    assert {"add", "lift", "list", "history"} <= set(answer.out.split())
    answer = vigil.process(
        env={
            "_VIGIL_COMPLETE": "complete_bash",
            "COMP_WORDS": "vigil jobs list --state ",
            "COMP_CWORD": "4",
        }
    )
    assert {"ready", "leased", "dead"} <= set(answer.out.split())


def test_a_terminal_gets_a_table_and_a_pipe_gets_tabs(vigil: Vigil, tmp_path: Path) -> None:
    terms = tmp_path / "terms.csv"
    terms.write_text("term,category,severity\nscam,fraud,hold\n")
    arguments = ["terms", "test", "--file", str(terms), "a scam\x1b[31m"]
    piped = vigil.process(*arguments, expect=0)
    assert "FOUND\tTERM\tCATEGORY" in piped.out
    assert "\\x1b[31m" in piped.out
    seen = _on_a_terminal(vigil, arguments)
    assert "\t" not in seen
    assert "\x1b[31m" not in seen
    assert "FOUND" in seen


def _on_a_terminal(vigil: Vigil, arguments: list[str]) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [VIGIL, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**vigil.environ(), "TERM": "xterm"},
    ) as process:
        os.close(theirs)
        seen = b""
        while chunk := _read(ours):
            seen += chunk
        process.wait()
    os.close(ours)
    return seen.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how a pseudo-terminal says that the other side has closed
        return b""


def test_json_never_carries_a_raw_control_character(vigil: Vigil, tmp_path: Path) -> None:
    terms = tmp_path / "terms.csv"
    terms.write_text("term,category,severity\nscam,fraud,hold\n")
    text = "sca\u202em \x9b31m scam"
    answer = vigil("terms", "test", "--file", str(terms), text, "--json", expect=0)
    assert not any(ord(character) < 0x20 for character in answer.out.strip())
    assert "\x9b" not in answer.out
    assert json.loads(answer.out)["verdict"] == "hold"
