"""However a history is cut into loads, shuffled and repeated, the raw table is the same."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.stream import Stream
from tests.connectors.streams_under_test import HAPPENINGS, THINGS, Shop, happening, thing

VERSIONS = st.builds(
    lambda id_, changed, gone: thing(id_, changed, gone=gone, size=changed * 7 % 5),
    st.sampled_from("abcd"),
    st.integers(0, 9),
    st.booleans(),
)
FACTS = st.builds(
    lambda actor, time, stored, said: happening(actor, time, stored=stored, **said),
    st.sampled_from("ab"),
    st.integers(1000, 1001),
    st.sampled_from([None, 1]),
    st.sampled_from([{}, {"$note": "x"}, {"$note": "y"}, {"unknown": 1}, {"unknown": None}]),
)
BAD = st.sampled_from(["{bad", "[]", '{"id": "a"}', '{"event": 1}'])


def one_version_per_moment(records: list[Any]) -> list[Any]:
    """At most one content per id and moment: of two, which is newer is a matter of receipt."""
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    return [
        record
        if isinstance(record, str)
        else seen.setdefault((record["id"], record["changed"]), record)
        for record in records
    ]


@st.composite
def told_twice(
    draw: st.DrawFn, records: st.SearchStrategy[Any]
) -> tuple[list[Any], list[list[Any]]]:
    """A history, and the same cut into loads, shuffled, some of it repeated."""
    history = draw(st.lists(st.one_of(records, records, BAD), min_size=1, max_size=14))
    shuffled = draw(st.permutations(history))
    cuts = sorted(draw(st.sets(st.integers(1, len(history)), max_size=3)) | {0, len(history)})
    loads = [shuffled[start:end] for start, end in pairwise(cuts)]
    loads += draw(st.lists(st.sampled_from(loads), max_size=2))
    return history, loads


def landed(stream: Stream, loads: list[list[Any]], columns: str) -> tuple[Any, Any]:
    """The raw table and the quarantine after these loads."""
    with tempfile.TemporaryDirectory() as root:
        shop = Shop(Path(root))
        received = 0
        for load in loads:
            received += shop.load(stream, load).received
        assert received == sum(len(load) for load in loads)
        rows = shop.rows(f"select {columns} from {stream.schema}.{stream.name} order by all")
        bad = shop.rows("select distinct reason, record from landing.quarantine order by all")
        shop.connection.close()
    return rows, bad


@settings(max_examples=15, deadline=None)
@given(told_twice(VERSIONS))
def test_merged_rows_do_not_depend_on_batches_order_or_repeats(
    story: tuple[list[Any], list[list[Any]]],
) -> None:
    history, loads = story
    history = one_version_per_moment(history)
    by_text = {str(r if isinstance(r, str) else (r["id"], r["changed"])): r for r in history}
    loads = [
        [by_text[str(r if isinstance(r, str) else (r["id"], r["changed"]))] for r in load]
        for load in loads
    ]
    columns = "id, size, changed_at, gone, _deleted_at"
    whole, told = landed(THINGS, [history], columns), landed(THINGS, loads, columns)
    assert told == whole
    newest: dict[str, dict[str, Any]] = {}
    for record in history:
        if isinstance(record, dict) and (
            record["id"] not in newest or record["changed"] > newest[record["id"]]["changed"]
        ):
            newest[record["id"]] = record
    assert [(row[0], row[1], row[3]) for row in whole[0]] == sorted(
        (id_, record["properties"]["size"], record["gone"]) for id_, record in newest.items()
    )


@settings(max_examples=15, deadline=None)
@given(told_twice(FACTS))
def test_appended_rows_do_not_depend_on_batches_order_or_repeats(
    story: tuple[list[Any], list[list[Any]]],
) -> None:
    history, loads = story
    columns = "name, actor, happened_at, stored_at, note, _extra"
    assert landed(HAPPENINGS, loads, columns) == landed(HAPPENINGS, [history], columns)
