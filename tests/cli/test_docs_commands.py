"""Every command the pages show exists with those options; those of the README are really run."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import jwt
import psycopg
import pytest
import typer
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cli.harness import VIGIL, Vigil
from vigil.__main__ import parser
from vigil.doorbell_token import token_for
from vigil.settings import Settings
from vigil_cli.app import complete_app
from vigil_cli.demo.facts import PROMISES
from vigil_cli.local.layout import Layout
from vigil_cli.local.seed import MEMBERS, PASSWORD
from vigil_cli.local.stack import Stack

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
SHOWN = re.compile(r"^(?:\$|Example:) (.+)$", re.MULTILINE)
NAMED = re.compile(r"`((?:\S*/)?(?:vigil|vigil-worker|make) [^`]+)`")
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])  # not exported by name
COMMAND = typer.main.get_command(complete_app())


def shown(page: Path) -> list[str]:
    """The commands a reader is told to type: lines that begin with `$`, continued or not."""
    return SHOWN.findall(page.read_text().replace("\\\n", " "))


def understood(line: str, *, whole: bool) -> str | None:
    """What is wrong with a command, or None. Not `whole`: it may leave out what is required."""
    words = shlex.split(line.split(" | ", maxsplit=1)[0], comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    if words[0] == "sudo":
        words = words[next((n for n, word in enumerate(words) if "/vigil" in word), 0) :]
    program, words = words[0].rsplit("/")[-1], words[1:]
    if program == "make":
        wrong = {word for word in words if "=" not in word} - TARGETS
        return f"no target {wrong}" if wrong else None
    if program == "vigil-worker":
        known = {option for action in parser()._actions for option in action.option_strings}
        return f"no option {set(words) - known}" if set(words) - known else None
    return _parsed(words, whole=whole) if program == "vigil" else None


def _parsed(words: list[str], *, whole: bool) -> str | None:
    command: Any = COMMAND
    while words and not words[0].startswith("-") and getattr(command, "commands", {}):
        if words[0] not in command.commands:
            return f"no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    if not words and (getattr(command, "commands", {}) or not whole):
        return None
    # What these do, as --install-completion, would be done while they are read.
    acting = {option for each in command.params if each.callback for option in each.opts}
    if words and set(words) <= acting | {"--help", "-h"}:
        return None
    try:
        command.make_context("vigil", words)
    except UsageError as error:
        if whole or type(error).__name__ != "MissingParameter":
            return str(error)
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_exists_with_its_options(page: Path) -> None:
    wrong = {line: understood(line, whole=True) for line in shown(page)}
    wrong |= {line: understood(line, whole=False) for line in NAMED.findall(page.read_text())}
    assert {line: why for line, why in wrong.items() if why} == {}


@pytest.mark.parametrize(
    "line",
    [
        "vigil restrct add ann mute", "vigil restrict add ann mute --form 1h --reason x",
        "vigil restrict add ann nope --reason x", "vigil message hide", "make domo",
        ".venv/bin/vigil-worker --chek", "VIGIL_HOME=x vigil jobs retry --everything",
    ],
)  # fmt: skip
def test_a_wrong_command_would_be_noticed(line: str) -> None:
    assert understood(line, whole=True)


def test_the_readme_shows_both_commands_and_the_picture() -> None:
    readme = (ROOT / "README.md").read_text()
    first = readme[: readme.index("## ")]
    assert {"make demo", "make test"} <= set(shown(ROOT / "README.md"))
    (alt,) = re.findall(r"!\[([^\]]+)\]\(docs/demo\.svg\)", first)
    assert len(alt) > 80, "somebody who cannot see it is told what it shows"


def test_the_picture_is_of_todays_demo_and_fetches_nothing() -> None:
    picture = (ROOT / "docs" / "demo.svg").read_text()
    spoken = re.sub(r"<[^>]+>", "\n", picture).replace("&#160;", " ").replace("&#x27;", "'")
    missing = [promise for promise in PROMISES.values() if promise not in spoken]
    assert missing == [], "Try: make picture"
    assert "✗" not in spoken
    assert not re.search(r"@font-face|@import|url\((?!#)|<(image|script|foreignObject)", picture)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Path]:
    """What `make up` leaves; the npm packages are shared with the checkout's, which has them."""
    directory = tmp_path_factory.mktemp("docs") / "a stack"
    (directory / ".vigil").mkdir(parents=True, mode=0o711)
    packages = root / ".vigil" / "node"
    packages.mkdir(parents=True, exist_ok=True)
    (directory / ".vigil" / "node").symlink_to(packages)
    options = ["--dir", str(directory)]
    subprocess.run([VIGIL, "local", "up", "--worker", "--port", "0", *options], check=True)
    yield directory
    subprocess.run([VIGIL, "local", "down", *options], check=True)


