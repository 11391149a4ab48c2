"""Parquet is judged where it lies, or copied where it is small: either way it gives the rows,
verdicts and accounts that lines would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import landing_stage
from headwater.errors import SourceDataError
from headwater.warehouse import ROW_GROUP
from tests.connectors.streams_under_test import NOON, THINGS, Shop, thing

MOMENTS = pa.timestamp("us", tz="UTC")


@pytest.fixture(autouse=True, params=[0, ROW_GROUP], ids=["where it lies", "copied"])
def small_part(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_stage, "ROW_GROUP", request.param)


def things(**columns: Any) -> pa.Table:
    """A table of things; what is not given is the same for all."""
    rows = len(columns["id"])
    changed = pa.array(columns.pop("changed", [NOON] * rows), MOMENTS)
    gone = columns.pop("gone", [False] * rows)
    return pa.table({**columns, "changed": changed, "gone": gone})


def test_parquet_gives_the_rows_of_lines(shop: Shop, tmp_path: Path) -> None:
    berlin = datetime(2025, 8, 29, 14, 0, 0, 250000, tzinfo=timezone(timedelta(hours=2)))
    columns = "id, size, changed_at, gone, _extra, _deleted_at"
    shop.load(THINGS, things(**{"id": ["a"], "properties.size": [7], "changed": [berlin]}))
    lines = Shop(tmp_path / "lines")
    lines.load(THINGS, [{"id": "a", "properties": {"size": 7}, "gone": False,
                         "changed": berlin.isoformat()}])  # fmt: skip
    [row] = shop.rows(f"select {columns} from raw_shop.things")
    assert row[2] == datetime(2025, 8, 29, 12, 0, 0, 250000)
    assert [row] == lines.rows(f"select {columns} from raw_shop.things")


def test_moments_without_end_are_kept(shop: Shop) -> None:
    endless = pa.array([2**63 - 1, -(2**63) + 1], pa.int64()).cast(MOMENTS)
    shop.load(THINGS, pa.table({"id": ["a", "b"], "changed": endless, "gone": [False, False]}))
    assert shop.rows("select id, cast(changed_at as varchar) from raw_shop.things order by id") == [
        ("a", "infinity"),
        ("b", "-infinity"),
    ]


def test_copies_and_bad_records_of_several_parts_are_told_apart(shop: Shop) -> None:
    later = datetime(2025, 9, 1, 13, tzinfo=UTC)
    first = things(id=["a", "b", None], colour=["red", None, "blue"])
    second = things(id=["a", "c"], changed=[later, None])
    result = shop.load(THINGS, first, [thing("b", 99), thing("d")], second)
    assert (result.received, result.landed, result.duplicates, result.quarantined) == (7, 3, 2, 2)
    assert shop.rows("select id, changed_at, _extra from raw_shop.things where id = 'a'") == [
        ("a", later.replace(tzinfo=None), None)
    ]
    assert shop.rows(
        "select file, line_number, record_key, reason from landing.quarantine order by file"
    ) == [
        ("part-00001.parquet", 3, "", "column id (id): missing, but required"),
        ("part-00003.parquet", 2, "c", "column changed_at (changed): missing, but required"),
    ]


def test_what_parquet_says_again_is_a_duplicate(shop: Shop) -> None:
    table = things(id=["a", "b"])
    shop.load(THINGS, table)
    again = shop.load(THINGS, table)
    assert (again.received, again.landed, again.duplicates) == (2, 0, 2)


def test_parquet_that_is_not_what_the_manifest_says_lands_nothing(shop: Shop) -> None:
    folder, manifest = shop.receive(THINGS, things(id=["a", "b"]))
    pq.write_table(things(id=["a"]), folder / manifest.parts[0].file)
    with pytest.raises(SourceDataError, match="holds 1 records, its manifest says 2"):
        shop.land(THINGS, (folder, manifest))
    assert shop.rows("select count(*) from raw_shop.things") == [(0,)]
    assert shop.rows("select count(*) from duckdb_views() where temporary and not internal") == [
        (0,)
    ]
