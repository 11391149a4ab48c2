"""``python -m benchmarks.proof.costs_work STEP HOME ROWS``: one piece of work, and what it cost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from benchmarks.measuring import Cost, report_cost
from benchmarks.proof.crashes import AS_OF, deliver
from benchmarks.proof.ledger import DEFINITION, NAME
from headwater.settings import Settings
from headwater.warehouse import connect
from syncs import difference
from syncs.definition import Mode, Removal
from syncs.destination import Batch, Capabilities, Counts, FieldInfo, Outcome, RowResult
from syncs.plan import plan
from syncs.state import open_state

_MODEL = f"""
    create schema if not exists activation;
    create or replace table activation.{NAME} as
    select
        '001' || lpad(range::varchar, 15, '0') as k,
        'Industry: FinTech (+20); Employees: ' || range % 500 as a,
        (range % 101)::double as b
    from range(?)
"""
_CHANGE = f"update activation.{NAME} set b = b + 1 where substr(k, 4)::bigint % 100 = 0"


class Sink:
    """Takes everything at once, and remembers when it was called first."""

    name = "sink"
    capabilities: ClassVar[Capabilities] = Capabilities(
        frozenset(Mode), frozenset(Removal), separate_operations=False
    )

    def __init__(self, kill_at: int | None = None) -> None:
        self.calls = 0
        self.first_called_at: float | None = None
        self._kill_at = kill_at

    def check(self) -> Mapping[str, FieldInfo] | None:
        """Always there."""
        return None

    def batch_rows(self, rows: int) -> int:  # noqa: ARG002 (always the same)
        """Batches of a REST call that takes many."""
        return 2_000

    def least_calls(self, counts: Counts) -> int:
        """Full batches."""
        return -(-counts.total // 2_000)

    def deliver(
        self,
        batch: Batch,
        remember: Callable[[str], None],  # noqa: ARG002 (no job to remember)
    ) -> Sequence[RowResult]:
        """Take the batch."""
        self.first_called_at = self.first_called_at or time.perf_counter()
        self.calls += 1
        if self.calls == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return [RowResult(change.key, Outcome.DELIVERED) for change in batch.changes]

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """It was taken."""
        return self.deliver(batch, lambda _handle: None)


def work(step: str, settings: Settings, rows: int) -> int:
    """Do one step; what came of it is a number."""
    if step == "fill":
        return deliver(settings, Sink()).created
    if step == "quiet":
        return deliver(settings, Sink()).calls
    if step == "change":
        with connect(settings) as warehouse:
            warehouse.execute(_CHANGE)
        return 0
    if step == "difference":
        with open_state(settings, NAME) as state:
            return difference.compute(state, DEFINITION, settings).counts.updated
    if step == "plan":
        return plan(NAME, settings, definition=DEFINITION, destination=Sink()).updated
    if step == "kill":
        program = [sys.executable, "-m", "benchmarks.proof.costs_work"]
        subprocess.run([*program, "die", str(settings.home), str(rows)], check=False)
        return 0
    if step == "die":
        return deliver(settings, Sink(kill_at=1)).calls
    raise AssertionError(f"no step {step}")


def main(step: str, home: str, rows: str) -> None:
    """Measure a step and print its cost."""
    settings = Settings(home=Path(home), as_of=AS_OF, duckdb_memory_limit="200MB")
    if step == "fill":
        with connect(settings) as warehouse:
            warehouse.execute(_MODEL, [int(rows)])
    if step == "resume":
        sink = Sink()
        started = time.perf_counter()
        with report_cost() as came:
            came(deliver(settings, sink).recovered)
        seconds = (sink.first_called_at or started) - started
        if sink.first_called_at is None:
            raise AssertionError("nothing was in flight")
        _print(Cost(seconds, 0.0, 0.0, 0))
        return
    with report_cost() as came:
        found = work(step, settings, int(rows))
        came(found)
    if step == "quiet":  # all of the process, its imports too
        times = os.times()
        _print(Cost(0.0, times.user + times.system, 0.0, found))


def _print(cost: Cost) -> None:
    print(json.dumps(asdict(cost)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
