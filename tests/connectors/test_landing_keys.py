"""Key comparison: rows that are gone at the source without a trace."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from tests.connectors.streams_under_test import HAPPENINGS, LISTED, THINGS, Shop, happening, thing


def ids(*names: str) -> pa.Table:
    return pa.table({"id": pa.array(names, pa.string())})


def living(shop: Shop, table: str = "things") -> list[Any]:
    return [
        row[0]
        for row in shop.rows(
            f"select id from raw_shop.{table} where _deleted_at is null order by 1"
        )
    ]


@pytest.mark.parametrize("stream", [THINGS, LISTED], ids=["flag", "feed"])
def test_a_row_whose_key_is_gone_gets_a_tombstone_and_keys_are_no_records(
    shop: Shop, stream: Any
) -> None:
    shop.load(stream, [thing("a"), thing("b"), thing("c")])
    second = shop.load(stream, [thing("d", 5)], keys=ids("a", "c"))
    assert (second.received, second.landed, second.duplicates, second.tombstoned) == (1, 1, 0, 1)
    assert living(shop, stream.name) == ["a", "c", "d"]
    assert shop.load(stream, keys=ids("a", "c", "d")).tombstoned == 0


@pytest.mark.parametrize("stream", [THINGS, LISTED], ids=["flag", "feed"])
def test_a_row_that_comes_back_lives_again(shop: Shop, stream: Any) -> None:
    shop.load(stream, [thing("a"), thing("b")])
    assert shop.load(stream, keys=ids("a")).tombstoned == 1
    assert shop.load(stream, [thing("b")]).landed == 1
    assert living(shop, stream.name) == ["a", "b"]


def test_no_keys_at_all_are_not_believed(shop: Shop) -> None:
    shop.load(THINGS, [thing("a")])
    assert shop.load(THINGS, keys=ids()).tombstoned == 0
    assert living(shop) == ["a"]


def test_rows_of_later_loads_are_left_alone(shop: Shop) -> None:
    shop.load(THINGS, [thing("a"), thing("b")])
    compared = shop.receive(THINGS, keys=ids("a"))
    shop.load(THINGS, [thing("b", 9), thing("c", 9)])
    shop.land(THINGS, compared)
    assert living(shop) == ["a", "b", "c"]


def test_a_record_in_quarantine_has_not_vanished(shop: Shop) -> None:
    shop.load(THINGS, [thing("a"), thing("b")])
    result = shop.load(THINGS, [thing("b", 9, size="big")], keys=ids("a"))
    assert (result.quarantined, result.tombstoned) == (1, 0)
    assert living(shop) == ["a", "b"]


def test_keys_of_several_columns_are_compared_in_the_contracts_types(shop: Shop) -> None:
    shop.load(HAPPENINGS, [happening("ann", 60), happening("ann", 120), happening("bob", 60)])
    keys = pa.table({"event": ["Opened"] * 2, "properties.actor": ["ann", "bob"],
                     "properties.time": ["1970-01-01 00:01:00"] * 2})  # fmt: skip
    assert shop.load(HAPPENINGS, keys=keys).tombstoned == 1
    assert shop.rows(
        "select actor, epoch(happened_at) from raw_shop.happenings where _deleted_at is not null"
    ) == [("ann", 120.0)]
