"""Files of `.vigil/` that were spoiled: each command says so, and what puts it right does."""

from __future__ import annotations

import json

import pytest

from tests.local.test_local_stack import NewStack, command, serves
from vigil_cli.local.errors import LocalStackError

SPOILED = ("", '{"cut', "[]", "{}")


def test_spoiled_files_are_named_and_a_reset_cures_them(new_stack: NewStack) -> None:
    stack = new_stack("spoiled")
    stack.up(port=0)
    url = stack.url()
    for state in (*SPOILED, '{"port": "abc"}', '{"port": 70000}'):
        stack.layout.state.write_text(state)
        assert command(stack, "status").exit_code == 1, "nobody knows where it answers"
    stack.up(port=int(url.rpartition(":")[2]))
    assert serves(stack)

    settings = stack.cluster.root / "cluster.json"
    for file in (stack.layout.keys, settings):
        whole = file.read_text()
        for content in SPOILED:
            file.write_text(content)
            for told in (command(stack, "env"), command(stack, "up")):
                assert told.exit_code == 1
                assert str(file) in told.stderr, told.stderr
                assert "Try: vigil local reset" in told.stderr
            assert "Traceback" not in command(stack, "status").stderr
        file.write_text(whole)
    for file in (stack.layout.keys, settings):
        file.write_text(SPOILED[1])
    before = stack.status()["services"]["postgres"]["pid"]
    assert before, "Postgres is still known"
    reset = command(stack, "reset", "--yes")
    assert reset.exit_code == 0, reset.stderr
    assert (stack.url(), serves(stack)) == (url, True)

    # Keys that can be read outlive a reset.
    keys = stack.keys()
    settings.write_text("gone")
    assert "postgres" in command(stack, "down").stderr
    assert command(stack, "reset", "--yes").exit_code == 0
    assert stack.keys() == keys


def test_a_jwks_beside_the_keys_is_read_or_refused(new_stack: NewStack) -> None:
    stack = new_stack("jwks")
    stack.layout.make()
    file = stack.layout.root / "jwks.json"
    assert stack.layout.jwks() is None
    file.write_text(json.dumps({"keys": []}))
    assert stack.layout.jwks() == {"keys": []}
    for content in (*SPOILED, '{"keys": 1}'):
        file.write_text(content)
        with pytest.raises(LocalStackError, match=r"jwks\.json is not a JSON Web Key Set"):
            stack.layout.jwks()


def test_status_says_what_to_do_next(new_stack: NewStack) -> None:
    stack = new_stack("standing")
    told = command(stack, "status").stderr
    assert "never set up here" in told
    assert "Try: vigil local up" in told
    stack.up(port=0)
    assert "Try" not in command(stack, "status").stderr
    stack.down()
    told = command(stack, "status").stderr
    assert told.startswith("stopped")
    assert "Try: vigil local up" in told
