"""What a run sends: the difference, by mode, policy and removal."""

from __future__ import annotations

from syncs.plan import plan
from syncs.run import run
from syncs.state import RunStatus
from tests.state_places import in_both_places
from tests.syncs.bench import SYNC, a_definition, go
from tests.syncs.memory_destination import MemoryDestination


@in_both_places
def test_creates_updates_removes_and_then_nothing(bench):
    there = MemoryDestination()
    bench.model({"x": ("1", 1.5), "y": ("2", 2.0), "z": ("3", None)})
    first = go(bench, there)
    assert (first.status, first.created, first.calls) == (RunStatus.CLEAN, 3, 1)
    assert there.state()["z"] == {"A": "3", "B": None}

    bench.model({"x": ("1", 1.5), "y": ("two", 2.0)})
    second = go(bench, there)
    assert (second.created, second.updated, second.removed) == (0, 1, 1)
    assert second.unchanged == 1
    assert there.state() == {"x": {"A": "1", "B": 1.5}, "y": {"A": "two", "B": 2.0}}
    assert ("y", {"A": "two"}) in there.sent_fields, "only the field that differs is sent"

    third = go(bench, there)
    assert (third.status, third.planned, third.calls) == (RunStatus.CLEAN, 0, 0)


def test_nothing_to_do_does_not_even_open_the_destination(bench):
    there = MemoryDestination()
    bench.model({"x": ("1", 1.0)})
    go(bench, there)
    quiet = run("things", bench.settings, bench.clock, "c2", definition=SYNC)
    assert quiet.status is RunStatus.CLEAN  # "memory" is no destination that could be opened


@in_both_places
def test_null_empty_and_missing_are_three_things(bench):
    sync = a_definition(
        mode="upsert",
        removal={"action": "ignore"},
        fields=[{"column": "a", "field": "A"},
                {"column": "b", "field": "B", "policy": "never_null"}],
    )  # fmt: skip
    there = MemoryDestination()
    bench.model({"x": ("", None), "y": (None, 1.0)})
    go(bench, there, sync)
    assert there.state() == {"x": {"A": ""}, "y": {"A": None, "B": 1.0}}
    bench.model({"x": (None, None), "y": ("", None)})
    go(bench, there, sync)
    assert there.state() == {"x": {"A": None}, "y": {"A": "", "B": 1.0}}


@in_both_places
def test_values_that_were_right_already_are_adopted_without_a_call(bench):
    sync = a_definition(
        mode="update",
        removal={"action": "ignore"},
        fields=[{"column": "a", "field": "A", "adopt": "c"}, {"column": "b", "field": "B",
                                                             "adopt": "d"}],
    )  # fmt: skip
    columns = "k varchar, a varchar, b double, c varchar, d varchar"
    there = MemoryDestination()
    there.records = [{"key": k, "id": k, "fields": {}} for k in "xyz"]
    bench.model(
        [("x", "1", 1.0, "1", "1"), ("y", "1", 2.0, "1", None), ("z", None, None, None, None)],
        columns,
    )
    result = go(bench, there, sync)
    assert (result.adopted, result.updated) == (2, 1)
    assert there.sent_fields == [("y", {"B": 2.0})]
    assert go(bench, there, sync).planned == 0


@in_both_places
def test_fill_empty_leaves_what_a_human_wrote(bench):
    sync = a_definition(
        mode="upsert",
        removal={"action": "ignore"},
        fields=[{"column": "a", "field": "A", "policy": "fill_empty"},
                {"column": "b", "field": "B"}],
    )  # fmt: skip
    there = MemoryDestination()
    there.records = [{"key": "x", "id": "1", "fields": {"A": "human"}}]
    bench.model({"x": ("ours", 1.0), "y": ("ours", 1.0)})
    there.size = 1
    # The memory destination makes a second record on create, as x was not known: take the fields.
    go(bench, there, sync)
    assert there.sent_fields == [("x", {"B": 1.0}), ("y", {"A": "ours", "B": 1.0})]
    bench.model({"x": ("ours 2", 1.0), "y": ("ours 2", 1.0)})
    assert go(bench, there, sync).planned == 0


def test_a_new_mapping_sends_only_the_new_field(bench):
    short = a_definition(fields=[{"column": "a", "field": "A"}])
    there = MemoryDestination()
    bench.model({"x": ("1", 1.0), "y": ("2", 2.0)})
    go(bench, there, short)
    there.sent_fields.clear()
    go(bench, there, SYNC)
    assert there.sent_fields == [("x", {"B": 1.0}), ("y", {"B": 2.0})]


def test_create_mode_hands_the_record_over(bench):
    sync = a_definition(mode="create", removal={"action": "ignore"})
    there = MemoryDestination()
    bench.model({"x": ("1", None)})
    go(bench, there, sync)
    bench.model({"x": ("changed", 9.0)})
    assert go(bench, there, sync).planned == 0
    bench.model({})
    assert go(bench, there, sync).planned == 0
    assert there.state() == {"x": {"A": "1"}}


@in_both_places
def test_removal_by_clearing_sends_nulls_and_comes_back_as_a_whole_row(bench):
    sync = a_definition(mode="upsert", removal={"action": "clear", "fields": ["A"]})
    there = MemoryDestination()
    bench.model({"x": ("1", 1.0), "y": ("1", 1.0)})
    go(bench, there, sync)
    there.sent_fields.clear()
    bench.model({"y": ("1", 1.0)})
    result = go(bench, there, sync)
    assert result.removed == 1
    assert there.sent_fields == [("x", {"A": None})]


@in_both_places
def test_a_plan_is_what_a_run_does(bench):
    there = MemoryDestination()
    bench.model({"x": ("1", 1.0), "y": ("2", 2.0), "z": ("3", 3.0)})
    go(bench, there)
    bench.model({"x": ("1", 1.0), "y": ("zwei", 2.0), "w": ("4", 4.0)})
    before = plan("things", bench.settings, definition=SYNC, destination=there)
    assert (before.created, before.updated, before.removed, before.unchanged) == (1, 1, 1, 1)
    assert {(r.key, r.operation) for r in before.sample} == {
        ("w", "create"), ("y", "update"), ("z", "remove")}  # fmt: skip
    assert next(r for r in before.sample if r.key == "y").fields == {"A": ("2", "zwei")}
    result = go(bench, there)
    assert (result.created, result.updated, result.removed) == (1, 1, 1)
