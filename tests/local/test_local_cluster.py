"""The cluster: made, started, shaped, refused what a hosted project refuses, and stopped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from vigil_cli.local import binaries
from vigil_cli.local.binaries import find_binaries
from vigil_cli.local.cluster import Cluster
from vigil_cli.local.diagnosis import explain
from vigil_cli.local.errors import LocalStackError
from vigil_cli.local.process import Process, start_mark
from vigil_cli.local.unprivileged import Account, account_for_postgres

REFUSED = [
    "create table auth.mine (id int)",
    "create table realtime.mine (id int)",
    "create table storage.mine (id int)",
    "create function realtime.mine() returns int language sql as 'select 1'",
    "create index on realtime.messages (topic)",
    "alter table auth.users add column mine int",
    "drop table auth.users cascade",
    "create or replace function auth.uid() returns uuid language sql as 'select null::uuid'",
    "create role mine superuser",
    "alter role supabase_admin nosuperuser",
    "alter role postgres superuser",
    "grant supabase_auth_admin to postgres",
    "grant pg_execute_server_program to postgres",
    "copy (select 1) to program 'cat'",
    "copy (select 1) to '/tmp/mine'",
    "create extension file_fdw",
    "create function public.mine() returns int language c as 'mine'",
    "create publication mine for all tables",
    "alter publication supabase_realtime_messages_publication set (publish = '')",
]
ALLOWED = [
    "create role mine login; alter role mine password 'x'; drop role mine",
    "create schema mine; create table mine.t (id int); drop schema mine cascade",
    "create table public.t (id uuid primary key references auth.users);"
    "alter publication supabase_realtime add table public.t; drop table public.t",
    "create policy p on realtime.messages for select to authenticated using (true);"
    "drop policy p on realtime.messages",
    "create trigger t after insert on auth.users for each row"
    " execute function suppress_redundant_updates_trigger(); ",
    "select extensions.crypt('x', extensions.gen_salt('bf', 4)), uuid_generate_v4()",
    "insert into auth.users (id, email) values (gen_random_uuid(), 'ann@example.org')",
    "set role authenticated",
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("a cluster"), durable=False)
    cluster.start()
    cluster.bootstrap("project")
    yield cluster
    cluster.destroy()


@pytest.mark.parametrize("statement", REFUSED)
def test_postgres_is_refused_what_a_hosted_project_refuses(
    cluster: Cluster, statement: str
) -> None:
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with psycopg.connect(cluster.dsn(dbname="project")) as conn, refused:
        conn.execute(statement)


@pytest.mark.parametrize("statement", ALLOWED)
def test_postgres_may_do_what_migrations_do(cluster: Cluster, statement: str) -> None:
    with psycopg.connect(cluster.dsn(dbname="project")) as conn:
        conn.execute(statement)
        conn.rollback()


def test_new_tables_are_granted_to_nobody(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(dbname="project")) as conn:
        conn.execute("create table public.fresh (id int)")
        granted = conn.execute(
            "select r.rolname from pg_roles r where has_table_privilege(r.oid, 'public.fresh',"
            " 'select') and r.rolname in ('anon', 'authenticated', 'service_role')"
        )
        assert granted.fetchall() == []
        conn.rollback()


def test_bootstrapping_again_changes_nothing(cluster: Cluster) -> None:
    def catalogue() -> list[object]:
        with psycopg.connect(cluster.dsn(role="supabase_admin", dbname="project")) as conn:
            return conn.execute(
                "select relname, relowner::regrole::text, relacl::text from pg_class"
                " where relnamespace::regnamespace::text in ('auth', 'realtime', 'public')"
                " union all select proname, proowner::regrole::text, proacl::text from pg_proc"
                " where pronamespace::regnamespace::text in ('auth', 'realtime', 'extensions')"
                " order by 1, 2, 3"
            ).fetchall()

    before = catalogue()
    cluster.bootstrap("project")
    assert catalogue() == before


def test_auth_helpers_read_both_forms_of_claims(cluster: Cluster) -> None:
    user = "11111111-1111-1111-1111-111111111111"
    with psycopg.connect(cluster.dsn(dbname="project")) as conn:
        conn.execute("select set_config('request.jwt.claims', %s, true)", [f'{{"sub":"{user}"}}'])
        assert str(conn.execute("select auth.uid()").fetchone()[0]) == user
        conn.rollback()
        conn.execute("select set_config('request.jwt.claim.sub', %s, true)", [user])
        assert str(conn.execute("select auth.uid()").fetchone()[0]) == user
        conn.rollback()
        assert conn.execute("select auth.uid(), auth.jwt()").fetchone() == (None, None)


def test_sending_from_the_database_stores_a_row_of_today_and_never_fails_the_caller(
    cluster: Cluster,
) -> None:
    with psycopg.connect(cluster.dsn(dbname="project")) as conn:
        conn.execute("""select realtime.send('{"a": 1}', 'e', 'room:1')""")
        conn.execute("""select realtime.send('[1]', 'e', 'room:1')""")
        rows = conn.execute("select payload, private, topic from realtime.messages").fetchall()
        assert [(row[0]["a"], *row[1:]) for row in rows] == [(1, True, "room:1")]
        conn.execute("set local role authenticated")
        conn.execute("""select realtime.send('{"a": 2}', 'e', 'room:1')""")
        conn.execute("reset role")
        assert conn.execute("select count(*) from realtime.messages").fetchone() == (1,)


def test_partitions_reach_from_yesterday_to_three_days_ahead_and_old_ones_go(
    cluster: Cluster,
) -> None:
    with psycopg.connect(cluster.dsn(role="supabase_admin", dbname="project")) as conn:
        conn.execute(
            "create table realtime.messages_2020_01_01 partition of realtime.messages"
            " for values from ('2020-01-01') to ('2020-01-02')"
        )
    cluster.ensure_partitions("project")
    with psycopg.connect(cluster.dsn(dbname="project")) as conn:
        days = conn.execute(
            "select to_date(right(c.relname, 10), 'YYYY_MM_DD') - (now() at time zone 'utc')::date"
            " from pg_inherits i join pg_class c on c.oid = inhrelid"
            " where inhparent = 'realtime.messages'::regclass order by 1"
        ).fetchall()
    assert [day for (day,) in days] == [-1, 0, 1, 2, 3]


def test_a_wrong_password_is_refused(cluster: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(cluster.url("postgres", "wrong", "project"))


def test_secrets_are_readable_by_the_owner_only(cluster: Cluster) -> None:
    for file in (cluster.root / "cluster.json", cluster.log_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(cluster.data_dir.stat().st_mode) == 0o700


def test_it_does_not_run_as_root(cluster: Cluster) -> None:
    process = cluster.process()
    assert process is not None
    assert Path(f"/proc/{process.pid}").stat().st_uid != 0


def test_a_long_path_with_spaces_works_and_a_killed_server_is_followed_by_a_new_one(
    tmp_path: Path,
) -> None:
    cluster = Cluster(tmp_path / ("long " * 30) / "pg", durable=False)
    try:
        cluster.start()
        cluster.start()
        first = cluster.process()
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        assert first.wait(10)
        assert not cluster.is_running()
        cluster.start()
        with psycopg.connect(cluster.dsn(role="supabase_admin")) as conn:
            assert conn.execute("select 1").fetchone() == (1,)
    finally:
        cluster.destroy()
    assert not cluster.data_dir.exists()


def test_a_pid_file_that_names_a_foreign_process_is_no_obstacle(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "pg", durable=False)
    try:
        cluster.init()
        (cluster.data_dir / "postmaster.pid").write_text(f"{os.getpid()}\n" + "x\n" * 7)
        assert not cluster.is_running()
        cluster.stop()
        assert start_mark(os.getpid()) is not None
        cluster.start()
        assert cluster.is_running()
    finally:
        cluster.destroy()


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        cluster = Cluster(tmp_path / "pg", port=taken.getsockname()[1], durable=False)
        try:
            with pytest.raises(LocalStackError, match=r"Port \d+ .* in use") as caught:
                cluster.start()
            assert "Try:" in str(caught.value)
        finally:
            cluster.destroy()


def test_postgres_15_serves_too_and_refuses_data_of_another_major(
    tmp_path: Path, debian_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIL_PG_BIN", debian_postgres)
    cluster = Cluster(tmp_path / "pg", durable=False)
    try:
        cluster.start()
        cluster.bootstrap()
        cluster.bootstrap()
        with psycopg.connect(cluster.dsn()) as conn:
            assert conn.info.server_version // 10000 == 15
            conn.execute("create policy p on realtime.messages for select using (true)")
            for statement in ("create table auth.mine (id int)", "create role m superuser"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                    conn.execute(statement)
        cluster.stop()
        monkeypatch.delenv("VIGIL_PG_BIN")
        with pytest.raises(LocalStackError, match="written by Postgres 15"):
            Cluster(tmp_path / "pg").start()
    finally:
        cluster.destroy()


def test_an_unusable_pg_bin_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="no program named initdb or postgres"):
        find_binaries(None, {"VIGIL_PG_BIN": str(tmp_path)})
    for name, version in (("initdb", "x"), ("postgres", "14.3")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(LocalStackError, match="is Postgres 14; Vigil needs 15"):
        find_binaries(None, {"VIGIL_PG_BIN": str(tmp_path)})


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    printed = 'FATAL:  could not write to file "x": No space left on device'
    error = explain(printed, data_dir=tmp_path, log_file=tmp_path / "log", port=1)
    assert f"The disk that holds {tmp_path} is full" in str(error)


def test_an_account_reaches_what_its_permissions_allow(tmp_path: Path) -> None:
    stranger = Account("stranger", 65111, 65111)
    tmp_path.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "inner").mkdir(mode=0o755)
    assert not stranger.can_reach(closed / "inner")
    assert not stranger.can_use_tree(closed)
    owner = Account("owner", os.geteuid(), os.getegid())
    assert owner.can_use_tree(closed / "inner")


def test_only_root_changes_account() -> None:
    account = account_for_postgres()
    assert (account is not None) == (os.geteuid() == 0)
    assert account is None or account.uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's directories are closed to Postgres")
def test_root_s_postgres_runs_from_a_directory_only_root_may_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    tree = binaries._wheel_tree()
    subprocess.run(["cp", "-al", str(tree), str(closed / "pginstall")], check=True)
    monkeypatch.setattr(binaries, "_wheel_tree", lambda: closed / "pginstall")
    cluster = Cluster(closed / "pg", durable=False)
    try:
        cluster.start()
        assert not cluster.data_dir.is_relative_to(closed)
        again = Cluster(closed / "pg", durable=False)
        assert again.binaries.directory == cluster.binaries.directory, "copied once"
        assert again.is_running()
    finally:
        copied = cluster.binaries.directory.parent
        cluster.destroy()
        assert copied.name.startswith("bin-")
        shutil.rmtree(copied)


def test_a_process_is_its_pid_and_its_start() -> None:
    me = Process.of(os.getpid())
    assert me is not None
    assert me.alive()
    assert not Process(me.pid, "another start").alive()
    impostor = Process(me.pid, "another start")
    assert impostor.stop((signal.SIGKILL, 0.1)), "a recycled pid counts as ended, unsignalled"
