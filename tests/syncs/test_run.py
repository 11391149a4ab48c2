"""A run beside others: who holds the sync, who may write, what is told meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from time import sleep

import pytest

from headwater.errors import WarehouseBusyError
from headwater.warehouse import connect
from syncs import history
from syncs.delivery import Delivery
from syncs.plan import plan
from syncs.run import run
from syncs.run_ledger import begin_run
from syncs.state import RunStatus, hold_state, holder, open_state, state_path
from tests.state_places import in_both_places
from tests.syncs.bench import SYNC, go
from tests.syncs.memory_destination import MemoryDestination


def test_a_second_runner_is_told_who_holds_the_sync(bench):
    bench.model({"x": ("1", 1.0)})
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); "
        "sys.stdin.readline()"
    )
    path = state_path(bench.settings, "things")
    path.parent.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        result = go(bench, MemoryDestination())
        assert result.status is RunStatus.BUSY
        assert f"process {holder.pid})" in str(result.error)
        holder.communicate("\n")


@in_both_places
def test_two_runs_at_once_in_one_process_never_send_twice(bench):
    """DuckDB's own lock does not keep threads apart; the lease does."""
    waited = replace(
        bench, settings=bench.settings.model_copy(update={"warehouse_wait_seconds": 9})
    )
    began = Event()

    class Slow(MemoryDestination):
        def deliver(self, batch, remember):
            began.set()
            sleep(0.02)
            return super().deliver(batch, remember)

    there = Slow(size=1)
    bench.model({f"k{n}": (str(n), 1.0) for n in range(8)})
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(go, waited, there)
        began.wait()
        patient = pool.submit(go, waited, there)
        told = holder(bench.settings, "things")
        hasty = replace(bench, settings=bench.settings.model_copy(
            update={"warehouse_wait_seconds": 0}))  # fmt: skip
        assert go(hasty, there).status is RunStatus.BUSY
        with pytest.raises(WarehouseBusyError, match=f"process {os.getpid()}"):
            history.status("things", bench.settings)
        with pytest.raises(WarehouseBusyError, match=f"process {os.getpid()}"):
            plan("things", bench.settings, definition=SYNC, destination=there)
        results = [first.result(), patient.result()]
    assert told is not None and told.process == os.getpid()
    assert [(item.status, item.created) for item in results] == [
        (RunStatus.CLEAN, 8), (RunStatus.CLEAN, 0)]  # fmt: skip
    assert there.writes == 8 and len(there.state()) == 8
    assert holder(bench.settings, "things") is None


@in_both_places
def test_others_read_how_far_the_holder_is(bench):
    with hold_state(bench.settings, "things", bench.clock.now()) as (_, lease):
        for line in ("", "1 of 2,000 rows answered", "all"):  # a shorter line after a longer one
            lease.tell(line)
            told = holder(bench.settings, "things")
            assert told is not None and (told.process, told.doing) == (os.getpid(), line)
    assert holder(bench.settings, "things") is None


@in_both_places
def test_a_runner_whose_lease_was_taken_over_writes_nothing_more(bench):
    class TakenOver(MemoryDestination):
        def deliver(self, batch, remember):
            answers = super().deliver(batch, remember)
            if self.calls == 2:  # the lease file was deleted, and somebody else began
                with open_state(bench.settings, "things") as state:
                    begin_run(state, "other", bench.clock.now(), bench.clock.now())
            return answers

    there = TakenOver(size=1)
    bench.model({f"k{n}": (str(n), 1.0) for n in range(4)})
    result = go(bench, there)
    assert (result.status, there.writes) == (RunStatus.BUSY, 2)
    good = MemoryDestination(there.records)
    after = go(bench, good)
    assert (after.status, after.recovered, good.writes) == (RunStatus.CLEAN, 1, 2)
    assert len(good.state()) == 4


def test_the_warehouse_is_free_while_rows_are_delivered(bench):
    class Writer(MemoryDestination):
        def deliver(self, batch, remember):
            with connect(bench.settings) as connection:
                connection.execute("create or replace table somebody_else as select 1 as n")
            return super().deliver(batch, remember)

    bench.model({"x": ("1", 1.0)})
    assert go(bench, Writer()).status is RunStatus.CLEAN


@pytest.mark.parametrize(("seconds_a_batch", "lines"), [(0.1, 1), (0.5, 3), (3.0, 10)])
def test_progress_is_told_every_two_seconds_and_at_the_end(
    bench, monkeypatch, seconds_a_batch, lines
):
    there = MemoryDestination(size=1)

    class Timed(Delivery):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options, monotonic=lambda: there.calls * seconds_a_batch)

    monkeypatch.setattr("syncs.work.Delivery", Timed)
    bench.model({f"k{n:02d}": (str(n), 1.0) for n in range(10)})
    told: list[str] = []
    run("things", bench.settings, bench.clock, "c1", told.append, definition=SYNC,
        destination=there)  # fmt: skip
    assert len(told) == lines
    assert told[-1] == "things: 10 of 10 rows answered"
