"""Runs against a destination in memory: difference, delivery, crashes, accounts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.errors import (
    CredentialError,
    DefinitionError,
    OutcomeUnknownError,
    RateLimitedError,
    WarehouseBusyError,
)
from headwater.warehouse import connect
from syncs.delivery import Delivery
from syncs.destination import Outcome, RowResult, one_by_one
from syncs.run import plan, rows, run, status
from syncs.state import RunStatus, state_path
from tests.syncs.conftest import Bench, Killed, MemoryDestination, a_definition

SYNC = a_definition()


def go(bench, destination, definition=SYNC):
    return run("things", bench.settings, bench.clock, "c1", definition=definition,
               destination=destination)  # fmt: skip


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


def test_a_refusal_is_no_longer_told_once_it_is_planned_anew(bench):
    there = MemoryDestination(refused={"y", "z"})
    bench.model({"y": ("2", 2.0), "z": ("3", 3.0)})
    go(bench, there)
    refused = rows("things", bench.settings, rejected=True)
    assert [row["key"] for row in refused] == ["y", "z"]
    there.refused = {"z"}
    second = go(bench, there)
    still = rows("things", bench.settings, rejected=True)
    assert [(row["key"], row["run_id"]) for row in still] == [("z", second.run_id)]
    bench.model({"y": ("2", 2.0)})
    go(bench, there)
    assert rows("things", bench.settings, rejected=True) == []
    told = status("things", bench.settings)
    assert [row["rejected"] for row in told] == [0, 1, 2], "the runs keep their figures"


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
    with connect(bench.settings, path=state_path(bench.settings, "things")) as connection:
        assert connection.execute("select count(*) from sent").fetchall() == [(3,)]
        assert connection.execute("select count(*) from attempts").fetchall()[0][0] < 6
    assert len(status("things", bench.settings)) == 3


def test_a_newer_value_supersedes_a_rejected_one(bench):
    there = MemoryDestination(refused={"y"})
    bench.model({"y": ("old", 2.0)})
    go(bench, there)
    there.refused.clear()
    bench.model({"y": ("new", 2.0)})
    go(bench, there)
    assert there.sent_fields == [("y", {"A": "new", "B": 2.0})]


def test_a_refused_batch_is_halved_until_the_bad_row_is_alone(bench):
    there = MemoryDestination(refused={"k13"}, refuse_whole_batch=True, size=32)
    bench.model({f"k{n:02d}": (str(n), 0.0) for n in range(32)})
    result = go(bench, there)
    assert (result.created, result.rejected) == (31, 1)
    assert result.calls <= 1 + 2 * 5
    assert set(there.state()) == {f"k{n:02d}" for n in range(32)} - {"k13"}


def test_a_batch_refused_for_a_cause_outside_its_rows_is_not_asked_about_row_by_row(bench):
    everything = {f"k{n:03d}": (str(n), 0.0) for n in range(128)}
    there = MemoryDestination(refused=set(everything), refuse_whole_batch=True, size=128)
    bench.model(everything)
    result = go(bench, there)
    assert (result.rejected, result.created) == (128, 0)
    assert result.calls < 32


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


@pytest.mark.parametrize(
    ("guards", "model", "said"),
    [
        ({"max_removed_share": 0.5, "removed_share_from": 2}, {"k0": ("1", 1.0)}, "remove 3 of 4"),
        ({"min_rows": 2}, {"k0": ("1", 1.0)}, "min_rows is 2"),
        ({}, {}, "the model is empty"),
        ({"max_created": 1, "max_removed_share": 1.0},
         {f"k{n}": ("1", 1.0) for n in range(9)}, "create 5 records"),
        ({"max_rows": 1, "max_removed_share": 1.0},
         {f"k{n}": ("2", 1.0) for n in range(4)}, "send 4 rows"),
    ],
)  # fmt: skip
def test_a_guard_blocks_the_run_before_the_first_call(bench, guards, model, said):
    there = MemoryDestination(size=10)
    bench.model({f"k{n}": ("1", 1.0) for n in range(4)})
    go(bench, there)
    guarded = a_definition(guards=guards)
    bench.model(model)
    result = go(bench, there, guarded)
    assert result.status is RunStatus.BLOCKED
    assert said in str(result.error)
    assert there.calls == 1
    assert said in str(
        plan("things", bench.settings, definition=guarded, destination=there).blocked
    )


def test_a_key_that_is_not_unique_is_named_and_nothing_is_sent(bench):
    there = MemoryDestination()
    bench.model([("x", "1", 1.0), ("x", "2", 1.0), (None, "3", 1.0), ("y", "1", 1.0)])
    result = go(bench, there)
    assert result.status is RunStatus.BLOCKED
    assert "null (1 rows), x (2 rows)" in str(result.error)
    assert there.calls == 0


def test_a_column_the_model_does_not_have_is_named(bench):
    bench.model({"x": ("1", 1.0)})
    wrong = a_definition(fields=[{"column": "nope", "field": "A"}])
    with pytest.raises(DefinitionError, match="has no column nope"):
        plan("things", bench.settings, definition=wrong)


def test_a_lost_answer_is_resolved_and_nothing_is_sent_twice(bench):
    there = MemoryDestination(faults=["lost answer", None])
    bench.model({"x": ("1", 1.0), "y": ("2", 2.0)})
    result = go(bench, there)
    assert (result.status, result.created) == (RunStatus.CLEAN, 2)
    assert there.writes == 2 and set(there.state()) == {"x", "y"}


def test_rows_whose_fate_stays_unknown_are_owed_and_resolved_by_the_next_run(bench):
    there = MemoryDestination(faults=["lost answer", *["down"] * 4])
    bench.model({"x": ("1", 1.0)})
    first = go(bench, there)
    assert (first.status, first.owed, first.planned) == (RunStatus.FAILED, 1, 1)
    second = go(bench, there)
    assert (second.status, second.recovered, second.planned) == (RunStatus.CLEAN, 1, 0)
    assert there.writes == 1


def test_while_a_fate_is_unknown_the_row_is_left_alone_and_others_go_on(bench):
    there = MemoryDestination(faults=["lost answer", *["down"] * 8])
    bench.model({"x": ("1", 1.0)})
    go(bench, there)
    bench.model({"x": ("2", 1.0), "y": ("1", 1.0)})
    second = go(bench, there)
    assert (second.status, second.created) == (RunStatus.PARTIAL, 1)
    assert set(there.state()) == {"x", "y"} and there.state()["x"]["A"] == "1"
    third = go(bench, there)
    assert (third.status, there.state()["x"]["A"]) == (RunStatus.CLEAN, "2")


@pytest.mark.parametrize(
    "error", [RateLimitedError("memory: 429."), CredentialError("memory: 401.")]
)
def test_an_error_that_says_nothing_was_written_ends_the_run_and_the_rest_is_owed(bench, error):
    there = MemoryDestination(faults=[None, error], size=1)
    bench.model({"x": ("1", 1.0), "y": ("2", 2.0), "z": ("3", 3.0)})
    result = go(bench, there)
    assert (result.status, result.created, result.owed) == (RunStatus.PARTIAL, 1, 2)
    assert result.error is error
    assert go(bench, there).status is RunStatus.CLEAN
    assert set(there.state()) == {"x", "y", "z"} and there.writes == 3


class Nowhere(MemoryDestination):
    """Takes no write of some keys, but can say that it did not. Fails when it is asked for ever."""

    def __init__(self, taken_by_none, as_answer=False):
        super().__init__(size=2)
        self.taken_by_none = taken_by_none
        self.as_answer = as_answer

    def deliver(self, batch, remember):
        assert self.calls < 50, "asked for ever"
        self.calls += 1
        if self.as_answer:  # a job that an administrator aborted
            return [RowResult(c.key, Outcome.UNSENT, message="Aborted") for c in batch.changes]

        def send(change):
            if change.key in self.taken_by_none:
                raise OutcomeUnknownError("memory: POST: 503.")
            return self._apply(change)

        return one_by_one(batch, send)


@pytest.mark.parametrize("as_answer", [False, True])
def test_a_vendor_that_takes_nothing_is_left_alone_after_three_tries(bench, as_answer):
    there = Nowhere({"x", "y", "z"}, as_answer)
    pauses = []
    bench.clock.sleep = pauses.append
    bench.model({"x": ("1", 1.0), "y": ("2", 2.0), "z": ("3", 3.0)})
    result = go(bench, there)
    assert (result.status, result.planned, result.owed) == (RunStatus.FAILED, 3, 3)
    assert ("Aborted" if as_answer else "503") in str(result.error)
    assert pauses == [0.5, 2.0]
    assert go(bench, MemoryDestination()).status is RunStatus.CLEAN


def test_a_row_that_gets_no_answer_does_not_hold_the_others_back(bench):
    there = Nowhere({"k0"})
    bench.model({f"k{n}": (str(n), 1.0) for n in range(7)})
    result = go(bench, there)
    assert (result.status, result.created, result.owed) == (RunStatus.PARTIAL, 6, 1)
    assert set(there.state()) == {f"k{n}" for n in range(1, 7)}


@pytest.mark.parametrize("fault", ["killed before", "killed after"])
def test_a_killed_run_is_finished_by_the_next(bench, fault):
    there = MemoryDestination(faults=[None, fault], size=2)
    bench.model({f"k{n}": (str(n), 1.0) for n in range(5)})
    with pytest.raises(Killed):
        go(bench, there)
    result = go(bench, there)
    assert result.status is RunStatus.CLEAN
    assert set(there.state()) == {f"k{n}" for n in range(5)} and there.writes == 5
    assert [r["status"] for r in status("things", bench.settings)] == ["clean", "failed"]


def test_what_was_created_before_a_crash_is_ours_to_remove_after_it(bench):
    there = MemoryDestination(faults=["killed after"])
    bench.model({"x": ("1", 1.0)})
    with pytest.raises(Killed):
        go(bench, there)
    bench.model({})
    assert go(bench, there).removed == 1
    assert there.state() == {}


def test_a_second_runner_is_told_who_holds_the_sync(bench):
    bench.model({"x": ("1", 1.0)})
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); "
        "sys.stdin.readline()"
    )
    import subprocess
    import sys

    path = state_path(bench.settings, "things")
    path.parent.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(WarehouseBusyError, match=rf"process {holder.pid}\)"):
            go(bench, MemoryDestination())
        holder.communicate("\n")


def test_the_warehouse_is_free_while_rows_are_delivered(bench):
    class Writer(MemoryDestination):
        def deliver(self, batch, remember):
            with connect(bench.settings) as connection:
                connection.execute("create or replace table somebody_else as select 1 as n")
            return super().deliver(batch, remember)

    bench.model({"x": ("1", 1.0)})
    assert go(bench, Writer()).status is RunStatus.CLEAN


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


def test_a_mistake_of_ours_closes_the_run_and_is_raised(bench):
    class Mistaken(MemoryDestination):
        def deliver(self, batch, remember):
            super().deliver(batch, remember)
            raise AttributeError("oops")

    there = Mistaken()
    bench.model({"x": ("1", 1.0)})
    with pytest.raises(AttributeError, match="oops"):
        go(bench, there)
    last = status("things", bench.settings)[0]
    assert (last["status"], last["reason"]) == ("failed", "AttributeError: oops")
    assert (last["planned"], last["owed"]) == (1, 1)
    good = MemoryDestination(there.records)
    assert (go(bench, good).status, good.writes) == (RunStatus.CLEAN, 0)


@pytest.mark.parametrize(("seconds_a_batch", "lines"), [(0.1, 1), (0.5, 3), (3.0, 10)])
def test_progress_is_told_every_two_seconds_and_at_the_end(
    bench, monkeypatch, seconds_a_batch, lines
):
    there = MemoryDestination(size=1)

    class Timed(Delivery):
        def __init__(self, *arguments):
            super().__init__(*arguments, monotonic=lambda: there.calls * seconds_a_batch)

    monkeypatch.setattr("syncs.run.Delivery", Timed)
    bench.model({f"k{n:02d}": (str(n), 1.0) for n in range(10)})
    told: list[str] = []
    run("things", bench.settings, bench.clock, "c1", told.append, definition=SYNC,
        destination=there)  # fmt: skip
    assert len(told) == lines
    assert told[-1] == "things: 10 of 10 rows answered"


KEYS = st.sampled_from("abcdef")
MODELS = st.dictionaries(
    KEYS, st.tuples(st.sampled_from([None, "", "1", "2"]), st.sampled_from([None, 0.5, 1e21]))
)
FAULTS = st.lists(
    st.sampled_from([None, None, "lost answer", "no connection", "killed before", "killed after"]),
    max_size=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(MODELS, st.sets(KEYS), FAULTS), min_size=1, max_size=4))
def test_whatever_happens_the_destination_ends_as_the_model_says(tmp_path_factory, story):
    """Models, refusals, lost answers and kills in any order; then a quiet run."""
    from datetime import UTC, datetime

    from headwater.settings import Settings
    from tests.syncs.conftest import QuietClock

    bench = Bench(
        Settings(home=tmp_path_factory.mktemp("story")),
        QuietClock(datetime(2025, 8, 29, tzinfo=UTC)),
    )
    there = MemoryDestination(size=2)
    for model, refused, faults in story:
        bench.model(model)
        there.refused, there.faults = set(refused), list(faults)
        try:
            result = go(bench, there)
        except Killed:
            continue
        delivered = result.created + result.updated + result.removed
        assert result.planned == delivered + result.rejected + result.owed
        if result.status is RunStatus.CLEAN:
            assert there.state() == as_said(model)
    there.refused, there.faults = set(), []
    last = story[-1][0]
    final = go(bench, there)
    assert final.status is RunStatus.CLEAN
    assert there.state() == as_said(last)
    assert go(bench, there).calls == 0


def as_said(model):
    return {key: {"A": a, "B": b} for key, (a, b) in model.items()}
