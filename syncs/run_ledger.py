"""Runs: opened with a number greater than any before, closed with figures that add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headwater.errors import WarehouseBusyError
from syncs.state import RunStatus, State, naive


@dataclass(frozen=True)
class Tally:
    """The rows of one run by what became of them."""

    planned: int = 0
    created: int = 0
    updated: int = 0
    removed: int = 0
    rejected: int = 0
    owed: int = 0

    @property
    def delivered(self) -> int:
        """Rows that the destination acknowledged."""
        return self.created + self.updated + self.removed


@contextmanager
def fenced(state: State, fence: int | None = None) -> Iterator[None]:
    """A transaction of a runner: all of the block or nothing of it.

    Raises :class:`WarehouseBusyError` before the block when a run with a greater ``fence`` began;
    none begins during the block.
    """
    with state.transaction(alone=f"runs of {state.sync}"):
        if fence is not None and state.rows("select max(fence) from runs") != [(fence,)]:
            raise WarehouseBusyError(
                "Another run of this sync has begun, so this one may not write any more.",
                next_step="The other one resolves what this one had in flight.",
            )
        yield


def begin_run(
    state: State, cycle_id: str, as_of: datetime, started_at: datetime
) -> tuple[str, int]:
    """Open a run and return its id and its fencing number, greater than that of any run before.

    Runs that a crash left open are closed as failed first.
    """
    with fenced(state):
        for (abandoned,) in state.rows("select run_id from runs where status = 'running'"):
            _close(
                state,
                abandoned,
                RunStatus.FAILED,
                "The process died.",
                finished_at=started_at,
                measures={},
            )
        fence = state.rows("select greatest(max(fence), count(*)) + 1 from runs")[0][0]
        run_id = f"{naive(started_at):%Y%m%dT%H%M%SZ}-{fence:04d}"
        state.change(
            "insert into runs (run_id, cycle_id, as_of, started_at, status, fence) "
            "values ($run_id, $cycle_id, $as_of, $started_at, 'running', $fence)",
            {
                "run_id": run_id,
                "cycle_id": cycle_id,
                "as_of": naive(as_of),
                "started_at": naive(started_at),
                "fence": fence,
            },
        )
    return run_id, fence


def finish_run(
    state: State,
    run_id: str,
    status: RunStatus,
    reason: str | None,
    *,
    fence: int,
    finished_at: datetime,
    measures: Mapping[str, int | float | str | None],
) -> Tally:
    """Close a run. Raises AssertionError if its rows do not add up, and
    :class:`WarehouseBusyError` if another run has begun since."""
    with fenced(state, fence):
        return _close(state, run_id, status, reason, finished_at=finished_at, measures=measures)


def _close(
    state: State,
    run_id: str,
    status: RunStatus,
    reason: str | None,
    *,
    finished_at: datetime,
    measures: Mapping[str, int | float | str | None],
) -> Tally:
    tally = tally_of(state, run_id)
    values: dict[str, Any] = {
        "finished_at": naive(finished_at),
        "status": status.value,
        "reason": reason,
        "planned": tally.planned,
        "created": tally.created,
        "updated": tally.updated,
        "removed": tally.removed,
        "rejected": tally.rejected,
        "owed": tally.owed,
        **measures,
    }
    assignments = ", ".join(f"{column} = ${column}" for column in values)
    state.change(
        f"update runs set {assignments} where run_id = $run_id",  # noqa: S608 (our own names)
        {**values, "run_id": run_id},
    )
    return tally


def tally_of(state: State, run_id: str) -> Tally:
    """Count a run's rows; planned = delivered + rejected + owed always holds."""
    (row,) = state.rows(
        """
        select
            count(*),
            count(*) filter (where state = 'delivered' and operation = 'create'),
            count(*) filter (where state = 'delivered' and operation = 'update'),
            count(*) filter (where state = 'delivered' and operation = 'remove'),
            count(*) filter (where state = 'rejected'),
            count(*) filter (where state in ('pending', 'in_flight', 'unknown'))
        from outbox
        where run_id = $run_id and state <> 'superseded'
        """,
        {"run_id": run_id},
    )
    tally = Tally(*row)
    if tally.planned != tally.delivered + tally.rejected + tally.owed:
        raise AssertionError(f"Run {run_id} does not add up: {tally}.")
    return tally
