"""A world shown up to a day, and then one more day, is the world shown up to that next day."""

from __future__ import annotations

import gzip
from collections import defaultdict
from typing import Any

from sandbox.company import slices
from sandbox.company.slices import Slice
from sandbox.company.world import World


def _product(parts: list[Slice], name: str) -> dict[int, Any]:
    rows: dict[int, Any] = {}
    for part in parts:
        rows.update({row["id"]: row for row in part.product[name].to_pylist()})
    return rows


KEYS = ("Id", "id", "uuid", "programId")


def _records(parts: list[Slice], key: tuple[str, str]) -> dict[Any, Any]:
    rows: dict[Any, Any] = {}
    for part in parts:
        for row in part.records[key]:
            name = next(name for name in KEYS if name in row)
            rows[row[name], row.get("leadId") if name == "programId" else None] = row
    return rows


def _lines(parts: list[Slice]) -> dict[str, list[bytes]]:
    lines: dict[str, list[bytes]] = defaultdict(list)
    for part in parts:
        for day, member in part.events:
            lines[day.isoformat()] += gzip.decompress(member).splitlines()
    return {day: sorted(found) for day, found in lines.items()}


def test_a_day_more_is_the_next_day(world: World) -> None:
    before, one_day = slices.first(world), slices.cut(world, 240.0, 241.0)
    at_once = slices.cut(world, slices.BEFORE, 241.0)
    for name in at_once.product:
        assert _product([before, one_day], name) == _product([at_once], name), name
    for key in at_once.records:
        assert _records([before, one_day], key) == _records([at_once], key), key
    assert _lines([before, one_day]) == _lines([at_once])
    assert one_day.sheet == at_once.sheet


def test_the_next_day_changes_something_of_everything_that_lives(world: World) -> None:
    one_day = slices.cut(world, 240.0, 241.0)
    for name in ("users", "memberships", "subscriptions", "usage_daily", "group_orders"):
        assert one_day.product[name].num_rows > 0, name
    assert one_day.records["salesforce", "Lead"]
    assert one_day.records["hubspot", "contacts"]
    assert len({day for day, _ in one_day.events}) > 1, "late events belong to earlier days"


def test_a_saved_slice_reads_back(world: World, tmp_path: Any) -> None:
    part = slices.cut(world, 240.0, 241.0)
    part.save(tmp_path / "day")
    again = slices.read(tmp_path / "day")
    assert again.until == part.until
    assert again.product == part.product
    assert {k: list(v) for k, v in again.records.items()} == part.records
    assert again.events == part.events
    assert again.truth.keys() == part.truth.keys()
