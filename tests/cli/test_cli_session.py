"""Signing in, and the session that is kept: private, refreshed, honest about its end."""

from __future__ import annotations

import http.server
import json
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.harness import Vigil
from tests.cli.world import PASSWORD, World

SESSION = {
    "url": "http://127.0.0.1:9",
    "key": "sb_publishable_x",
    "email": "mod@example.org",
    "user_id": "0b5c1c1e-7a55-4a0c-9d25-0c9a4a3f1f10",
    "access_token": "a.b.c",
    "refresh_token": "r",
    "expires_at": 4_000_000_000,
}


def _keep(vigil: Vigil, **changes: object) -> None:
    vigil.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    vigil.session_file.touch(mode=0o600)
    vigil.session_file.write_text(json.dumps({**SESSION, **changes}))


def _change(vigil: Vigil, **changes: object) -> None:
    kept = json.loads(vigil.session_file.read_text())
    vigil.session_file.write_text(json.dumps({**kept, **changes}))


def test_the_session_is_for_its_owner_alone(world: World, vigil: Vigil) -> None:
    answer = world.login(vigil, "Mod", expect=0)
    assert answer.data["role"] == "moderator"
    assert "Signed in as Mod (moderator)" in answer.err
    assert stat.S_IMODE(vigil.session_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(vigil.home.stat().st_mode) == 0o700
    assert PASSWORD not in vigil.session_file.read_text()
    assert vigil.process("whoami", "--json", expect=0).data["name"] == "Mod"
    assert "Signed out" in vigil.process("logout", expect=0).err
    assert not vigil.session_file.exists()
    assert "vigil login" in vigil("whoami", expect=1).err


def test_the_session_lies_where_the_user_keeps_configuration(tmp_path: Path, vigil: Vigil) -> None:
    _keep(vigil)
    (tmp_path / "config").mkdir()
    vigil.home.rename(tmp_path / "config" / "vigil")
    answer = vigil("whoami", env={"VIGIL_HOME": "", "XDG_CONFIG_HOME": str(tmp_path / "config")})
    assert "cannot reach http://127.0.0.1:9" in answer.err


@pytest.mark.parametrize(("what", "mode"), [("file", 0o640), ("file", 0o604), ("home", 0o755)])
def test_a_session_others_could_read_is_refused(vigil: Vigil, what: str, mode: int) -> None:
    _keep(vigil)
    (vigil.session_file if what == "file" else vigil.home).chmod(mode)
    answer = vigil("whoami", expect=1)
    assert "can be read by others" in answer.err
    assert "Try: chmod" in answer.err


def test_a_session_that_is_a_link_is_refused(vigil: Vigil, tmp_path: Path) -> None:
    _keep(vigil)
    vigil.session_file.rename(tmp_path / "elsewhere")
    vigil.session_file.symlink_to(tmp_path / "elsewhere")
    assert "cannot read" in vigil("whoami", expect=1).err


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"url": 1}', json.dumps(
        {**SESSION, "expires_at": "soon"}).encode()]
)  # fmt: skip
def test_a_damaged_session_is_one_error(vigil: Vigil, content: bytes) -> None:
    _keep(vigil)
    vigil.session_file.write_bytes(content)
    answer = vigil("whoami", expect=1)
    assert "is damaged" in answer.err
    assert "Try: vigil login" in answer.err


def test_a_session_that_cannot_be_written_is_one_error(world: World, vigil: Vigil) -> None:
    vigil.home.parent.mkdir()
    vigil.home.write_text("a file where the directory should be")
    assert "cannot " in world.login(vigil, "Mod", expect=1).error["message"]


def test_passwords_come_from_a_prompt_a_pipe_or_the_environment(world: World, vigil: Vigil) -> None:
    login = ["login", "--url", world.url, "--key", world.key, "--email", world.address("Mod")]
    assert "no terminal" in vigil(*login, expect=2).err
    assert vigil.process(*login, "--password-stdin", stdin=f"{PASSWORD}\n", expect=0)
    assert "is empty" in vigil(*login, "--password-stdin", stdin="\n", expect=2).err
    secret = vigil(*login, "--password-stdin", stdin=b"pass\xffword\n", expect=2)
    assert "not UTF-8" in secret.err
    assert "word" not in secret.err.replace("password", "")
    wrong = vigil(*login, env={"VIGIL_PASSWORD": "wrong"}, expect=1)
    assert "does not know this e-mail address with this password" in wrong.err
    bad_key = vigil(
        *("login", "--url", world.url, "--key", "sb_publishable_wrong"),
        *("--email", "x@example.org"),
        env={"VIGIL_PASSWORD": "x"},
        expect=1,
    )
    assert bad_key.err


