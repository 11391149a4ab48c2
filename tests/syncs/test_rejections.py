"""Rows and batches that a destination refuses."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from syncs.destination import FieldInfo
from syncs.history import owed, rows, status
from syncs.plan import plan
from syncs.quarantine import QUARANTINE_AFTER
from syncs.run import release
from syncs.state import RunStatus, open_state
from tests.state_places import in_both_places
from tests.syncs.bench import SYNC, a_definition, go
from tests.syncs.memory_destination import MemoryDestination


def test_a_rejected_row_is_owed_until_it_is_accepted_without_anybody_asking(bench):
    there = MemoryDestination(refused={"y"})
    bench.model({"x": ("1", 1.0), "y": ("2", 2.0)})
    first = go(bench, there)
    assert (first.status, first.created, first.rejected) == (RunStatus.PARTIAL, 1, 1)
    assert first.refusals[0].example_key == "y" and first.refusals[0].code == "INVALID"
    assert rows("things", bench.settings, "y")[0]["message"] == "refused"

    there.refused.clear()
    second = go(bench, there)
    assert (second.status, second.created) == (RunStatus.CLEAN, 1)
    assert there.state()["y"] == {"A": "2", "B": 2.0}


@in_both_places
def test_a_refusal_is_no_longer_told_once_it_is_planned_anew(bench):
    there = MemoryDestination(refused={"y", "z"})
    bench.model({"y": ("2", 2.0), "z": ("3", 3.0)})
    go(bench, there)
    assert [row["key"] for row in owed("things", bench.settings)] == ["y", "z"]
    there.refused = {"z"}
    second = go(bench, there)
    assert second.rejected == 1
    assert [row["key"] for row in owed("things", bench.settings)] == ["z"]
    bench.model({"y": ("2", 2.0)})
    go(bench, there)
    assert owed("things", bench.settings) == []
    told = status("things", bench.settings)
    assert [row["rejected"] for row in told] == [0, 1, 2], "the runs keep their figures"


@in_both_places
def test_what_is_done_with_is_forgotten_after_a_quarter_but_not_what_is_open_or_was_sent(bench):
    there = MemoryDestination(refused={"z"}, size=1, faults=[None, "lost answer", *["down"] * 4])
    bench.model({"x": ("1", 1.0), "y": ("2", 2.0), "z": ("3", 3.0)})
    first = go(bench, there)
    assert (first.created, first.owed) == (1, 2)
    bench.clock.at += timedelta(days=91)
    there.faults = ["down"] * 4  # y stays in doubt
    go(bench, there)
    kept = {(row["key"], row["state"]) for row in rows("things", bench.settings)}
    assert kept == {("y", "unknown"), ("z", "superseded"), ("z", "rejected")}
    bench.clock.at += timedelta(days=91)
    there.refused.clear()
    third = go(bench, there)
    assert (third.status, third.recovered, third.planned) == (RunStatus.CLEAN, 1, 1)
    assert {row["key"] for row in rows("things", bench.settings)} == {"y", "z"}
    assert set(there.state()) == {"x", "y", "z"} and there.writes == 3
    with open_state(bench.settings, "things") as state:
        assert state.rows("select count(*) from sent") == [(3,)]
        assert state.rows("select count(*) from attempts")[0][0] < 6
    assert len(status("things", bench.settings)) == 3


@in_both_places
def test_a_newer_value_supersedes_a_rejected_one(bench):
    there = MemoryDestination(refused={"y"})
    bench.model({"y": ("old", 2.0)})
    go(bench, there)
    there.refused.clear()
    bench.model({"y": ("new", 2.0)})
    go(bench, there)
    assert there.sent_fields == [("y", {"A": "new", "B": 2.0})]


@in_both_places
def test_a_refused_batch_is_halved_until_the_bad_row_is_alone(bench):
    there = MemoryDestination(refused={"k13"}, refuse_whole_batch=True, size=32)
    bench.model({f"k{n:02d}": (str(n), 0.0) for n in range(32)})
    result = go(bench, there)
    assert (result.created, result.rejected) == (31, 1)
    assert result.calls <= 2 * 5
    assert set(there.state()) == {f"k{n:02d}" for n in range(32)} - {"k13"}


def refused_too_often(bench, there, model):
    """Run until ``y`` waits; returns the calls of the last run."""
    bench.model(model)
    for _ in range(QUARANTINE_AFTER):
        assert go(bench, there).rejected == 1
    there.calls = 0
    waiting = go(bench, there)
    assert (waiting.status, waiting.planned, waiting.quarantined) == (RunStatus.PARTIAL, 0, 1)
    return there.calls


@in_both_places
def test_a_row_refused_too_often_waits_longer_and_longer_and_says_why(bench):
    there = MemoryDestination(refused={"y"})
    assert refused_too_often(bench, there, {"x": ("1", 1.0), "y": ("2", 2.0)}) == 0
    (told,) = owed("things", bench.settings)
    assert (told["key"], told["code"], told["message"], told["attempts"]) == (
        "y", "INVALID", "refused", QUARANTINE_AFTER)  # fmt: skip
    assert json.loads(told["fields"]) == {"A": "2", "B": 2.0}
    waits = []
    for _ in range(5):
        (told,) = owed("things", bench.settings)
        waits.append((told["retry_at"] - told["last_seen_at"]) // timedelta(hours=1))
        assert plan("things", bench.settings.model_copy(update={"as_of": bench.clock.at}),
                    definition=SYNC, destination=there).quarantined == 1  # fmt: skip
        bench.clock.at += timedelta(hours=waits[-1])
        assert go(bench, there).rejected == 1, "tried again without anybody asking"
    assert waits == [20, 44, 92, 164, 164]
    (told,) = owed("things", bench.settings)
    assert told["attempts"] == QUARANTINE_AFTER + 5
    assert told["last_seen_at"] - told["first_seen_at"] == timedelta(hours=sum(waits))


@pytest.mark.parametrize("cause", ["row", "destination", "person", "map", "options", "gone"])
def test_a_row_that_waits_is_let_go_when_something_changed(bench, cause):
    there = MemoryDestination(refused={"y"}, described={name: FieldInfo("text") for name in
                                                       ("key", "A", "B", "C")})  # fmt: skip
    sync = SYNC
    refused_too_often(bench, there, {"y": ("2", 2.0)})
    there.refused.clear()
    if cause == "row":
        bench.model({"y": ("zwei", 2.0)})
    elif cause == "destination":
        there.described["A"] = FieldInfo("longer text")
    elif cause == "person":
        assert release("things", bench.settings, bench.clock, ["x"]) == 0
        assert release("things", bench.settings, bench.clock, ["y"]) == 1
    elif cause == "map":
        sync = a_definition(fields=[{"column": "a", "field": "C"}])
    elif cause == "options":
        sync = a_definition(options={"assign": True})
        planned = plan("things", bench.settings.model_copy(update={"as_of": bench.clock.at}),
                       definition=sync, destination=there)  # fmt: skip
        assert (planned.created, planned.quarantined) == (1, 0)
    elif cause == "gone":
        bench.model({})
    result = go(bench, there, sync)
    assert (result.status, result.quarantined) == (RunStatus.CLEAN, 0)
    assert result.created == (0 if cause == "gone" else 1)
    assert owed("things", bench.settings) == []


@in_both_places
def test_a_row_that_spoiled_its_batch_does_not_spoil_the_next_one(bench):
    there = MemoryDestination(refused={"k13"}, refuse_whole_batch=True, size=64)
    bench.model({f"k{n:02d}": (str(n), 0.0) for n in range(64)})
    go(bench, there)
    bench.model({f"k{n:02d}": (str(n), 0.0 if n == 13 else 1.0) for n in range(64)})
    again = go(bench, there)
    assert (again.updated, again.rejected, again.calls) == (63, 1, 2)


def test_a_batch_refused_for_a_cause_outside_its_rows_is_not_asked_about_row_by_row(bench):
    everything = {f"k{n:03d}": (str(n), 0.0) for n in range(128)}
    there = MemoryDestination(refused=set(everything), refuse_whole_batch=True, size=128)
    bench.model(everything)
    result = go(bench, there)
    assert (result.rejected, result.created) == (128, 0)
    assert result.calls < 32
    assert {item.code: item.rows for item in result.refusals} == {"BATCH_REFUSED": 128}
    for _ in range(4):
        result = go(bench, there)
    assert result.rejected == 128, "rows that were not to blame never wait"
    there.refused.clear()
    assert go(bench, there).created == 128
