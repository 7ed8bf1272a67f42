"""Stored generated columns, which `pgoutput` leaves out before Postgres 18: worked out again.

The database evaluates the expression its catalogue holds over the values the log holds. It cannot
when one of those is missing: an unchanged TOASTed value, or an old row of which only the key was
logged. Then the column stays out, as any other value that is not in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from vigil_cli.local.realtime.catalog import Table, TableColumn
from vigil_cli.local.realtime.examiner import Examiner, Question
from vigil_cli.local.realtime.wal import Change, Column, Row


async def complete(
    changes: Sequence[Change], tables: Mapping[int, Table], examiner: Examiner
) -> list[Change]:
    """The changes with every generated value that can be known; one round trip, or none."""
    asked: dict[Question, None] = {}
    for change in changes:
        table = tables.get(change.relation.oid)
        for column in _absent(change, table) if table else ():
            for row in (change.new, change.old):
                question = _question(table, column, row) if table else None
                if question is not None:
                    asked[question] = None
    if not asked:
        return list(changes)
    answers = await examiner.ask(list(asked))
    return [
        _completed(change, tables[change.relation.oid], answers)
        if change.relation.oid in tables
        else change
        for change in changes
    ]


def _absent(change: Change, table: Table) -> list[TableColumn]:
    logged = {column.name for column in change.relation.columns}
    return [c for c in table.columns if c.expression is not None and c.name not in logged]


def _question(table: Table, column: TableColumn, row: Row | None) -> Question | None:
    if row is None or any(name not in row for name in column.made_of):
        return None
    return Question(table.generated_query(column), tuple(row[name] for name in column.made_of))


def _completed(change: Change, table: Table, answers: Mapping[Question, str | None]) -> Change:
    absent = _absent(change, table)
    if not absent:
        return change
    rows = []
    for row in (change.new, change.old):
        whole = dict(row) if row is not None else None
        for column in absent:
            question = _question(table, column, row)
            answer = answers.get(question) if question else None
            if whole is not None and answer is not None:
                whole[column.name] = answer[1:] if answer else None
        rows.append(whole)
    logged = {column.name: column for column in change.relation.columns}
    order = [
        logged.pop(c.name) if c.name in logged else Column(c.name, c.type_oid, key=False)
        for c in table.columns
        if c.name in logged or c in absent
    ]
    relation = replace(change.relation, columns=(*order, *logged.values()))
    return replace(change, relation=relation, new=rows[0], old=rows[1])
