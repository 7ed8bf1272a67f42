"""Turns the re-runnable sources under sql/ into SQL text: one replay of everything, or a migration of what changed.

    python sql/build.py replay                    everything, in dependency order, to stdout
    python sql/build.py migration NAME            a new file under supabase/migrations with the changed sources
    python sql/build.py check                     exit 1 when a source is not in the migrations yet

Sources are self-contained and safe to run again. Each block of a migration names its source and the hash of its text, so
that the newest block of a source says what a migrated database holds.
"""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

SQL = Path(__file__).resolve().parent
MIGRATIONS = SQL.parent / "supabase" / "migrations"
BLOCK = re.compile(r"^-- source: (\S+) sha256:(\w{64})\n(.*?)(?=^-- source: |\Z)", re.M | re.S)
FUNCTION = re.compile(
    r"create or replace function ([a-z_.]+)\((.*?)\)\s*returns\s+(.+?)\n\s*language", re.S
)


@dataclass(frozen=True, slots=True)
class Source:
    """One file of sql/, with its templates expanded."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def defines(self) -> set[str]:
        return {name for name, _, _ in FUNCTION.findall(self.text)}

    def needs(self) -> set[str]:
        """Functions that must exist when this text runs: string bodies are looked up later, the rest at once."""
        outside = re.sub(r"\$\$.*?\$\$", "", self.text, flags=re.S)
        outside = re.sub(r"(comment on|revoke|grant) .*?;", "", outside, flags=re.S)
        return set(re.findall(r"\b((?:vigil|public)\.[a-z_]+)\(", outside)) - self.defines()


def _indent(text: str, by: str) -> str:
    return text.replace("\n", "\n" + by)


def _visible_message(row: str) -> str:
    lines = (SQL / "templates" / "visible_message.sql").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("--")).strip()
    return _indent(re.sub(r"\bm\.", f"{row}.", text), "           ")


def _permissive(table: str, command: str, expression: str) -> str:
    """A permissive policy of ours, only where the app has none for that command."""
    name = f"vigil_{table}_{command}"
    clause = "with check" if command == "insert" else "using"
    code = {"select": "r", "insert": "a", "update": "w", "delete": "d"}[command]
    return f"""
drop policy if exists {name} on public.{table};
do $$
begin
    if not exists (
        select from pg_catalog.pg_policy p
        where p.polrelid = 'public.{table}'::regclass and p.polpermissive and p.polcmd in ('{code}', '*')
          and p.polname not like 'vigil\\_%'
          and (p.polroles = '{{0}}' or p.polroles @> array['authenticated'::regrole::oid])) then
        create policy {name} on public.{table}
            for {command} to authenticated
            {clause} ({expression});
        comment on policy {name} on public.{table} is 'Opens the table to members; the restrictive guards decide what they reach.';
    end if;
end
$$;"""


def expand(text: str) -> str:
    """Fill in `{{visible_message:ROW}}` and `{{permissive:TABLE:COMMAND:EXPRESSION}}`."""
    text = re.sub(r"\{\{visible_message:(\w+)\}\}", lambda m: _visible_message(m[1]), text)
    return re.sub(
        r"^\{\{permissive:(\w+):(\w+):(.+)\}\}$", lambda m: _permissive(m[1], m[2], m[3]), text, flags=re.M
    )


def sources() -> list[Source]:
    """Every source in an order that can be run: functions by need, then policies by name.

    Raises ValueError when two sources need each other before either exists.
    """
    found = [
        Source(str(path.relative_to(SQL)), expand(path.read_text()).strip() + "\n")
        for folder in ("functions", "policies")
        for path in sorted((SQL / folder).glob("*.sql"))
    ]
    owner = {name: source for source in found for name in source.defines()}
    done: list[Source] = []
    path: list[str] = []

    def visit(source: Source) -> None:
        if source in done:
            return
        if source.name in path:
            raise ValueError("these sources need each other: " + " -> ".join([*path, source.name]))
        path.append(source.name)
        for name in sorted(source.needs()):
            if name in owner and owner[name] is not source:
                visit(owner[name])
        path.pop()
        done.append(source)

    for source in found:
        visit(source)
    return done


def recorded() -> dict[str, tuple[str, str]]:
    """The newest (hash, text) of each source in the migrations."""
    known: dict[str, tuple[str, str]] = {}
    for path in sorted(MIGRATIONS.glob("*.sql")):
        for name, digest, text in BLOCK.findall(path.read_text()):
            known[name] = (digest, text)
    return known


def _types(arguments: str) -> str:
    """`(a uuid, b text default null)` as the types alone, the way DROP FUNCTION wants them."""
    parts = [re.sub(r"\s+default\s+.*", "", p.strip(), flags=re.S) for p in re.split(r",(?![^(]*\))", arguments)]
    return ", ".join(re.sub(r"^\w+\s+", "", p) for p in parts if p)


def _dropped(old: str, new: str) -> list[str]:
    """Functions whose arguments, result or mere existence changed: CREATE OR REPLACE would refuse or leave an overload."""
    now = {(n, " ".join(a.split()), " ".join(r.split())) for n, a, r in FUNCTION.findall(new)}
    return [
        f"drop function if exists {n}({_types(a)});"
        for n, a, r in FUNCTION.findall(old)
        if (n, " ".join(a.split()), " ".join(r.split())) not in now
    ]


def changed() -> list[tuple[Source, str]]:
    known = recorded()
    return [(s, known.get(s.name, ("", ""))[1]) for s in sources() if known.get(s.name, ("",))[0] != s.digest]


def block(source: Source, old: str = "") -> str:
    drops = _dropped(old, source.text)
    head = "".join(line + "\n" for line in drops)
    return f"-- source: {source.name} sha256:{source.digest}\n{head}{source.text}\n"


def replay() -> str:
    return "\n".join(source.text for source in sources())


def write_migration(name: str) -> Path | None:
    todo = changed()
    if not todo:
        return None
    newest = max((int(p.name[:14]) for p in MIGRATIONS.glob("*.sql")), default=0)
    stamp = max(int(datetime.now(UTC).strftime("%Y%m%d%H%M%S")), newest + 1)
    path = MIGRATIONS / f"{stamp}_{name}.sql"
    body = "\n".join(block(source, old) for source, old in todo)
    path.write_text(f"-- phase: pre   breaking: no\n-- Generated by `make migration`; the sources are under sql/.\n\n{body}")
    return path


def main(argv: list[str]) -> int:
    match argv:
        case ["replay"]:
            sys.stdout.write(replay())
        case ["migration", name] if re.fullmatch(r"[a-z0-9_]+", name):
            path = write_migration(name)
            print(f"wrote {path.relative_to(SQL.parent)}" if path else "nothing changed under sql/")
        case ["check"]:
            stale = [source.name for source, _ in changed()]
            if stale:
                print("not in a migration yet: " + ", ".join(stale) + "\nTry: make migration NAME=what_changed", file=sys.stderr)
                return 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
