"""Lost answers, crashes and vendors that take nothing: what is owed, and who pays it."""

from __future__ import annotations

import pytest

from headwater.errors import CredentialError, OutcomeUnknownError, RateLimitedError
from syncs.destination import Outcome, RowResult, one_by_one
from syncs.history import status
from syncs.state import RunStatus
from tests.state_places import in_both_places
from tests.syncs.bench import go
from tests.syncs.memory_destination import Killed, MemoryDestination


@in_both_places
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


@in_both_places
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


@in_both_places
def test_a_row_that_gets_no_answer_does_not_hold_the_others_back(bench):
    there = Nowhere({"k0"})
    bench.model({f"k{n}": (str(n), 1.0) for n in range(7)})
    result = go(bench, there)
    assert (result.status, result.created, result.owed) == (RunStatus.PARTIAL, 6, 1)
    assert set(there.state()) == {f"k{n}" for n in range(1, 7)}


@in_both_places
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


@in_both_places
def test_what_was_created_before_a_crash_is_ours_to_remove_after_it(bench):
    there = MemoryDestination(faults=["killed after"])
    bench.model({"x": ("1", 1.0)})
    with pytest.raises(Killed):
        go(bench, there)
    bench.model({})
    assert go(bench, there).removed == 1
    assert there.state() == {}


@in_both_places
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
