"""Records that cannot land: the reason, the place and how long they stay open."""

from __future__ import annotations

import gzip
import itertools
import json
import random

import pytest

from connectors.zone import LINES
from tests.connectors.streams_under_test import (
    HAPPENINGS,
    LINES_OF_A_SHEET,
    LISTED,
    NOON,
    THINGS,
    Shop,
    happening,
    thing,
)


def reasons(shop: Shop) -> list[tuple[int, str]]:
    return shop.rows("select line_number, reason from landing.quarantine order by line_number")


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"size": "x"}, "column size (properties.size): value 'x' is not a whole number"),
        ({"size": 4.7}, "column size (properties.size): value '4.7' is not a whole number"),
        ({"size": 1e30}, "column size (properties.size): value '1e+30' is not a whole number"),
        ({"ratio": "1,5"}, "column ratio (properties.ratio): value '1,5' is not a number"),
        ({"red": "yes"}, "column is_red (properties.red): value 'yes' is not true or false"),
        ({"red": 1}, "column is_red (properties.red): value '1' is not true or false"),
        ({"label": {"a": 1}}, "column label (properties.label): value '{\"a\":1}' is not text"),
        ({"label": [1]}, "column label (properties.label): value '[1]' is not text"),
        ({"tags": "red"}, "column tags (properties.tags): value 'red' is not a list or object"),
        (
            {"size": "x", "ratio": "y"},
            "column size (properties.size): value 'x' is not a whole number; "
            "column ratio (properties.ratio): value 'y' is not a number",
        ),
    ],
)
def test_a_changed_type_quarantines_the_row_and_not_the_load(
    shop: Shop, properties: dict[str, object], reason: str
) -> None:
    result = shop.load(THINGS, [thing("a", size=1), thing("b", **properties), thing("c")])
    assert (result.landed, result.quarantined) == (2, 1)
    assert reasons(shop) == [(2, reason)]
    [(key, record)] = shop.rows("select record_key, record from landing.quarantine")
    assert key == "b"
    assert json.loads(record)["properties"] == properties


def test_a_missing_required_field_is_named(shop: Shop) -> None:
    bad = [thing(""), {"id": "b", "gone": False}, {"id": "c", "changed": None, "gone": True}]
    result = shop.load(THINGS, bad)
    assert result.quarantined == 3
    assert reasons(shop) == [
        (1, "column id (id): missing, but required"),
        (2, "column changed_at (changed): missing, but required"),
        (3, "column changed_at (changed): missing, but required"),
    ]


def test_malformed_lines_are_rows_of_the_quarantine(shop: Shop) -> None:
    lines = ["{bad", json.dumps(thing("a")), "", "[1]", "3", '{"id": "b"', "terminated early"]
    result = shop.load(THINGS, lines)
    assert (result.landed, result.quarantined) == (1, 6)
    assert reasons(shop) == [
        (1, "not a JSON object: '{bad'"),
        (3, "not a JSON object: ''"),
        (4, "not a JSON object: '[1]'"),
        (5, "not a JSON object: '3'"),
        (6, 'not a JSON object: \'{"id": "b"\''),
        (7, "not a JSON object: 'terminated early'"),
    ]


def test_a_bad_record_is_open_until_a_later_load_makes_it_good(shop: Shop) -> None:
    bad = thing("b", 1, size="x")
    first = shop.load(THINGS, [thing("a"), bad, thing("c", size="y"), "{bad"])
    assert (first.quarantined, first.open_quarantine) == (3, 3)
    again = shop.load(THINGS, [bad])
    assert (again.quarantined, again.open_quarantine) == (0, 3)
    mended = shop.load(THINGS, [thing("b", 2, size=1), thing("c", 2, gone=True)])
    assert mended.open_quarantine == 1  # the line that is no record names no key to wait for
    worse = shop.load(THINGS, [thing("b", 3, size="x")])
    assert worse.open_quarantine == 2
    assert shop.load(LISTED, []).open_quarantine == 0


def test_a_bad_event_is_made_good_by_the_same_moment_in_the_sources_time_zone(shop: Shop) -> None:
    zone = {"timezone": "Europe/Berlin"}
    bad = [happening("a", 1_756_461_600, stored="x"), happening("b", 1_756_461_600, stored="x")]
    assert shop.load(HAPPENINGS, bad, **zone).open_quarantine == 2
    later = [happening("a", 1_756_461_600, stored=1), happening("b", 1_756_465_200, stored=1)]
    assert shop.load(HAPPENINGS, later, **zone).open_quarantine == 1


