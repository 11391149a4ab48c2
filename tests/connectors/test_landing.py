"""What the landing engine makes of good records, in one load and over several."""

from __future__ import annotations

import gzip
import itertools
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from connectors.raw_tables import ensure_raw_tables
from connectors.stream import Deletes, Merges, Mode, Stream
from headwater.errors import SourceDataError
from tests.connectors.streams_under_test import (
    HAPPENINGS,
    LINES_OF_A_SHEET,
    LISTED,
    NOON,
    THINGS,
    Lead,
    Shop,
    happening,
    thing,
)


def test_values_become_the_contracts_types(shop: Shop) -> None:
    record = thing("a", size="7", ratio="0.5", red="TRUE", label=12.5, tags=[1, {"b": None}])
    shop.load(THINGS, [record | {"changed": "2025-08-29T14:00:00.250+0200"}])
    assert shop.rows(
        "select id, size, ratio, is_red, label, tags, changed_at, gone, _extra, _deleted_at "
        "from raw_shop.things"
    ) == [
        (
            "a",
            7,
            0.5,
            True,
            "12.5",
            '[1,{"b":null}]',
            datetime(2025, 8, 29, 12, 0, 0, 250000),
            False,
            None,
            None,
        )
    ]


def test_missing_fields_are_typed_nulls_and_empty_text_is_kept(shop: Shop) -> None:
    shop.load(THINGS, [thing("a", label="", size="")])
    assert shop.rows("select label, size, ratio, tags from raw_shop.things") == [
        ("", None, None, None)
    ]


def test_text_that_looks_like_json_is_text(shop: Shop) -> None:
    shop.load(THINGS, [thing("a", label='{"not": "nested"}'), thing("b", label="[1]")])
    assert shop.rows("select label from raw_shop.things order by id") == [
        ('{"not": "nested"}',),
        ("[1]",),
    ]


def test_unknown_fields_are_kept_and_summed_as_drift(shop: Shop) -> None:
    new_field = thing("a", colour="blue") | {"weight": {"kg": 3}, "url": "https://ignored"}
    shop.load(THINGS, [new_field, thing("b", colour=None), thing("c", size=1)])
    shop.load(THINGS, [thing("b", 5, colour=None), thing("c", size=1)])
    assert shop.rows("select id, _extra from raw_shop.things order by id") == [
        ("a", '{"weight":{"kg":3},"properties":{"colour":"blue"}}'),
        ("b", '{"properties":{"colour":null}}'),
        ("c", None),
    ]
    assert shop.rows(
        "select field, first_seen_at, last_seen_at, seen from landing.drift order by field"
    ) == [
        ("properties.colour", datetime(2025, 8, 29, 12, 1), datetime(2025, 8, 29, 12, 2), 3),
        ("weight", datetime(2025, 8, 29, 12, 1), datetime(2025, 8, 29, 12, 1), 1),
    ]


def test_the_same_batch_twice_changes_nothing(shop: Shop) -> None:
    records = [thing("a", 1, size=1), thing("b", 2), thing("a", 1, size=1)]
    first = shop.load(THINGS, records)
    before = shop.rows("select * from raw_shop.things order by id")
    second = shop.load(THINGS, records)
    assert (first.landed, first.duplicates) == (2, 1)
    assert (second.landed, second.duplicates) == (0, 3)
    assert shop.rows("select * from raw_shop.things order by id") == before


def test_the_same_load_twice_is_not_landed_again(shop: Shop) -> None:
    load = shop.receive(THINGS, [thing("a")], cursor="x")
    assert shop.land(THINGS, load) is not None
    before = shop.rows("select * from landing.loads")
    assert shop.land(THINGS, load) is None
    assert shop.rows("select * from landing.loads") == before


def test_an_older_version_after_a_newer_one_is_a_duplicate(shop: Shop) -> None:
    shop.load(THINGS, [thing("a", 10, size=10)])
    late = shop.load(THINGS, [thing("a", 5, size=5)])
    assert (late.landed, late.duplicates) == (0, 1)
    assert shop.rows("select size from raw_shop.things") == [(10,)]


