"""Run one sync under its lease, and say what became of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from headwater.clock import Clock
from headwater.errors import HeadwaterError, StateUnavailableError, WarehouseBusyError
from headwater.settings import Settings
from syncs import quarantine, registry
from syncs.audit import purge as purge_keys
from syncs.audit import write_audit
from syncs.definition import Definition
from syncs.delivery import Progress
from syncs.destination import Destination
from syncs.destination_fields import require
from syncs.destinations import open_destination
from syncs.lease import Lease
from syncs.outbox import Outbox
from syncs.request import Request
from syncs.run_ledger import Tally, begin_run, finish_run
from syncs.state import RunStatus, State, hold_state, is_known
from syncs.undo import LeftAlone
from syncs.work import Work

WHOLE_PLAN = Request()


@dataclass(frozen=True)
class Refusal:
    """Rows that the destination refused for one reason."""

    code: str
    rows: int
    example_key: str
    example_message: str


@dataclass(frozen=True)
class RunResult:
    """What a run did. ``planned = created + updated + removed + rejected + owed``.

    ``adopted``: rows that were right at the destination already. ``recovered``: rows of an earlier
    run whose fate was found out first. ``quarantined``: rows that were refused too often and wait,
    not among the planned. ``left_out``: rows that the request left out, ``drifted``: rows of a
    sealed plan that are not the same any more, ``left_alone``: what an undo did not give back.
    ``calls``: every API call of the run, reads, retries and the check before the first write
    included. ``least_calls``: the fewest with which the rows that were delivered can be delivered,
    the check left out, so ``calls >= least_calls`` always; rows to create that were there already
    count for nothing. ``seconds_of_lock``: how long the warehouse was held. ``error``: what stopped
    the run (status failed, blocked, paused or busy), or ended it early (partial).
    """

    name: str
    run_id: str
    status: RunStatus
    planned: int = 0
    created: int = 0
    updated: int = 0
    removed: int = 0
    adopted: int = 0
    unchanged: int = 0
    recovered: int = 0
    quarantined: int = 0
    rejected: int = 0
    owed: int = 0
    left_out: int = 0
    drifted: int = 0
    calls: int = 0
    least_calls: int = 0
    seconds_of_lock: float = 0.0
    seconds: float = 0.0
    refusals: tuple[Refusal, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    error: HeadwaterError | None = field(default=None, compare=False)


def check(name: str, settings: Settings) -> None:
    """Prove the destination's credential and object of a sync without writing anything."""
    definition = registry.definition(name)
    known = open_destination(definition, settings).check()
    if known is not None:
        require(definition, known)


def run(
    name: str,
    settings: Settings,
    clock: Clock,
    cycle_id: str = "",
    on_progress: Progress | None = None,
    *,
    request: Request = WHOLE_PLAN,
    definition: Definition | None = None,
    destination: Destination | None = None,
) -> RunResult:
    """Bring a destination to what its model says, or do what ``request`` asks instead.

    Never raises for what a vendor, a guard or a setting says: the result's ``status`` and ``error``
    tell. A state that cannot be opened, or was lost on the way, is a failed run without figures.
    While another runner holds this sync, this one waits, and then ends as ``busy`` with
    nothing done. Raises :class:`DefinitionError` for an unknown sync. Any other error is a mistake
    of ours: the run is closed as failed, what was in flight is resolved by the next one, and the
    error is raised.
    """
    definition = definition or registry.definition(name)
    started = time.perf_counter()
    try:
        with hold_state(settings, name, clock.now()) as (state, lease):
            run_id, fence = begin_run(state, cycle_id, clock.now(), clock.now())
            work = Work(
                state,
                definition,
                settings,
                clock,
                outbox=Outbox(state, run_id, fence),
                request=request,
                on_progress=_told(lease, on_progress),
                destination=destination,
            )
            result = _closed(work, state, clock)
            write_audit(state, definition, settings)
    except WarehouseBusyError as busy:
        result = RunResult(name=name, run_id="", status=RunStatus.BUSY, error=busy)
    except HeadwaterError as error:  # the state cannot be opened, or was lost
        result = RunResult(name=name, run_id="", status=RunStatus.FAILED, error=error)
    return replace(result, seconds=time.perf_counter() - started)


def release(name: str, settings: Settings, clock: Clock, keys: Sequence[str] = ()) -> int:
    """Let quarantined rows (these keys, or all) go with the next run; returns how many.

    Raises :class:`WarehouseBusyError` while the sync runs.
    """
    if not is_known(settings, name):
        return 0
    with hold_state(settings, name, clock.now()) as (state, _):
        return quarantine.release(state, keys)


def purge(name: str, settings: Settings, clock: Clock, *keys: str) -> int:
    """Forget everything about these keys, audit included; returns the lines of it that are gone.

    Raises :class:`WarehouseBusyError` while the sync runs.
    """
    if not is_known(settings, name):
        return 0
    with hold_state(settings, name, clock.now()) as (state, _):
        return purge_keys(state, name, settings, keys)


def _told(lease: Lease, on_progress: Progress | None) -> Progress:
    """Progress for the caller and for whoever asks who holds the sync."""

    def tell(line: str) -> None:
        lease.tell(line)
        if on_progress is not None:
            on_progress(line)

    return tell


def _closed(work: Work, state: State, clock: Clock) -> RunResult:
    """Do the work and close its run, whatever happens."""
    run_id, fence = work.outbox.run_id, work.outbox.fence

    def close(status: RunStatus, reason: str | None) -> Tally:
        return finish_run(
            state,
            run_id,
            status,
            reason,
            fence=fence,
            finished_at=clock.now(),
            measures=work.measures(),
        )

    error: HeadwaterError | None = None
    try:
        error = work.do()
    except StateUnavailableError as lost:
        with suppress(HeadwaterError):  # if this state was lost, the next run closes this one
            close(RunStatus.FAILED, str(lost))
        raise
    except HeadwaterError as raised:
        error = raised
    except Exception as mistake:
        close(RunStatus.FAILED, f"{type(mistake).__name__}: {mistake}")
        raise
    status = work.status(error)
    tally = close(status, str(error) if error else None)
    return RunResult(
        name=work.definition.name,
        run_id=run_id,
        status=status,
        planned=tally.planned,
        created=tally.created,
        updated=tally.updated,
        removed=tally.removed,
        rejected=tally.rejected,
        owed=tally.owed,
        adopted=work.adopted,
        unchanged=work.unchanged,
        recovered=work.recovered,
        quarantined=work.quarantined,
        left_out=work.left_out,
        drifted=work.drifted,
        left_alone=work.left_alone,
        calls=work.calls,
        least_calls=work.least_calls,
        seconds_of_lock=work.seconds_of_lock,
        refusals=_refusals(state, run_id),
        error=error,
    )


def _refusals(state: State, run_id: str) -> tuple[Refusal, ...]:
    rows = state.rows(
        """
        select code, number, key, message
        from (
            select
                coalesce(code, '') as code,
                count(*) over (partition by coalesce(code, '')) as number,
                key,
                coalesce(message, '') as message,
                row_number() over (partition by coalesce(code, '') order by key, seq) as place
            from outbox
            where run_id = $run_id and state = 'rejected'
        ) as refused
        where place = 1
        order by number desc, code
        """,
        {"run_id": run_id},
    )
    return tuple(Refusal(*row) for row in rows)
