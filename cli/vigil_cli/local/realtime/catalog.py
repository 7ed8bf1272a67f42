"""What the database's catalogue says about published tables, read fresh for each batch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from psycopg import sql

from vigil_cli.local.realtime.database import Connection

_TABLES = """
select c.oid::bigint, n.nspname, c.relname, c.relrowsecurity, a.attname, a.atttypid::bigint,
       t.typname, pg_catalog.format_type(a.atttypid, null), coalesce(i.indisprimary, false),
       t.typcategory = 'S', coalesce(l.collisdeterministic, true),
       array(
           select r.rolname::text from pg_catalog.pg_roles r
           where r.rolname = any(%(roles)s)
               and pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'SELECT')
       ),
       case when a.attgenerated = 's' then pg_catalog.pg_get_expr(d.adbin, c.oid) end,
       array(
           select b.attname::text
           from pg_catalog.pg_depend p
               join pg_catalog.pg_attribute b on b.attrelid = c.oid and b.attnum = p.refobjsubid
           where a.attgenerated = 's' and p.refclassid = 'pg_catalog.pg_class'::regclass
               and p.refobjid = c.oid and p.refobjsubid not in (0, a.attnum)
               and (p.classid, p.objid, p.objsubid) in (
                   ('pg_catalog.pg_class'::regclass, c.oid, a.attnum),
                   ('pg_catalog.pg_attrdef'::regclass, d.oid, 0))
       )
from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_catalog.pg_type t on t.oid = a.atttypid
    left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    left join pg_catalog.pg_collation l on l.oid = a.attcollation
    left join pg_catalog.pg_index i
        on i.indrelid = c.oid and i.indisprimary and a.attnum = any(i.indkey)
where c.oid = any(%(oids)s::oid[])
order by c.oid, a.attnum
"""
_PUBLISHED = """
select c.oid::bigint, p.schemaname, p.tablename
from pg_catalog.pg_publication_tables p
    join pg_catalog.pg_namespace n on n.nspname = p.schemaname
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = p.tablename
where p.pubname = %s
order by 2, 3
"""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column now: its type by name, and which of the asked roles may select it.

    A stored generated one has its `expression`, over the columns named in `made_of`.
    """

    name: str
    type_oid: int
    type_name: str
    type_sql: str
    primary: bool
    textual: bool
    deterministic: bool
    roles: frozenset[str]
    expression: str | None
    made_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table now, with the columns of its primary key."""

    oid: int
    schema: str
    name: str
    row_security: bool
    columns: tuple[TableColumn, ...]

    @property
    def primary_key(self) -> tuple[TableColumn, ...]:
        """The key columns in table order; empty when there is no primary key."""
        return tuple(column for column in self.columns if column.primary)

    def column(self, name: str) -> TableColumn | None:
        """The column of that name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)

    def generated_query(self, column: TableColumn) -> str:
        """A query for a generated column's value, as `=text` or ``, of the values it is made of."""
        sources = [known for name in column.made_of if (known := self.column(name))]
        given = sql.SQL(", ").join(
            sql.SQL("($1)[{}]::{} as {}").format(
                sql.Literal(index), sql.SQL(source.type_sql), sql.Identifier(source.name)
            )
            for index, source in enumerate(sources, start=1)
        )
        return (
            sql.SQL(
                "select case when num_nulls(made.v) = 0 then format('=%s', made.v) else '' end"
                " from (select ({})::{} as v from (select {}) given) made"
            )
            .format(sql.SQL(column.expression or "null"), sql.SQL(column.type_sql), given)
            .as_string(None)
        )

    def visible_query(self) -> str:
        """A query for whether the row with key `$1` can be seen by whoever asks."""
        condition = sql.SQL(" and ").join(
            sql.SQL("{} = ($1)[{}]::{}").format(
                sql.Identifier(column.name), sql.Literal(index), sql.SQL(column.type_sql)
            )
            for index, column in enumerate(self.primary_key, start=1)
        )
        return (
            sql.SQL("select exists (select 1 from {} where {})::text")
            .format(sql.Identifier(self.schema, self.name), condition)
            .as_string(None)
        )


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table in the publication of table changes."""

    oid: int
    schema: str
    name: str


async def load_tables(
    conn: Connection, oids: Collection[int], roles: Collection[str]
) -> dict[int, Table]:
    """The tables that still exist, by oid, with the privileges of those roles."""
    cursor = await conn.execute(_TABLES, {"oids": sorted(oids), "roles": sorted(roles)})
    rows = await cursor.fetchall()
    heads: dict[int, tuple[str, str, bool]] = {}
    columns: dict[int, list[TableColumn]] = {}
    for oid, schema, name, secured, *column, granted, expression, made_of in rows:
        attname, type_oid, type_name, type_sql, primary, textual, deterministic = column
        heads[oid] = (schema, name, secured)
        columns.setdefault(oid, []).append(
            TableColumn(
                attname,
                type_oid,
                type_name,
                type_sql,
                primary,
                textual,
                deterministic,
                frozenset(granted),
                expression,
                tuple(made_of),
            )
        )
    return {oid: Table(oid, *head, tuple(columns[oid])) for oid, head in heads.items()}


async def published_tables(conn: Connection, publication: str) -> tuple[PublishedTable, ...]:
    """The tables in the publication now; empty when it does not exist."""
    cursor = await conn.execute(_PUBLISHED, [publication])
    return tuple(PublishedTable(*row) for row in await cursor.fetchall())


async def existing_publications(conn: Connection, names: Collection[str]) -> tuple[str, ...]:
    """Which of the publications exist."""
    cursor = await conn.execute(
        "select pubname::text from pg_catalog.pg_publication where pubname = any(%s) order by 1",
        [list(names)],
    )
    return tuple(row[0] for row in await cursor.fetchall())