def test_nothing_is_newer_than_a_row_whose_version_is_missing(shop: Shop) -> None:
    stream = replace(HAPPENINGS, mode=Mode.MERGE)
    shop.load(stream, [happening("a", 1000, note="kept"), happening("b", 1000, stored=3)])
    result = shop.load(stream, [happening("a", 1000, stored=5), happening("b", 1000, stored=5)])
    assert (result.landed, result.duplicates) == (1, 1)
    assert shop.rows("select actor, stored_at from raw_shop.happenings order by 1") == [
        ("a", None),
        ("b", 5),
    ]


def test_a_newer_record_takes_the_place_of_the_row_whatever_else_the_load_holds(
    shop: Shop,
) -> None:
    shop.load(THINGS, [thing("a", 1), thing("b", 2), thing("c", 3)])
    again = [thing("a", 4), thing("a", 9), thing("b", 8, gone=True), thing("c", 3), thing("d", 9)]
    result = shop.load(THINGS, [*again, thing("e", 2)])
    assert (result.landed, result.duplicates, result.tombstoned) == (4, 2, 1)
    assert shop.rows(
        "select id, changed_at - timestamp '2025-08-29 12:00:00', _load_id, _deleted_at is null "
        "from raw_shop.things order by id"
    ) == [
        (id_, timedelta(seconds=changed), f"shop-things-0000000{load}", lives)
        for id_, changed, load, lives in [
            ("a", 9, 2, True),
            ("b", 8, 2, False),
            ("c", 3, 1, True),
            ("d", 9, 2, True),
            ("e", 2, 2, True),
        ]
    ]
    assert shop.load(THINGS, [thing("b", 10, gone=True)]).tombstoned == 0


