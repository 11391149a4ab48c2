"""Several batches at once: more while the vendor takes them, and every row exactly once."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

import pytest

from headwater.errors import (
    OutcomeUnknownError,
    QuotaExhaustedError,
    RateLimitedError,
    VendorRejectedError,
)
from syncs.destination import Change, Operation
from syncs.run import run
from syncs.state import RunStatus
from syncs.waves import Waves
from tests.state_places import in_both_places
from tests.syncs.bench import a_definition, go
from tests.syncs.memory_destination import Killed, MemoryDestination


@dataclass
class Several(MemoryDestination):
    """A vendor that can work at ``room`` batches at once; ``most`` are sent to it."""

    size: int = 5
    most: int = 6
    room: int = 100
    working: list[set[str]] = field(default_factory=list)
    peak: int = 0
    too_many: int = 0
    refusals: int = 0
    shared: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.turn = threading.Lock()
        self.answers: dict[str, Exception] = {}

    def at_once(self, batch_rows: int) -> int:
        return self.most

    def deliver(self, batch, remember):
        parents = {change.parent for change in batch.changes if change.parent}
        with self.turn:
            self.calls += 1
            if len(self.working) >= self.room:
                self.too_many += 1
                raise RateLimitedError("memory: too many calls at once.")
            for others in self.working:
                self.shared |= others & parents
            self.working.append(parents)
            self.peak = max(self.peak, len(self.working))
        time.sleep(0.01)
        with self.turn:
            self.working.remove(parents)
            self.calls -= 1  # it is counted again below
            answer = self.answers.pop(batch.changes[0].key, None)
            if answer is not None and not isinstance(answer, OutcomeUnknownError):
                self.refusals += 1
                raise answer
            done = super().deliver(batch, remember)
            if answer is not None:
                raise answer
            return done


def rows(number):
    return {f"k{n:03d}": (str(n), 1.0) for n in range(number)}


@in_both_places
def test_more_batches_leave_at_once_until_the_vendor_has_no_room(bench):
    there = Several(room=3)
    bench.model(rows(150))
    result = go(bench, there)
    assert (result.status, result.created, there.writes) == (RunStatus.CLEAN, 150, 150)
    assert len(there.state()) == 150
    assert 2 <= there.peak <= 3 and 1 <= there.too_many <= 0.2 * there.calls


def test_never_more_than_the_destination_says(bench):
    there = Several(most=2)
    bench.model(rows(60))
    assert go(bench, there).created == 60
    assert there.peak == 2 and there.calls == 12


def test_one_that_has_no_room_even_for_one_batch_ends_the_run(bench):
    there = Several(room=0)
    bench.model(rows(60))
    stopped = go(bench, there)
    assert (stopped.status, stopped.owed, there.calls) == (RunStatus.FAILED, 60, 1)


def test_whatever_is_answered_to_a_wave_every_row_is_delivered_once(bench):
    """Lost answers, refused batches with a bad row in them, too many at once: wherever."""
    for seed in range(3):
        rng = random.Random(seed)
        there = Several(refused={"k007", "k031"}, refuse_whole_batch=True)
        for key in rng.sample(sorted(rows(60)), 20):
            there.answers[key] = rng.choice([OutcomeUnknownError("?"), RateLimitedError("slower")])
        bench.model(rows(60))
        sync = a_definition(name=f"things{seed}")
        for _ in range(6):
            result = run(sync.name, bench.settings, bench.clock, definition=sync, destination=there)
            if not result.owed:
                break
        assert (result.owed, result.rejected) == (0, 2)
        assert set(there.state()) == set(rows(60)) - there.refused
        assert there.writes == 58, "none twice"


def test_after_the_end_of_a_run_no_bad_row_is_looked_for(bench):
    there = Several()
    there.answers = {"k005": QuotaExhaustedError("none left"),
                     "k010": VendorRejectedError("bad row", status=400)}  # fmt: skip
    bench.model(rows(15))
    stopped = go(bench, there)
    assert (stopped.status, stopped.created, stopped.owed) == (RunStatus.PARTIAL, 5, 10)
    assert isinstance(stopped.error, QuotaExhaustedError)
    assert there.calls + there.refusals == 3
    assert go(bench, there).status is RunStatus.CLEAN


def test_killed_in_a_wave_nothing_is_sent_twice(bench):
    there = Several(faults=[None, None, "killed after", None])
    bench.model(rows(40))
    with pytest.raises(Killed):
        go(bench, there)
    second = go(bench, there)
    assert (second.status, second.recovered) == (RunStatus.CLEAN, 10)
    assert there.writes == 40 and len(there.state()) == 40


def test_no_parent_is_written_by_two_batches_at_once(bench):
    there = Several()
    whole = [(key, *value, f"p{n // 3 if n < 90 else 99}")
             for n, (key, value) in enumerate(rows(130).items())]  # fmt: skip
    bench.model(whole, "k varchar, a varchar, b double, p varchar")
    result = go(bench, there, a_definition(group_by="p"))
    assert (result.created, there.shared) == (130, set())
    assert there.peak > 1


def test_what_may_be_in_one_wave():
    def batch(operation, parent=None, suspect=False):
        return [Change(0, "k", operation, {}, "", parent=parent, suspect=suspect)]

    create, remove = Operation.CREATE, Operation.REMOVE
    waves = Waves(9)
    waves.size = 9
    made = waves.of([batch(create), batch(create, "p"), batch(create, "p"), batch(create, "q"),
                     batch(remove), batch(remove), batch(remove, suspect=True)])  # fmt: skip
    assert [len(wave) for wave in made] == [2, 2, 2, 1]
    waves.refused()
    waves.refused()
    assert waves.size == 2
    waves.taken()
    assert waves.size == 3
