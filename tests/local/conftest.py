"""Stacks in directories of their own; the npm packages are installed once for all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vigil_cli.local import node
from vigil_cli.local.layout import Layout
from vigil_cli.local.stack import Stack

MIGRATION = """
create table public.notes (
    id         bigint generated always as identity primary key,
    owner      uuid not null default auth.uid() references auth.users on delete cascade,
    title      text not null unique,
    created_at timestamptz not null default now()
);
alter table public.notes enable row level security;
create policy notes_own on public.notes for all to authenticated
    using (owner = (select auth.uid()));
grant select, insert, delete on public.notes to authenticated;
grant select on public.notes to service_role;
create index on public.notes (owner);

create table public.ungranted (id int primary key);
alter table public.ungranted enable row level security;
create schema hidden;
create table hidden.secrets (id int primary key);
alter table hidden.secrets enable row level security;
create role vigil_worker;

create function public.whoami() returns jsonb language sql stable set search_path = '' as $$
    select jsonb_build_object(
        'role', current_user, 'session', session_user, 'uid', auth.uid(), 'jwt', auth.jwt(),
        'headers', current_setting('request.headers', true)::jsonb,
        'timeout', current_setting('statement_timeout'))
$$;
create function public.refuse(sqlstate_wanted text) returns void language plpgsql
    set search_path = '' as $$
begin
    raise exception 'no' using errcode = sqlstate_wanted, detail = 'a detail', hint = 'a hint';
end
$$;
create function public.nap(seconds float) returns void language sql set search_path = ''
    as $$ select pg_catalog.pg_sleep(seconds) $$;
"""


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory holding the installed npm packages: the checkout's own, else a fresh one."""
    own = Layout.find()
    if node.is_installed(own):
        return node.install(own).directory
    layout = Layout(tmp_path_factory.mktemp("packages") / ".vigil", own.project)
    layout.make()
    return node.install(layout).directory


def make_project(base: Path, packages: Path, migration: str = MIGRATION) -> Layout:
    """A project with one migration, whose stack need not download anything."""
    migrations = base / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (base / "supabase" / "config.toml").write_text('project_id = "test"\n')
    (migrations / "20260101000000_create_notes.sql").write_text(migration)
    layout = Layout.find(base)
    layout.make()
    (layout.node / packages.name).symlink_to(packages)
    return layout


@pytest.fixture
def new_stack(tmp_path: Path, packages: Path) -> Iterator[Callable[[str], Stack]]:
    """Makes stacks by name; all of them are gone afterwards."""
    made: list[Stack] = []

    def make(name: str) -> Stack:
        stack = Stack(make_project(tmp_path / name, packages), durable=False)
        made.append(stack)
        return stack

    yield make
    for stack in made:
        stack.remove()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Iterator[Stack]:
    """One running stack, in a directory with a space, for the tests of a module."""
    base = tmp_path_factory.mktemp("a stack")
    stack = Stack(make_project(base, packages), durable=False)
    stack.up(port=0)
    yield stack
    stack.remove()


@pytest.fixture
def debian_postgres() -> str:
    """The bin directory of an installed Postgres 15."""
    found = Path("/usr/lib/postgresql/15/bin")
    if not (found / "initdb").exists():
        pytest.skip("no Postgres 15 on this machine")
    return str(found)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every account can enter, unlike pytest's own."""
    base = Path(f"/tmp/vigil test {os.getpid()}")
    base.mkdir(mode=0o755)
    yield base
    shutil.rmtree(base)