def test_what_the_readme_shows_a_moderator_really_works(place: Path, tmp_path: Path) -> None:
    mia = Vigil(
        home=tmp_path / "home",
        directory=place,
        environment={"VIGIL_PASSWORD": PASSWORD},
    )
    with psycopg.connect(Stack(Layout.find(place)).env()["DB_URL"]) as connection:
        (message,) = connection.execute(
            "select m.id::text from public.messages m join public.profiles p on p.id = m.sender_id"
            " where p.name = %s",
            [MEMBERS[2]],
        ).fetchone()
    lines = [line for line in shown(ROOT / "README.md") if line.startswith("vigil ")]
    assert len(lines) >= 5
    for line in lines:
        words = shlex.split(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", message, line), comments=True)[1:]
        if "-f" in words:
            assert "restriction.created" in followed(mia, words)
        else:
            mia.process(*words, expect=0)
    kinds = {event["kind"] for event in mia("audit", "tail", "--json", expect=0).data}
    assert {"restriction.created", "terms.changed", "message.hidden"} <= kinds
    (held,) = mia("restrict", "list", "ben", "--json", expect=0).data
    assert held["restriction"] == "mute"


def followed(vigil: Vigil, words: list[str]) -> str:
    """What a command that goes on until it is interrupted says in the beginning."""
    with subprocess.Popen(
        [VIGIL, *words], env=vigil.environ({"PYTHONUNBUFFERED": "1"}), cwd=vigil.directory,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        said = ""
        for line in running.stdout:
            said += line
            if "restriction.created" in line:
                break
        running.send_signal(signal.SIGINT)
        rest, words_of_it = running.communicate(timeout=30)
    assert running.returncode == 130, words_of_it
    return said + rest


def test_uninstalling_as_the_page_says_keeps_every_message_and_leaves_it_closed(
    place: Path,
) -> None:
    """Last here: it takes Vigil out of the stack that the others use."""
    operations = (ROOT / "docs" / "operations.md").read_text()
    (statements,) = re.findall(r"^```sql\n(.*?)^```$", operations, re.MULTILINE | re.DOTALL)
    url = Stack(Layout.find(place)).env()["DB_URL"]
    vigil = Vigil(home=place / "home", directory=place, environment={"VIGIL_DB_URL": url})
    with psycopg.connect(url, autocommit=True) as owner:

        def value(query: str) -> Any:
            return owner.execute(query.encode()).fetchone()[0]

        messages = value("select count(*) from public.messages")
        assert messages == 3
        owner.execute(statements.encode())
        assert value("select count(*) from public.messages") == messages
        assert value("select count(*) from pg_roles where rolname like 'vigil%'") == 0
        assert value("select count(*) from pg_trigger where tgname ~ '^(zzz_)?vigil_'") == 0
        assert value("select count(*) from pg_policies where policyname like 'vigil%'") == 0
        broken = "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        assert value(f"{broken} and not relrowsecurity") == 0, "closed, not open"
    assert "has no Vigil yet" in vigil("db", "status", expect=1).err


def test_the_page_mints_a_token_that_the_worker_takes(tmp_path: Path) -> None:
    operations = (ROOT / "docs" / "operations.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```$", operations, re.MULTILINE | re.DOTALL)
    private = ec.generate_private_key(ec.SECP256R1())
    key = {
        **jwt.algorithms.ECAlgorithm.to_jwk(private, as_dict=True),
        "kid": "ours",
        "alg": "ES256",
    }
    (tmp_path / "signing-key.json").write_text(json.dumps(key))
    (tmp_path / "mint.py").write_text(program)
    minted = subprocess.run(
        [sys.executable, "mint.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.strip()
    claims = jwt.decode(minted, private.public_key(), ["ES256"], audience="authenticated")
    assert jwt.get_unverified_header(minted)["kid"] == "ours"
    settings = Settings.from_env(
        {"VIGIL_DATABASE_URL": "postgresql://x/y", "VIGIL_DOORBELL_TOKEN": minted}
    )
    assert claims["iat"] < token_for(settings, claims["iat"]).renew_at < claims["exp"]
