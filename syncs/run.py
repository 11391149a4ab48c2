"""Run one sync: resolve what is open, plan, guard, deliver, and say what became of it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb

from headwater.accounts import claim
from headwater.budget import row_budget
from headwater.clock import Clock
from headwater.errors import GuardError, HeadwaterError, PausedError, WarehouseBusyError
from headwater.settings import Settings
from syncs import difference, guards, quarantine, registry
from syncs.definition import Definition
from syncs.delivery import Delivery, Progress
from syncs.destination import ALREADY_THERE, Counts, Destination, FieldInfo, Operation
from syncs.destination_fields import fingerprint, require
from syncs.destinations import open_destination
from syncs.difference import Difference
from syncs.lease import Lease, take_lease
from syncs.outbox import Outbox
from syncs.pause import require_not_paused
from syncs.state import RunStatus, Tally, begin_run, finish_run, one, open_state, state_path


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
    not among the planned. ``calls``: every API call of the run, reads, retries and the
    check before the first write included. ``least_calls``: the fewest with which the rows that were
    delivered can be delivered, the check left out, so ``calls >= least_calls`` always; rows to
    create that were there already count for nothing. ``seconds_of_lock``: how long the warehouse
    was held.
    ``error``: what stopped the run (status failed, blocked, paused or busy), or ended it early
    (partial).
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
    calls: int = 0
    least_calls: int = 0
    seconds_of_lock: float = 0.0
    seconds: float = 0.0
    refusals: tuple[Refusal, ...] = ()
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
    accepted: Collection[str] = (),
    definition: Definition | None = None,
    destination: Destination | None = None,
) -> RunResult:
    """Bring a destination to what its model says. ``accepted``: guards that a person overrules.

    Never raises for what a vendor, a guard or a setting says: the result's ``status`` and ``error``
    tell. While another runner holds this sync, this one waits, and then ends as ``busy`` with
    nothing done. Raises :class:`DefinitionError` for an unknown sync. Any other error is a mistake
    of ours: the run is closed as failed, what was in flight is resolved by the next one, and the
    error is raised.
    """
    definition = definition or registry.definition(name)
    started = time.perf_counter()
    try:
        with (
            take_lease(settings, name, clock.now()) as lease,
            open_state(settings, name) as connection,
        ):
            run_id, fence = begin_run(connection, cycle_id, clock.now(), clock.now())
            work = _Work(
                connection,
                definition,
                settings,
                clock,
                outbox=Outbox(connection, run_id, fence),
                accepted=accepted,
                on_progress=_told(lease, on_progress),
                destination=destination,
            )
            result = _closed(work, connection, clock)
    except WarehouseBusyError as busy:
        result = RunResult(name=name, run_id="", status=RunStatus.BUSY, error=busy)
    return replace(result, seconds=time.perf_counter() - started)


def release(name: str, settings: Settings, clock: Clock, keys: Sequence[str] = ()) -> int:
    """Let quarantined rows (these keys, or all) go with the next run; returns how many.

    Raises :class:`WarehouseBusyError` while the sync runs.
    """
    if not state_path(settings, name).exists():
        return 0
    with take_lease(settings, name, clock.now()), open_state(settings, name) as connection:
        return quarantine.release(connection, keys)


def _told(lease: Lease, on_progress: Progress | None) -> Progress:
    """Progress for the caller and for whoever asks who holds the sync."""

    def tell(line: str) -> None:
        lease.tell(line)
        if on_progress is not None:
            on_progress(line)

    return tell


def _closed(work: _Work, connection: duckdb.DuckDBPyConnection, clock: Clock) -> RunResult:
    """Do the work and close its run, whatever happens."""
    run_id, fence = work.outbox.run_id, work.outbox.fence

    def close(status: RunStatus, reason: str | None) -> Tally:
        return finish_run(
            connection,
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
        calls=work.calls,
        least_calls=work.least_calls,
        seconds_of_lock=work.seconds_of_lock,
        refusals=_refusals(connection, run_id),
        error=error,
    )


class _Work:
    """One run in progress: what :func:`run` does between opening and closing it."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        definition: Definition,
        settings: Settings,
        clock: Clock,
        *,
        outbox: Outbox,
        accepted: Collection[str],
        on_progress: Progress | None,
        destination: Destination | None,
    ) -> None:
        self._connection = connection
        self.definition = definition
        self._settings = settings
        self._clock = clock
        self.outbox = outbox
        self._accepted = accepted
        self._on_progress = on_progress
        self._destination = destination
        self._calls_before = destination.calls if destination else 0
        self._checked = False
        self._known: Mapping[str, FieldInfo] | None = None
        self._difference: Difference | None = None
        self.recovered = 0

    def do(self) -> HeadwaterError | None:
        """Resolve what is open, plan, guard, deliver. Returns what ended delivery early."""
        require_not_paused(self._settings, self.definition.name)
        if self.outbox.leftovers():
            self.recovered = self._delivery().recover()
        self._settle()
        self.outbox.prune(self._clock.now())
        self._difference = self._compared()
        guards.check(self.definition, self._difference, self._accepted)
        if self._difference.counts.total:
            delivery = self._delivery()
            self.outbox.fill(self.definition.name, self._clock.now())
            try:
                return delivery.deliver()
            finally:
                self._settle()
        self.outbox.fill(self.definition.name, self._clock.now())
        return None

    def _settle(self) -> None:
        self.outbox.settle(self._clock.now(), self._destination_fields())

    def _destination_fields(self) -> str | None:
        """md5 of the fields that the destination has, where it was asked and says so."""
        return fingerprint(self.definition, self._known) if self._known is not None else None

    def _compared(self) -> Difference:
        """The difference, without what was refused too often, unless its row or the destination's
        fields changed since."""
        found, now = (
            difference.compute(self._connection, self.definition, self._settings),
            self._clock.now(),
        )
        with self.outbox.transaction():
            quarantine.forget_what_is_over(self._connection)
        if quarantine.are_waiting(self._connection, now):
            self._checked_destination()
        waiting = quarantine.hold_back(self._connection, now, self._destination_fields())
        counts = difference.counts_of_plan(self._connection, self.definition)
        return replace(found, counts=counts, quarantined=waiting)

    def _open(self) -> Destination:
        if self._destination is None:
            self._destination = open_destination(self.definition, self._settings)
            claim(self.definition.destination, self._settings)
        return self._destination

    def _checked_destination(self) -> Destination:
        destination = self._open()
        if not self._checked:
            self._known = destination.check()
            if self._known is not None:
                require(self.definition, self._known)
            self._checked = True
        return destination

    def _delivery(self) -> Delivery:
        destination = self._checked_destination()
        name = self.definition.name
        return Delivery(
            self.definition,
            destination,
            self.outbox,
            self._clock,
            self._on_progress,
            may_go_on=lambda: require_not_paused(self._settings, name),
            budget=row_budget(self.definition.destination, self._settings, self._clock),
        )

    @property
    def calls(self) -> int:
        """API calls of this run."""
        return self._destination.calls - self._calls_before if self._destination else 0

    @property
    def least_calls(self) -> int:
        """The fewest API calls with which the rows that were delivered can be delivered."""
        if self._destination is None or self._difference is None:
            return 0
        delivered = dict(
            self._connection.execute(
                "select operation, count(*) from outbox where run_id = ? and state = 'delivered' "
                "and code is distinct from ? group by operation",
                [self.outbox.run_id, ALREADY_THERE],
            ).fetchall()
        )
        planned = self._difference.counts
        missing = planned.total - sum(delivered.values())
        return self._destination.least_calls(
            Counts(
                delivered.get(Operation.CREATE, 0),
                delivered.get(Operation.UPDATE, 0),
                delivered.get(Operation.REMOVE, 0),
                max(0, planned.to_read - missing),
            )
        )

    @property
    def adopted(self) -> int:
        """Rows that were right at the destination already."""
        return self._difference.adopted if self._difference else 0

    @property
    def unchanged(self) -> int:
        """Model rows that needed nothing."""
        return self._difference.unchanged if self._difference else 0

    @property
    def quarantined(self) -> int:
        """Rows that wait because the destination refused them too often."""
        return self._difference.quarantined if self._difference else 0

    @property
    def seconds_of_lock(self) -> float:
        """How long the warehouse was held."""
        return self._difference.warehouse_seconds if self._difference else 0.0

    def measures(self) -> dict[str, int | float | str | None]:
        """What the run's row says beside its tally."""
        return {
            "adopted": self.adopted,
            "unchanged": self.unchanged,
            "recovered": self.recovered,
            "quarantined": self.quarantined,
            "model_rows": self._difference.model_rows if self._difference else None,
            "accepted": ", ".join(sorted(self._accepted)) or None,
            "calls": self.calls,
            "least_calls": self.least_calls,
            "warehouse_seconds": self.seconds_of_lock,
        }

    def status(self, error: HeadwaterError | None) -> RunStatus:
        """Clean only if everything planned was delivered and nothing is open."""
        if isinstance(error, GuardError):
            return RunStatus.BLOCKED
        if isinstance(error, PausedError):
            return RunStatus.PAUSED
        delivered = one(
            self._connection,
            "select count(*) from outbox where run_id = ? and state = 'delivered'",
            [self.outbox.run_id],
        )
        if error is not None:
            return RunStatus.PARTIAL if delivered else RunStatus.FAILED
        open_rows = one(
            self._connection,
            "select count(*) from outbox where state in ('in_flight', 'unknown') "
            "or (run_id = ? and state in ('pending', 'rejected'))",
            [self.outbox.run_id],
        )
        return RunStatus.PARTIAL if open_rows or self.quarantined else RunStatus.CLEAN


def _refusals(connection: duckdb.DuckDBPyConnection, run_id: str) -> tuple[Refusal, ...]:
    rows = connection.execute(
        """
        select coalesce(code, ''), count(*), min(key), coalesce(arg_min(message, key), '')
        from outbox
        where run_id = ? and state = 'rejected'
        group by code
        order by count(*) desc, code
        """,
        [run_id],
    ).fetchall()
    return tuple(Refusal(*row) for row in rows)
