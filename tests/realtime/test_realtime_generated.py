"""Stored generated columns, which the log leaves out: their values all the same, or honestly none."""

from __future__ import annotations

from typing import Any

from realtime_harness import Running, token
from test_realtime_rows import data, numbers, subscribe


async def test_generated_columns_are_in_the_record(gateway: Running, wire: Any) -> None:
    """Every value equals to_jsonb of the row, in the table's order; an update has the new one."""
    one = await subscribe(wire, gateway, token(), {"schema": "public", "table": "sums"})
    for values in ("5, 1.50, 'ä\"x', 9", "null, 2, null, null", "11, 0, '', 1"):
        row = next(numbers)
        ((expected,),) = gateway.sql(
            f"with row as (insert into sums (id, a, b, label, last) values ({row}, {values})"
            " returning *) select to_jsonb(row) from row"
        )
        change = await data(one)
        assert change["record"] == expected
        assert list(change["record"]) == [column["name"] for column in change["columns"]]
    gateway.sql("update sums set a = 20 where id = %s", row)
    change = await data(one)
    assert (change["record"]["total"], change["record"]["small"]) == (20, False)
    assert change["old_record"] == {"id": row}, "the old values were not logged"


async def test_a_filter_may_name_a_generated_column(gateway: Running, wire: Any) -> None:
    """It is compared like any other column."""
    entry = {"schema": "public", "table": "sums", "filter": "total=gte.100,small=is.false"}
    one = await subscribe(wire, gateway, token(), entry)
    first, second = next(numbers), next(numbers)
    gateway.sql("insert into sums (id, a, b) values (%s, 50, 49.99), (%s, 50, 50)", first, second)
    assert (await data(one))["record"]["id"] == second
    await one.silence(0.3)


async def test_old_values_are_made_of_old_values(gateway: Running, wire: Any) -> None:
    """Under replica identity full the old record has its own."""
    one = await subscribe(wire, gateway, token(), {"schema": "public", "table": "old_sums"})
    row = next(numbers)
    gateway.sql("insert into old_sums (id, a) values (%s, 1)", row)
    assert (await data(one))["record"] == {"id": row, "a": 1, "twice": 2}
    gateway.sql("update old_sums set a = 4 where id = %s", row)
    change = await data(one)
    assert change["record"] == {"id": row, "a": 4, "twice": 8}
    assert change["old_record"] == {"id": row, "a": 1, "twice": 2}


async def test_what_is_made_of_a_missing_value_is_missing_too(gateway: Running, wire: Any) -> None:
    """An unchanged value too large for the row is not in the log, nor is what it makes."""
    gateway.sql("alter table sums alter column label set storage external")
    one = await subscribe(wire, gateway, token(), {"schema": "public", "table": "sums"})
    row = next(numbers)
    gateway.sql("insert into sums (id, a, b, label) values (%s, 1, 1, repeat('x', 9000))", row)
    assert len((await data(one))["record"]["shout"]) == 9000
    gateway.sql("update sums set a = 2 where id = %s", row)
    record = (await data(one))["record"]
    assert record["total"] == 3
    assert not {"label", "shout"} & set(record)
