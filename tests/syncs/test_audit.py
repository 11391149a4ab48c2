"""The audit: of every key and field what was sent and what came of it, until it is purged."""

from __future__ import annotations

import duckdb
import pytest

from syncs.history import owed, rows
from syncs.run import purge
from tests.state_places import in_both_places
from tests.syncs.bench import go
from tests.syncs.memory_destination import Killed, MemoryDestination


def audited(
    bench, query="select key, field, operation, before, sent, status from audit order by all"
):
    files = f"{bench.settings.sync_audit}/*/*.parquet"
    return duckdb.sql(f"with audit as (from read_parquet('{files}')) {query}").fetchall()


@in_both_places
def test_every_field_of_every_row_has_its_line(bench):
    there = MemoryDestination(refused={"z"})
    bench.model({"x": ("1", 1.0), "z": ("3", None)})
    go(bench, there)
    there.refused.clear()
    bench.model({"x": ("2", 1.0), "z": ("3", None)})
    go(bench, there)
    bench.model({"x": ("2", 1.0)})
    go(bench, there)
    assert go(bench, there).planned == 0, "and nothing to do leaves no file"
    assert audited(bench) == [
        ("x", "A", "create", None, '"1"', "delivered"),
        ("x", "A", "update", '"1"', '"2"', "delivered"),
        ("x", "B", "create", None, "1.0", "delivered"),
        ("z", "A", "create", None, '"3"', "delivered"),
        ("z", "A", "create", None, '"3"', "rejected"),
        ("z", "B", "create", None, "null", "delivered"),
        ("z", "B", "create", None, "null", "rejected"),
        ("z", None, "remove", None, None, "delivered"),
    ]
    assert audited(bench, "select count(distinct run_id), count(distinct sync) from audit") == [
        (3, 1)]  # fmt: skip


def test_what_the_destination_holds_can_be_told_from_the_audit_alone(bench):
    """Through lost answers and a kill: the last delivered line of each field is what is there."""
    there = MemoryDestination(size=2, faults=[None, "lost answer", *["down"] * 4])
    bench.model({f"k{n}": (str(n), 1.0) for n in range(7)})
    go(bench, there)  # ends with rows in doubt
    go(bench, there)
    there.faults = [None, "killed after"]
    bench.model({f"k{n}": (f"{n}!", 1.0) for n in range(6)})
    with pytest.raises(Killed):
        go(bench, there)
    go(bench, there)
    told = audited(
        bench,
        "select key, field, sent from audit where status = 'delivered' and field is not null "
        "and key not in (select key from audit where operation = 'remove') "
        "qualify row_number() over (partition by key, field order by run_id desc) = 1 order by all",
    )
    held = there.state()
    assert {(key, field): duckdb.sql("select ?::json", params=[sent]).fetchall()[0][0]
            for key, field, sent in told} == {
        (key, field): f'"{value}"' if isinstance(value, str) else str(value)
        for key, fields in held.items() for field, value in fields.items()}  # fmt: skip
    twice = audited(bench, "select count(*) from audit group by run_id, planned_run_id, key, field "
                           "having count(*) > 1")  # fmt: skip
    assert twice == []


@in_both_places
def test_one_person_is_forgotten_everywhere(bench):
    there = MemoryDestination(refused={"y"})
    bench.model({"x": ("1", 1.0), "y": ("secret", 2.0)})
    go(bench, there)
    assert purge("things", bench.settings, bench.clock, "y") == 2
    assert {key for key, *_ in audited(bench)} == {"x"}
    assert owed("things", bench.settings) == []
    assert {row["key"] for row in rows("things", bench.settings)} == {"x"}
    assert purge("things", bench.settings, bench.clock, "y") == 0
