"""What a destination may be sent in a day, and what a person stops."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread

import pytest

from headwater.errors import QuotaExhaustedError, StateUnavailableError
from headwater.shared_state import FILE
from syncs.history import status
from syncs.pause import pause, resume
from syncs.run import run
from syncs.state import RunStatus
from tests.state_places import in_both_places
from tests.syncs.bench import SYNC, a_definition, go
from tests.syncs.memory_destination import MemoryDestination


def limited(bench, **allowed):
    bench.settings = bench.settings.model_copy(
        update={"daily_deliveries": {f"memory.{kind}": number for kind, number in allowed.items()}}
    )
    return bench


@pytest.mark.parametrize("size", [1, 4, 50])
def test_no_row_goes_over_the_budget_of_a_day_and_the_rest_goes_tomorrow(bench, size):
    limited(bench, rows=10, creates=6)
    there = MemoryDestination(size=size)
    bench.model({f"k{n}": (str(n), 1.0) for n in range(9)})
    first = go(bench, there)
    assert (first.status, first.created, first.owed) == (RunStatus.PARTIAL, 6, 3)
    assert isinstance(first.error, QuotaExhaustedError)
    assert go(bench, there).created == 0
    bench.model({f"k{n}": ("new", 1.0) for n in range(9)})
    bench.clock.at += timedelta(days=1)
    tomorrow = go(bench, there)
    assert (tomorrow.created, tomorrow.updated, tomorrow.owed) == (3, 6, 0)
    assert there.writes == 15


@in_both_places
def test_syncs_that_run_at_once_share_the_budget(bench):
    limited(bench, rows=10)
    bench.model({f"k{n}": (str(n), 1.0) for n in range(8)})
    there = [MemoryDestination(size=2) for _ in range(3)]

    def one(number):
        name = f"things{number}"
        run(name, bench.settings, bench.clock, "c1", definition=a_definition(name=name),
            destination=there[number])  # fmt: skip

    threads = [Thread(target=one, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(item.writes for item in there) == 10


@in_both_places
def test_a_paused_sync_ends_after_its_batch_and_begins_no_other_until_it_goes_on(bench):
    class Pausing(MemoryDestination):
        def deliver(self, batch, remember):
            if self.calls == 1:
                pause(bench.settings, "things", "wrong colours", bench.clock.now())
            return super().deliver(batch, remember)

    there = Pausing(size=2)
    bench.model({f"k{n}": (str(n), 1.0) for n in range(7)})
    stopped = go(bench, there)
    assert (stopped.status, stopped.created, stopped.owed) == (RunStatus.PAUSED, 4, 3)
    assert "wrong colours" in str(stopped.error)
    still = go(bench, there)
    assert (still.status, still.planned, there.writes) == (RunStatus.PAUSED, 0, 4)
    assert [row["status"] for row in status("things", bench.settings)] == ["paused", "paused"]
    assert resume(bench.settings, "things")
    assert not resume(bench.settings, "things")
    assert go(bench, there, SYNC).created == 3


def test_nothing_is_sent_while_nobody_can_say_whether_the_sync_is_paused(bench):
    there = MemoryDestination()
    bench.model({"x": ("1", 1.0)})
    (bench.settings.home / FILE).write_text("no database, but long enough to be looked at" * 40)
    stopped = go(bench, there)
    assert (stopped.status, there.calls) == (RunStatus.FAILED, 0)
    assert isinstance(stopped.error, StateUnavailableError) and FILE in str(stopped.error)
    (told,) = status("things", bench.settings)
    assert told["status"] == "failed" and FILE in told["reason"]
    (bench.settings.home / FILE).unlink()
    assert go(bench, there).status is RunStatus.CLEAN
