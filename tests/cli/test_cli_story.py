"""Every command against a real stack, as each kind of person."""

from __future__ import annotations

from tests.cli.world import World


def test_x(world: World) -> None:
    v = world.as_("Mod")
    print(v("whoami"))
    print(v("restrict", "add", "bob", "mute", "--for", "2h", "--reason", "test"))
    print(v("restrict", "list", "--json"))
    print(v("staff", "list"))
    print(v("audit", "tail"))
    print(v("terms", "add", "scam", "--category", "fraud", "--severity", "hold"))
    print(v("terms", "list"))
    print(v("terms", "export"))
    print(v("jobs", "list"))
    print(v("worker", "status"))
    print(v("case", "list"))
    print(world.out("x")("db", "status", "--db-url", world.env["DB_URL"]))
    c = world.talk("Ann", "Cem")
    m = world.send("Ann", c, "hello")
    print(v("message", "show", m))
    print(v("message", "hide", m, "--reason=x", "--dry-run"))
    print(v("message", "hide", m, "--reason=x", "--json"))
    print(world.as_("Ann")("restrict", "list"))
    print(world.as_("Otto")("restrict", "add", "bob", "mute", "--for", "2h", "--reason", "test", "--json"))
    assert 0
