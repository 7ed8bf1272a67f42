"""Folding: one table, one result in Python and in Postgres, on every text Postgres can hold."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.support.database import Databases

import vigil.text.fold_table as fold_table
from vigil.text.fold import FOLD_VERSION, FOLDS, fold
from vigil.text.generate_fold import build, render_python, render_sql
from vigil.text.normalise import fold_with_origins

POINTS = [chr(p) for p in range(1, 0x110000) if not 0xD800 <= p < 0xE000]
storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
interesting = st.text(
    st.one_of(
        st.sampled_from(" \t\n.,'_-@aAzZ09é\u0301\u200b\u3000ßİıſﬁ⑴½Ω\U0001d4d5\U0001f1e6\u0345"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    )
)


@pytest.fixture(scope="module")
def database(databases: Databases, root: Path) -> Iterator[psycopg.Connection[tuple[str]]]:
    """An otherwise empty database with the one function."""
    databases.admin("create database folding")
    dsn = databases.cluster.dsn(role="supabase_admin", dbname="folding")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create schema vigil")
        source = (root / "sql" / "functions" / "fold.sql").read_text(encoding="ascii")
        connection.execute(source.encode())
        yield connection
    databases.admin("drop database folding with (force)")


def in_database(connection: psycopg.Connection[tuple[str]], texts: list[str]) -> list[str]:
    rows = connection.execute(
        "select vigil.fold(t) from unnest(%s::text[]) with ordinality as u (t, n) order by n",
        [texts],
    )
    return [row[0] for row in rows]


def test_both_files_are_what_the_generator_writes(root: Path) -> None:
    if unicodedata.unidata_version != fold_table.UNICODE_VERSION:
        pytest.skip(f"generated with Unicode {fold_table.UNICODE_VERSION}, not of this Python")
    table = build()
    written = (root / "worker" / "vigil" / "text" / "fold_table.py").read_text(encoding="ascii")
    assert written == render_python(table)
    assert (root / "sql" / "functions" / "fold.sql").read_text("ascii") == render_sql(table)


def test_every_code_point_folds_alike_on_both_sides(
    database: psycopg.Connection[tuple[str]],
) -> None:
    for start in range(0, len(POINTS), 100_000):
        chunk = POINTS[start : start + 100_000]
        texts = ["".join(f"{char}Y" for char in chunk[n : n + 50]) for n in range(0, 100_000, 50)]
        found = in_database(database, texts)
        assert [(t, f) for t, f in zip(texts, found, strict=True) if f != fold(t)] == []


def test_random_texts_fold_alike_on_both_sides(database: psycopg.Connection[tuple[str]]) -> None:
    rng = random.Random(20261122)
    ascii_only = [chr(p) for p in range(1, 128)] + [" "] * 30
    texts = [
        "".join(rng.choice(rng.choice((ascii_only, POINTS))) for _ in range(rng.randrange(30)))
        for _ in range(5_000)
    ]
    texts += ["".join(rng.choices(" ,.aB\t", k=rng.randrange(12))) for _ in range(20_000)]
    found = in_database(database, texts)
    assert [(t, f) for t, f in zip(texts, found, strict=True) if f != fold(t)] == []


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.one_of(storable, interesting), min_size=1, max_size=20))
@example([""])
@example([" "])
@example(["\u200b"])
def test_any_text_folds_alike_on_both_sides(
    database: psycopg.Connection[tuple[str]], texts: list[str]
) -> None:
    assert in_database(database, texts) == [fold(text) for text in texts]


@given(interesting)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.one_of(storable, interesting))
def test_words_are_one_space_apart(text: str) -> None:
    folded = fold(text)
    assert folded == " ".join(folded.split(" ")).strip(" ")
    assert "  " not in folded
    assert not any(char.isascii() and not char.isalnum() and char != " " for char in folded)


@given(st.text(st.characters(codec="latin-1")))
def test_upper_and_lower_case_fold_alike(text: str) -> None:
    assert fold(text.upper()) == fold(text.lower().upper())


@given(st.one_of(storable, interesting))
def test_every_folded_character_knows_where_it_came_from(text: str) -> None:
    folded, origins = fold_with_origins(text)
    assert folded == fold(text)
    assert origins == sorted(origins)
    for char, origin in zip(folded, origins, strict=True):
        image = FOLDS.get(ord(text[origin]), text[origin])
        assert char in image


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Hello,   WORLD!\n", "hello world"),
        ("ａｂｃ １２", "abc 12"),
        ("Straße", "strasse"),
        ("crème brûlée", "creme brulee"),
        ("p\u200ba\u00adssword", "password"),
        ("раураl", "paypal"),
        ("𝓬𝓾𝓻𝓼𝓲𝓿𝓮 🅰🇧ⓒ", "cursive abc"),
        ("don't snake_case", "don t snake case"),
        ("नमस्ते दुनिया", "नमस्ते दुनिया"),
        ("٣٤ ۵", "34 5"),
        ("مـرحـبا", "مرحبا"),
        ("안녕 東京", "안녕 東京"),
        ("😀", ""),
    ],
)
def test_what_folds_to_what(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_the_version_names_table_and_unicode() -> None:
    assert f"{fold_table.TABLE_VERSION}-{fold_table.UNICODE_VERSION}" == FOLD_VERSION