def test_of_versions_with_equal_cursors_the_one_received_later_stays(shop: Shop) -> None:
    shop.load(THINGS, [thing("a", 10, size=1)])
    for size in (2, 1, 3):
        assert shop.load(THINGS, [thing("a", 10, size=size)]).landed == 1
        assert shop.rows("select size from raw_shop.things") == [(size,)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_copies_of_a_fact_the_same_stays_in_any_order_of_receipt(
    shop: Shop, order: tuple[int, ...]
) -> None:
    copies = [happening("a", 1, stored=5), happening("a", 1, stored=5, colour="red"),
              happening("a", 1, stored=5, **{"$note": "seen"})]  # fmt: skip
    for number in order:
        shop.load(HAPPENINGS, [copies[number]])
    assert shop.rows("select note, _extra from raw_shop.happenings") == [("seen", None)]
    assert shop.load(HAPPENINGS, copies).duplicates == 3


def test_a_deleted_record_is_a_tombstone_until_it_comes_back(shop: Shop) -> None:
    shop.load(THINGS, [thing("a", 1, size=4)])
    gone = shop.load(THINGS, [thing("a", 2, gone=True, size=4)])
    assert gone.tombstoned == 1
    assert shop.rows("select _deleted_at, size from raw_shop.things") == [
        (datetime(2025, 8, 29, 12, 0, 2), 4)
    ]
    assert shop.load(THINGS, [thing("a", 3, gone=True)]).tombstoned == 0
    assert shop.load(THINGS, [thing("a", 4)]).tombstoned == 0
    assert shop.rows("select _deleted_at from raw_shop.things") == [(None,)]


def test_listed_tombstones_delete_and_a_record_that_comes_later_lives_again(shop: Shop) -> None:
    shop.load(LISTED, [thing("a", 1), thing("b", 1)])
    gone = shop.load(LISTED, tombstones=[{"id": "a"}, {"id": "never seen"}, {"id": ""}])
    assert (gone.landed, gone.duplicates, gone.quarantined, gone.tombstoned) == (1, 1, 1, 1)
    again = shop.load(LISTED, tombstones=[{"id": "a"}])
    assert (again.landed, again.tombstoned) == (0, 0)
    live = "select id from raw_shop.listed where _deleted_at is null order by id"
    assert shop.rows(live) == [("b",)]
    assert shop.load(LISTED, [thing("a", 1)]).landed == 1
    assert shop.rows(live) == [("a",), ("b",)]


def test_a_snapshot_tombstones_what_vanished_and_keeps_what_cannot_be_read(shop: Shop) -> None:
    def line(number: int, key: str | None) -> dict[str, object]:
        return {"row_number": number, "key": key}

    shop.load(LINES_OF_A_SHEET, [line(2, "a"), line(3, "b"), line(4, "c")])
    second = shop.load(LINES_OF_A_SHEET, [line(2, "a"), line(4, None)])
    assert (second.landed, second.duplicates, second.quarantined, second.tombstoned) == (0, 1, 1, 1)
    live = "select row_number, key from raw_shop.lines where _deleted_at is null order by 1"
    assert shop.rows(live) == [(2, "a"), (4, "c")]
    third = shop.load(LINES_OF_A_SHEET, [line(2, "z"), line(3, "b"), line(4, "c")])
    assert (third.landed, third.duplicates) == (2, 1)
    assert shop.rows(live) == [(2, "z"), (3, "b"), (4, "c")]


def test_a_snapshot_that_lands_late_changes_nothing(shop: Shop) -> None:
    old = shop.receive(LINES_OF_A_SHEET, [{"row_number": 2, "key": "old"}])
    shop.load(LINES_OF_A_SHEET, [{"row_number": 3, "key": "new"}])
    result = shop.land(LINES_OF_A_SHEET, old)
    assert result is not None
    assert (result.landed, result.duplicates, result.tombstoned) == (0, 1, 0)
    assert shop.rows("select key, _deleted_at from raw_shop.lines") == [("new", None)]


def test_appended_facts_keep_their_first_copy_in_any_order(shop: Shop) -> None:
    first, second = happening("u", 1000, stored=5), happening("u", 1000, stored=9)
    result = shop.load(HAPPENINGS, [second, first, second])
    assert (result.landed, result.duplicates) == (1, 2)
    assert shop.load(HAPPENINGS, [second]).landed == 0
    assert shop.rows("select stored_at from raw_shop.happenings") == [(5,)]


def test_a_local_wall_clock_becomes_utc(shop: Shop) -> None:
    # 2025-07-01 00:00 and 2025-01-01 00:00 in New York, written as if they were UTC.
    events = [happening("summer", 1751328000), happening("winter", 1735689600)]
    shop.load(HAPPENINGS, events, timezone="America/New_York")
    assert shop.rows("select actor, happened_at from raw_shop.happenings order by actor") == [
        ("summer", datetime(2025, 7, 1, 4)),
        ("winter", datetime(2025, 1, 1, 5)),
    ]


def test_late_rows_land_on_their_own_day(shop: Shop) -> None:
    shop.load(HAPPENINGS, [happening("u", 1_755_000_000)])
    shop.load(HAPPENINGS, [happening("v", 1_754_000_000)])
    days = shop.rows("select distinct cast(happened_at as date) from raw_shop.happenings")
    assert len(days) == 2


def test_the_cursor_and_the_books_are_kept_with_the_rows(shop: Shop) -> None:
    shop.load(THINGS, [thing("a"), "{bad"], cursor="one")
    shop.load(THINGS, [thing("a", 1)], cursor="two")
    assert shop.rows("select * from landing.cursors") == [
        ("shop", "things", "two", "shop-things-00000002")
    ]
    assert shop.rows(
        "select load_id, received, landed, duplicates, quarantined, files, cursor_after "
        "from landing.loads order by load_id"
    ) == [
        ("shop-things-00000001", 2, 1, 0, 1, 1, "one"),
        ("shop-things-00000002", 1, 1, 0, 0, 1, "two"),
    ]


def test_a_load_that_lands_late_does_not_move_the_cursor_back(shop: Shop) -> None:
    early = shop.receive(THINGS, [thing("a", 1)], cursor="early")
    shop.load(THINGS, [thing("b", 2)], cursor="late")
    shop.land(THINGS, early)
    assert shop.rows("select cursor from landing.cursors") == [("late",)]


def test_a_part_that_is_not_what_the_manifest_says_lands_nothing(shop: Shop) -> None:
    folder, manifest = shop.receive(THINGS, [thing("a"), thing("b")])
    part = folder / manifest.parts[0].file
    part.write_bytes(gzip.compress(json.dumps(thing("a")).encode()))
    with pytest.raises(SourceDataError, match="holds 1 records, its manifest says 2"):
        shop.land(THINGS, (folder, manifest))
    assert shop.rows("select count(*) from raw_shop.things") == [(0,)]
    assert shop.rows("select count(*) from landing.loads") == [(0,)]
    assert shop.rows("select count(*) from duckdb_tables() where temporary") == [(0,)]


def test_a_failure_within_the_transaction_leaves_everything_as_it_was(shop: Shop) -> None:
    shop.load(THINGS, [thing("a")], cursor="one")
    load = shop.receive(THINGS, [thing("a", 1), thing("b"), "{bad"], cursor="two")
    shop.connection.execute("alter table landing.loads rename to moved")
    shop.connection.execute("create view landing.loads as select * from landing.moved")
    with pytest.raises(Exception, match="loads"):  # the last write of the transaction
        shop.land(THINGS, load)
    assert shop.rows("select id from raw_shop.things") == [("a",)]
    assert shop.rows("select count(*) from landing.quarantine") == [(0,)]
    assert shop.rows("select cursor from landing.cursors") == [("one",)]
    shop.connection.execute("drop view landing.loads")
    shop.connection.execute("alter table landing.moved rename to loads")
    assert shop.land(THINGS, load) is not None
    assert shop.rows("select count(*) from raw_shop.things") == [(2,)]


def merging(loser: str, winner: str, of: str | None = None) -> Stream:
    """The leads, of which ``loser`` and ``winner`` tell what was merged."""
    return Stream(
        source="shop",
        name="leads",
        contract=Lead,
        mode=Mode.MERGE,
        key=("id",),
        version=("changed_at",),
        cursor="changed_at",
        deletes=Deletes("none"),
        merges=Merges("columns of the lead", loser, winner, of),
    )


def lead(id_: str, **fields: object) -> dict[str, object]:
    return {"id": id_, "changed": NOON.isoformat(), **fields}


MERGES = "select stream, loser_key, winner_key, seen_at from landing.merges order by all"


def test_merged_records_are_noted_once_with_the_record_they_became(shop: Shop) -> None:
    stream = merging("id", "master_id")
    ensure_raw_tables(shop.connection, [stream])
    lost = lead("a", master="b")
    shop.load(stream, [lost, lead("b"), lead("c", master=""), lead("d", master="b")])
    first = shop.rows(MERGES)
    assert [row[:3] for row in first] == [("leads", "a", "b"), ("leads", "d", "b")]
    shop.load(stream, [lost | {"changed": (NOON + timedelta(hours=1)).isoformat()}])
    assert shop.rows(MERGES) == first


@pytest.mark.parametrize(
    ("column", "path", "value"),
    [
        ("absorbed", "absorbed", "a;  d;"),
        ("absorbed_list", "list", ["a", "d"]),
        ("absorbed_list", "list", '["a", "d"]'),
    ],
)
def test_the_winner_may_list_those_that_were_merged_into_it(
    shop: Shop, column: str, path: str, value: object
) -> None:
    stream = merging(column, "id", of="people")
    ensure_raw_tables(shop.connection, [stream])
    shop.load(stream, [lead("b", **{path: value}), lead("c", **{path: None})])
    assert [row[:3] for row in shop.rows(MERGES)] == [("people", "a", "b"), ("people", "d", "b")]
