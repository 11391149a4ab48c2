"""One run in progress: resolve what is open, plan, guard, deliver, and count what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from headwater.accounts import claim, claim_shared
from headwater.budget import row_budget
from headwater.clock import Clock
from headwater.errors import GuardError, HeadwaterError, PausedError
from headwater.settings import Settings
from syncs import difference, guards, quarantine, settlement
from syncs.audit import note_what_is_in_doubt
from syncs.definition import Definition
from syncs.delivery import Delivery, Progress
from syncs.destination import ALREADY_THERE, Counts, Destination, FieldInfo, Operation
from syncs.destination_fields import fingerprint, require
from syncs.destinations import open_destination
from syncs.difference import Difference
from syncs.filling import fill
from syncs.outbox import Outbox
from syncs.pause import require_not_paused
from syncs.request import Request
from syncs.sealed_plan import require_same_definition
from syncs.state import RowState, RunStatus, State
from syncs.undo import LeftAlone, plan_undo


class Work:
    """What a run does between being opened and being closed (:func:`syncs.run.run`)."""

    def __init__(
        self,
        state: State,
        definition: Definition,
        settings: Settings,
        clock: Clock,
        *,
        outbox: Outbox,
        request: Request,
        on_progress: Progress | None,
        destination: Destination | None,
    ) -> None:
        self._state = state
        self.definition = definition
        self._settings = settings
        self._clock = clock
        self.outbox = outbox
        self._request = request
        self.left_out = 0
        self.drifted = 0
        self.left_alone: tuple[LeftAlone, ...] = ()
        self._on_progress = on_progress
        self._destination = destination
        self._calls_before = destination.calls if destination else 0
        self._checked = False
        self._known: Mapping[str, FieldInfo] | None = None
        self._difference: Difference | None = None
        self.recovered = 0

    def do(self) -> HeadwaterError | None:
        """Resolve what is open, plan, guard, deliver. Returns what ended delivery early."""
        note_what_is_in_doubt(self._state)
        self._require_not_paused()
        if self.outbox.leftovers():
            self.recovered = self._delivery().recover()
        self._settle()
        settlement.prune(self.outbox, self._clock.now())
        self._difference = self._planned()
        if self._difference.counts.total:
            delivery = self._delivery()
            fill(self.outbox, self.definition.name, self._clock.now())
            try:
                return delivery.deliver(self._request.canary or self.definition.canary)
            finally:
                self._settle()
        fill(self.outbox, self.definition.name, self._clock.now())
        return None

    def _planned(self) -> Difference:
        """What is to be done: the difference, guarded, and of it what was asked for; or an undo."""
        if self._request.undo is not None:
            self.left_alone = plan_undo(
                self._state,
                self.definition,
                self._checked_destination(),
                self._request.undo,
            )
            return Difference.of_plan(
                difference.counts_of_plan(self._state.compute, self.definition)
            )
        if self._request.sealed is not None:
            require_same_definition(self._request.sealed, self.definition)
        found = self._compared()
        guards.check(self.definition, found, self._request.accepted)
        self.left_out, self.drifted = self._request.narrow(self._state.compute)
        counts = difference.counts_of_plan(self._state.compute, self.definition)
        return replace(found, counts=counts)

    def _require_not_paused(self) -> None:
        """Raises if a person paused the sync; an undo is what a person wants then."""
        if self._request.undo is None:
            require_not_paused(self._settings, self.definition.name)

    def _settle(self) -> None:
        settlement.settle(
            self.outbox,
            self._clock.now(),
            self.definition.writing_hash,
            self._destination_fields(),
        )

    def _destination_fields(self) -> str | None:
        """md5 of the fields that the destination has, where it was asked and says so."""
        return fingerprint(self.definition, self._known) if self._known is not None else None

    def _compared(self) -> Difference:
        """The difference, without what was refused too often, unless its row, the definition or the
        destination's fields changed since."""
        found, now = (
            difference.compute(self._state, self.definition, self._settings),
            self._clock.now(),
        )
        with self.outbox.transaction():
            quarantine.forget_what_is_over(self._state)
        if quarantine.are_waiting(self._state, now):
            self._checked_destination()
        waiting = quarantine.hold_back(
            self._state, now, self._destination_fields(), self.definition.writing_hash
        )
        counts = difference.counts_of_plan(self._state.compute, self.definition)
        return replace(found, counts=counts, quarantined=waiting)

    def _open(self) -> Destination:
        if self._destination is None:
            self._destination = open_destination(self.definition, self._settings)
            claim(self.definition.destination, self._settings)
            claim_shared(self.definition.destination, self._settings)
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
        return Delivery(
            self.definition,
            destination,
            self.outbox,
            self._clock,
            self._on_progress,
            may_go_on=self._require_not_paused,
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
            self._state.rows(
                "select operation, count(*) from outbox where run_id = $run_id "
                "and state = 'delivered' and code is distinct from $already_there "
                "group by operation",
                {"run_id": self.outbox.run_id, "already_there": ALREADY_THERE},
            )
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
            "left_out": self.left_out,
            "request": str(self._request) or None,
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
        if error is not None:
            delivered = self.outbox.count(RowState.DELIVERED)
            return RunStatus.PARTIAL if delivered else RunStatus.FAILED
        open_rows = self._state.rows(
            "select 1 from outbox where state in ('in_flight', 'unknown') "
            "or (run_id = $run_id and state in ('pending', 'rejected')) limit 1",
            {"run_id": self.outbox.run_id},
        )
        is_short = open_rows or self.quarantined or self.drifted
        return RunStatus.PARTIAL if is_short else RunStatus.CLEAN