def test_a_member_can_sign_in_and_is_told_what_is_missing(world: World, vigil: Vigil) -> None:
    answer = world.login(vigil, "Ann", expect=0)
    assert answer.data["role"] is None
    assert "not staff" in answer.err


def test_an_old_session_is_refreshed_once_by_several_commands(world: World, vigil: Vigil) -> None:
    world.login(vigil, "Mod", expect=0)
    before = json.loads(vigil.session_file.read_text())
    _change(vigil, expires_at=1)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: vigil.process("whoami", "--json"), range(4)))
    assert [answer.code for answer in answers] == [0] * 4, answers
    after = json.loads(vigil.session_file.read_text())
    assert after["expires_at"] > before["expires_at"] - 60
    assert after["refresh_token"] != before["refresh_token"]
    assert stat.S_IMODE(vigil.session_file.stat().st_mode) == 0o600
    assert sorted(path.name for path in vigil.home.iterdir()) == ["session.json", "session.lock"]


def test_a_token_the_server_refuses_is_renewed_and_the_call_made_again(
    world: World, vigil: Vigil
) -> None:
    world.login(vigil, "Mod", expect=0)
    kept = json.loads(vigil.session_file.read_text())
    head, body, _ = kept["access_token"].split(".")
    _change(vigil, access_token=f"{head}.{body}.AAAA")
    assert vigil("whoami", "--json", expect=0).data["name"] == "Mod"


def test_a_session_that_cannot_be_refreshed_says_so(world: World, vigil: Vigil) -> None:
    world.login(vigil, "Mod", expect=0)
    _change(vigil, expires_at=1, refresh_token="gone")
    answer = vigil("whoami", "--json", expect=1)
    assert "has ended" in answer.error["message"]
    assert answer.error["try"] == "vigil login"
    head, body, _ = json.loads(vigil.session_file.read_text())["access_token"].split(".")
    _change(vigil, expires_at=4_000_000_000, access_token=f"{head}.{body}.AAAA")
    assert "has ended" in vigil("whoami", expect=1).err


def test_a_server_that_is_away_is_one_error(vigil: Vigil) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    _keep(vigil, url=f"http://127.0.0.1:{port}")
    for command in (["whoami"], ["audit", "tail"], ["terms", "export"]):
        assert f"cannot reach http://127.0.0.1:{port}" in vigil(*command, expect=1).err
    _keep(vigil, url="https://vigil.invalid")
    assert "cannot reach https://vigil.invalid" in vigil("whoami", expect=1).err


@contextmanager
def _server(status: int, body: bytes) -> Iterator[str]:
    """Something on the web that is no Supabase project."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, b"<html>hello</html>", "does not answer like a Supabase project"),
        (200, b"[]", "does not answer like a Supabase project"),
        (404, b"<html>no</html>", "does not answer like a Supabase project"),
        (301, b"", "301"),
        (502, b"<html>bad gateway</html>", "cannot reach"),
        (500, b"\xff\x00", "HTTP 500"),
        (429, b"slow down", "asks to slow down"),
    ],
)
def test_whatever_else_answers_is_one_error(
    vigil: Vigil, status: int, body: bytes, says: str
) -> None:
    with _server(status, body) as url:
        _keep(vigil, url=url)
        assert says in vigil("whoami", expect=1).err
        login = vigil(
            *("login", "--url", url, "--key", "k", "--email", "x@example.org"),
            env={"VIGIL_PASSWORD": "x"},
        )
        assert login.code == 1, login


def test_a_local_stack_in_the_directory_needs_no_addresses(world: World, vigil: Vigil) -> None:
    at_home = Vigil(home=vigil.home, directory=world.directory)
    answer = at_home(
        "login", "--email", world.address("Mod"), "--json",
        env={"VIGIL_PASSWORD": PASSWORD}, expect=0,
    )  # fmt: skip
    assert answer.data["url"] == world.url
    assert at_home("db", "status", "--json", expect=0).data["ok"] is True
    at_home.process("worker", "run", "--check", expect=0)
    elsewhere = at_home(
        "login", "--email", "x@example.org", "--url", "https://other.example", expect=2
    )
    assert "--key is needed" in elsewhere.err
