"""Rules and computed columns: what the landing engine makes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from connectors.contract import Contract, column
from connectors.raw_tables import ensure_raw_tables
from connectors.rules import Rule
from connectors.stream import Deletes, Mode, Stream
from tests.connectors.streams_under_test import Shop


class Parcel(Contract):
    """One row per parcel."""

    id: str = column("id", "Id.")
    weight: int | None = column("weight", "Weight.")
    sent_at: datetime | None = column("sent", "When it was sent.")
    arrived_at: datetime = column(
        "arrived", "When it came; a day after it was sent, if nobody noted it.",
        computed="coalesce(arrived_at, sent_at + interval 1 day)",
    )  # fmt: skip


PARCELS = Stream(
    source="shop",
    name="parcels",
    contract=Parcel,
    mode=Mode.MERGE,
    key=("id",),
    version=("sent_at",),
    cursor="sent_at",
    deletes=Deletes("none"),
    rules=lambda _: (
        Rule("weight > 30", "concat('too heavy: ', weight)"),
        Rule("json_extract_string(_extra, '$.to') = 'moon'", "'nobody lives there'"),
    ),
)
SENT = "2025-08-29T10:00:00Z"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    ensure_raw_tables(shop.connection, (PARCELS,))
    return shop


def test_records_that_break_a_rule_are_quarantined_with_all_reasons(shop: Shop) -> None:
    result = shop.load(
        PARCELS,
        [
            {"id": "a", "weight": 30, "sent": SENT, "to": "earth"},
            {"id": "b", "weight": 31, "sent": SENT},
            {"id": "c", "weight": 99, "sent": SENT, "to": "moon"},
            {"id": "d", "weight": "much", "sent": SENT, "to": "moon"},
            {"id": "e", "sent": SENT},
        ],
    )
    assert (result.landed, result.quarantined) == (2, 3)
    assert shop.rows("select record_key, reason from landing.quarantine order by 1") == [
        ("b", "too heavy: 31"),
        ("c", "too heavy: 99; nobody lives there"),
        ("d", "column weight (weight): value 'much' is not a whole number; nobody lives there"),
    ]


def test_a_record_lands_once_its_rule_is_gone(shop: Shop) -> None:
    load = [{"id": "b", "weight": 31, "sent": SENT}]
    assert shop.load(PARCELS, load).open_quarantine == 1
    free = replace(PARCELS, rules=lambda _: ())
    result = shop.load(free, load)
    assert (result.landed, result.open_quarantine) == (1, 0)


def test_a_computed_value_takes_the_place_of_what_was_sent(shop: Shop) -> None:
    arrived = "2025-08-29T12:00:00Z"
    shop.load(
        PARCELS,
        [
            {"id": "a", "sent": SENT, "arrived": arrived},
            {"id": "b", "sent": SENT},
            {"id": "c"},
            {"id": "d", "arrived": "late"},
        ],
    )
    assert shop.rows("select id, arrived_at from raw_shop.parcels order by 1") == [
        ("a", datetime(2025, 8, 29, 12)),
        ("b", datetime(2025, 8, 30, 10)),
    ]
    assert shop.rows("select record_key, reason from landing.quarantine order by 1") == [
        ("c", "column arrived_at (arrived): missing, but required"),
        ("d", "column arrived_at (arrived): value 'late' is not a moment"),
    ]


def test_a_list_of_deleted_keys_is_not_judged_by_rules(shop: Shop) -> None:
    shop.load(PARCELS, [{"id": "a", "weight": 1, "sent": SENT}])
    result = shop.load(PARCELS, tombstones=[{"id": "a", "weight": 99}])
    assert (result.tombstoned, result.quarantined) == (1, 0)
