"""A run beside others: who holds the sync, who may write, what is told meanwhile."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headwater.errors import WarehouseBusyError
from headwater.warehouse import connect
from syncs.delivery import Delivery
from syncs.run import run
from syncs.state import RunStatus, state_path
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
