"""Settings: read once, refused by name, silent about secrets."""

import re
from pathlib import Path

import pytest

import vigil
from vigil.errors import MisconfiguredError
from vigil.settings import Settings, known_settings

URL = "postgresql://vigil_worker:hunter2@db.example:5432/postgres"


def from_env(**more: str) -> Settings:
    return Settings.from_env({"VIGIL_DATABASE_URL": URL, "PATH": "/bin", **more})


def test_a_database_is_enough() -> None:
    settings = from_env()
    assert settings.database_url == URL
    assert (settings.poll_seconds, settings.doorbell_poll_seconds) == (1, 30)
    assert not settings.doorbell_configured


def test_no_database_is_named_with_what_to_try() -> None:
    with pytest.raises(MisconfiguredError, match=r"VIGIL_DATABASE_URL is not set.*vigil local env"):
        Settings.from_env({})


@pytest.mark.parametrize(
    ("name", "meant"),
    [("VIGIL_BATCHES", "VIGIL_BATCH"), ("VIGIL_DATABSE_URL", "VIGIL_DATABASE_URL")],
)
def test_an_unknown_name_is_refused_with_the_nearest_known_one(name: str, meant: str) -> None:
    with pytest.raises(MisconfiguredError, match=f"unknown setting {name}; did you mean {meant}"):
        from_env(**{name: "1"})


def test_a_name_of_another_part_is_known() -> None:
    assert from_env(VIGIL_PG_BIN="/opt/pg/bin", VIGIL_HOME="/h").batch == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VIGIL_BATCH", "0"),
        ("VIGIL_BATCH", "1.5"),
        ("VIGIL_BATCH", "many"),
        ("VIGIL_LEASE_SECONDS", "nan"),
        ("VIGIL_LEASE_SECONDS", "1e9"),
        ("VIGIL_POLL_SECONDS", "-1"),
        ("VIGIL_HEALTH_PORT", "65536"),
        ("VIGIL_LOG_FORMAT", "xml"),
        ("VIGIL_PHONE_REGION", "Germany"),
        ("VIGIL_SUPABASE_URL", "example.org"),
        ("VIGIL_DATABASE_URL", "mysql://localhost/x"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(MisconfiguredError, match=name):
        from_env(**{name: value})


def test_secrets_are_not_in_the_repr() -> None:
    secrets = {
        "VIGIL_SUPABASE_KEY": "key-aaa",
        "VIGIL_DOORBELL_TOKEN": "token-bbb",
        "VIGIL_JWT_SECRET": "secret-ccc",
        "VIGIL_SENTRY_DSN": "https://ddd@sentry.example/1",
    }
    shown = repr(from_env(VIGIL_SUPABASE_URL="https://x.example", **secrets))
    assert "https://x.example" in shown
    for secret in (*secrets.values(), "hunter2"):
        assert secret not in shown


def test_a_doorbell_needs_url_key_and_some_way_to_a_token() -> None:
    given = {"VIGIL_SUPABASE_URL": "https://x.example/", "VIGIL_SUPABASE_KEY": "k"}
    assert not from_env(**given).doorbell_configured
    assert from_env(**given, VIGIL_DOORBELL_TOKEN="t").doorbell_configured
    assert from_env(**given, VIGIL_JWT_SECRET="s").doorbell_configured


def test_the_table_of_names_is_complete_and_is_read_nowhere_else() -> None:
    names = [known.name for known in known_settings()]
    assert len(set(names)) == len(names)
    assert all(known.purpose.endswith(".") for known in known_settings())
    source = Path(vigil.__file__).parent
    used = {
        name
        for path in source.rglob("*.py")
        for name in re.findall(r'"(VIGIL_[A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    workers = {known.name for known in known_settings() if known.reader == "worker"}
    assert workers <= used <= set(names)
    readers = [p.name for p in source.rglob("*.py") if "environ" in p.read_text(encoding="utf-8")]
    assert sorted(readers) == ["__main__.py", "notify.py", "settings.py"]