def test_a_bad_line_that_left_the_sheet_is_open_no_more(shop: Shop) -> None:
    lines = [{"row_number": 2, "key": "a.com"}, {"row_number": 3}]
    assert shop.load(LINES_OF_A_SHEET, lines).open_quarantine == 1
    assert shop.load(LINES_OF_A_SHEET, lines).open_quarantine == 1
    assert shop.load(LINES_OF_A_SHEET, lines[:1]).open_quarantine == 0


def test_bytes_that_are_not_utf8_are_quarantined_as_they_are(shop: Shop) -> None:
    folder = shop.zone.open_load(THINGS, NOON)
    path = folder.new_part(LINES)
    good = json.dumps(thing("a")).encode()
    path.write_bytes(gzip.compress(b'{"id": "\xff"}\n' + good + b"\n"))
    folder.seal(path, 2)
    _, manifest = shop.receive(THINGS)
    result = shop.land(
        THINGS, (folder.path, manifest.model_copy(update={"parts": tuple(folder.parts)}))
    )
    assert result is not None
    assert (result.landed, result.quarantined) == (1, 1)
    assert shop.rows("select record from landing.quarantine") == [('{"id": "\\xff"}',)]


def test_a_bad_record_that_comes_again_is_kept_once_and_a_good_version_lands(shop: Shop) -> None:
    assert shop.load(THINGS, [thing("a", size="x"), "{bad"]).quarantined == 2
    again = shop.load(THINGS, [thing("a", size="x"), "{bad"])
    assert (again.quarantined, again.duplicates) == (0, 2)
    assert shop.load(THINGS, [thing("a", size=3)]).landed == 1
    assert len(reasons(shop)) == 2
    assert shop.rows("select id, size from raw_shop.things") == [("a", 3)]


def test_a_moment_that_no_clock_shows_is_quarantined(shop: Shop) -> None:
    result = shop.load(HAPPENINGS, [happening("u", time) for time in (-1, 10**30, 1000)])
    assert (result.landed, result.quarantined) == (1, 2)


def test_a_thousand_malformed_lines_among_a_million_are_found_wherever_they_stand(
    shop: Shop,
) -> None:
    number, first_part = 1_000_000, 700_000
    spoilt = {
        "{bad": "not a JSON object: '{bad'",
        '{"event": "cut': 'not a JSON object: \'{"event": "cut\'',
        "": "not a JSON object: ''",
        "\x00": "not a JSON object: '\x00'",
        "[]": "not a JSON object: '[]'",
        "null": "not a JSON object: 'null'",
        '{"event": "x"} trailing': 'not a JSON object: \'{"event": "x"} trailing\'',
        '{"event": "x", "properties": {"actor": "a", "time": "soon"}}': "column happened_at "
        "(properties.time): value 'soon' is not a moment",
    }
    places = dict(
        zip(random.Random(7).sample(range(number), 1_000), itertools.cycle(spoilt), strict=False)
    )
    lines = [
        places.get(at, f'{{"event":"Opened","properties":{{"actor":"a","time":{at}}}}}')
        for at in range(number)
    ]
    result = shop.load(HAPPENINGS, lines[:first_part], lines[first_part:])
    assert (result.landed, result.duplicates, result.quarantined) == (number - 1_000, 0, 1_000)
    found = shop.rows("select file, line_number, record, reason from landing.quarantine")
    offsets = {"part-00001.ndjson.gz": -1, "part-00002.ndjson.gz": first_part - 1}
    assert {offsets[file] + line: record for file, line, record, _ in found} == places
    assert {record: reason for _, _, record, reason in found} == spoilt


def test_a_schema_that_changes_between_two_pages(shop: Shop) -> None:
    before = [thing("a", size=1, label="x"), thing("b", size=2)]
    after = [thing("c", size="x"), {**thing("d"), "new": {"x": 1}}, {"id": "e", "gone": False}]
    result = shop.load(THINGS, [*before, *after])
    assert (result.landed, result.quarantined) == (3, 2)
    assert shop.rows("select id, size, label, _extra from raw_shop.things order by id") == [
        ("a", 1, "x", None),
        ("b", 2, None, None),
        ("d", None, None, '{"new":{"x":1},"properties":{}}'),
    ]
    assert shop.rows("select field, seen from landing.drift") == [("new", 1)]
    assert [reason.split(":")[0] for _, reason in reasons(shop)] == [
        "column size (properties.size)",
        "column changed_at (changed)",
    ]
