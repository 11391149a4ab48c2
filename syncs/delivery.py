"""Delivery: from the outbox to the destination and back, one durable step at a time.

A batch is marked in flight before it leaves and its answers are recorded before the next one does,
or the next wave of several.
Whatever stops the process in between, the next run finds the batch in flight and resolves it
before it sends anything.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from headwater.budget import RowBudget
from headwater.clock import Clock
from headwater.errors import (
    GuardError,
    HeadwaterError,
    PermanentError,
    RateLimitedError,
    VendorRejectedError,
    VendorUnavailableError,
)
from syncs.batches import batches
from syncs.bisection import Bisection
from syncs.definition import Canary, Definition
from syncs.destination import (
    ALREADY_THERE,
    Batch,
    Change,
    Destination,
    Interrupted,
    Operation,
    Outcome,
    RowResult,
    TakesSeveral,
)
from syncs.fates import PAUSES_SECONDS, find_out, same_for_all
from syncs.look_before import LookBefore
from syncs.outbox import Outbox
from syncs.quarantine import BATCH_REFUSED
from syncs.state import RowState
from syncs.waves import Waves

Progress = Callable[[str], None]
"""Told in a line how far a delivery is."""

_Answer = Sequence[RowResult] | HeadwaterError | Interrupted
READ_ROWS = 20_000
"""How many rows to read from the outbox at a time: a read looks at all that is pending."""
TRIES = 3
"""How often a row that the vendor puts off (a locked record) is sent within one run, and how often
in a row sending may get nowhere before the run ends."""
TELL_EVERY_SECONDS = 2.0
"""How often to say how far a delivery is; the last word is always said."""


class Delivery:
    """Delivers the outbox of one run.

    ``may_go_on`` is asked before each batch and raises what ends delivery there; ``budget`` is what
    the destination may be sent in a day.
    """

    def __init__(
        self,
        definition: Definition,
        destination: Destination,
        outbox: Outbox,
        clock: Clock,
        on_progress: Progress | None = None,
        *,
        may_go_on: Callable[[], None] = lambda: None,
        budget: RowBudget | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._definition = definition
        self._destination = destination
        self._outbox = outbox
        self._clock = clock
        self._on_progress = on_progress
        self._may_go_on = may_go_on
        self._budget = budget
        self._monotonic = monotonic
        self._handles: dict[str, str] = {}
        self._turn = threading.Lock()
        self._waves = Waves(1)
        self._in_vain = 0
        self._planned = 0
        self._told_at = 0.0
        self._told = ""
        self._look_before = LookBefore(definition, destination)

    def recover(self) -> int:
        """Resolve every batch that an earlier run left in flight; returns the rows resolved."""
        resolved = 0
        for batch in self._outbox.leftovers():
            results = find_out(self._destination, batch, self._clock)
            self._outbox.record(batch, results, self._clock.now())
            resolved += sum(result.outcome is not Outcome.UNKNOWN for result in results)
        return resolved

    def deliver(self, canary: Canary | None = None) -> HeadwaterError | None:
        """Send everything pending; returns the error that ended delivery early, if one did.

        Rows not sent then stay pending (owed); rows that the destination refuses are rejected. With
        a ``canary``, a first share is sent alone, and the rest only if it was taken.
        """
        self._planned = self._outbox.count(RowState.PENDING)
        self._told_at = self._monotonic()
        size = self._definition.batch_rows or self._destination.batch_rows(self._planned)
        if isinstance(self._destination, TakesSeveral):
            self._waves = Waves(self._destination.at_once(size))
        try:
            if canary is not None and self._planned > 1:
                self._send_canary(canary, size)
            while changes := self._outbox.pending(max(size, READ_ROWS)):
                self._send_all(changes, size)
        except _Stopped as stopped:
            return stopped.cause
        finally:
            self._tell()
        return None

    def _send_all(self, changes: Sequence[Change], size: int) -> None:
        alone = self._destination.capabilities.separate_operations
        for wave in self._waves.of(batches(changes, size, separate_operations=alone)):
            self._send(wave)
            if self._monotonic() - self._told_at >= TELL_EVERY_SECONDS:
                self._tell()
                self._told_at = self._monotonic()

    def _send_canary(self, canary: Canary, size: int) -> None:
        number = max(1, int(self._planned * canary.share))
        self._send_all(self._outbox.pending(number), size)
        rejected = self._outbox.count(RowState.REJECTED)
        if rejected > canary.max_rejected_share * number:
            raise _Stopped(
                GuardError(
                    f"{self._definition.name}: of the first {number} rows {rejected} were refused; "
                    f"its canary lets {canary.max_rejected_share:g} of them be.",
                    next_step="The other rows were not sent and stay owed. `headwater sync log "
                    f"{self._definition.name} --rejected` says what was refused.",
                )
            )

    def _within_budget(self, changes: Sequence[Change]) -> Sequence[Change]:
        """As many of the first changes as may go today; raises when that is none."""
        try:
            self._may_go_on()
        except HeadwaterError as error:
            raise _Stopped(error) from error
        if self._budget is None:
            return changes
        number = self._budget.reserve([change.operation for change in changes])
        if not number:
            raise _Stopped(self._budget.exhausted())
        return changes[:number]

    def _tell(self) -> None:
        if self._on_progress is not None:
            answered = self._outbox.count(RowState.DELIVERED, RowState.REJECTED)
            line = f"{self._definition.name}: {answered:,} of {self._planned:,} rows answered"
            if line != self._told:
                self._on_progress(line)
            self._told = line

    def _send(self, wave: Sequence[Sequence[Change]]) -> None:
        """Send batches at the same time, and take in their answers in order.

        Stops after the last answer: what is known is recorded first. A batch that was refused for
        the rate, because it was not alone, goes out again in a smaller wave.
        """
        allowed: list[tuple[Change, ...]] = []
        stopped: _Stopped | None = None
        for changes in wave:
            try:
                allowed.append(self._looked_before(self._within_budget(changes)))
            except _Stopped as stop:
                stopped = stop
                break
        marked = [self._outbox.mark_in_flight(part, self._clock.now()) for part in allowed if part]
        is_limited = False
        for batch, answer in zip(marked, self._call_all(marked), strict=True):
            try:
                self._work_off(batch, answer, search=stopped is None)
            except _Stopped as stop:
                if isinstance(stop.cause, RateLimitedError) and len(marked) > 1:
                    is_limited = True
                else:
                    stopped = stopped or stop
        if stopped is not None:
            raise stopped
        if is_limited:
            self._waves.refused()
            self._clock.sleep(PAUSES_SECONDS[0])
        elif marked:
            self._waves.taken()

    def _call_all(self, marked: Sequence[Batch]) -> list[_Answer]:
        if len(marked) < 2:
            return [self._call(batch) for batch in marked]
        with ThreadPoolExecutor(len(marked), thread_name_prefix="deliver") as pool:
            return list(pool.map(self._call, marked))

    def _call(self, batch: Batch) -> _Answer:
        """What the destination answers; nothing is recorded."""
        try:
            return self._destination.deliver(batch, self._remember(batch))
        except (HeadwaterError, Interrupted) as error:
            return error

    def _work_off(self, batch: Batch, answer: _Answer, *, search: bool) -> None:
        """Take in the answer to a batch; where it is refused as a whole, find the rows to blame,
        or leave them for the next run where no ``search`` is wanted.

        Where the cause is not in the rows, the rest is rejected with the vendor's words instead of
        being asked about one by one (and is tried again by the next run).
        """
        whole = batch.changes
        halves = Bisection(whole)
        part = halves.next()
        while part:
            if not isinstance(answer, VendorRejectedError):
                self._take_in(batch, answer)
                halves.accepted()
            else:
                alone = len(part) == 1
                outcome = Outcome.REJECTED if alone else Outcome.UNSENT
                refused = same_for_all(batch, outcome, answer)
                self._record(batch, [replace(result, spoils=alone) for result in refused])
                halves.refused()
                if halves.is_hopeless and (rest := halves.rest()):
                    batch = self._outbox.mark_in_flight(rest, self._clock.now())
                    self._record(batch, same_for_all(batch, Outcome.REJECTED, answer))
                    self._outbox.excuse(whole, BATCH_REFUSED)
            part = halves.next() if search else ()
            if part:
                batch = self._outbox.mark_in_flight(part, self._clock.now())
                answer = self._call(batch)

    def _take_in(self, batch: Batch, answer: _Answer) -> None:
        """Record the answers to one batch. Raises _Stopped when the run cannot go on."""
        if isinstance(answer, Interrupted):
            self._stop_or_resolve(batch, answer.results, answer.cause)
        elif isinstance(answer, HeadwaterError):
            self._stop_or_resolve(batch, (), answer)
        else:
            self._record(batch, answer)
            self._pause_or_stop(answer, None)

    def _pause_or_stop(self, results: Sequence[RowResult], error: HeadwaterError | None) -> None:
        """Wait where sending got nowhere: no row was answered, and some are known not to have
        arrived. Stop when that happened ``TRIES`` times in a row, or a vendor that takes nothing
        (or an administrator who ends every job) would be asked for ever."""
        if any(result.outcome in (Outcome.DELIVERED, Outcome.REJECTED) for result in results):
            self._in_vain = 0
            return
        unsent = [result for result in results if result.outcome is Outcome.UNSENT]
        if not unsent:
            return
        self._in_vain += 1
        if self._in_vain >= TRIES:
            raise _Stopped(
                error
                or VendorUnavailableError(
                    f"{self._destination.name}: nothing of a batch was taken, {TRIES} times in a "
                    f"row: {unsent[0].message or unsent[0].code or 'no reason given'}",
                    next_step="The rows stay owed and go out with the next run.",
                )
            )
        self._clock.sleep(PAUSES_SECONDS[self._in_vain - 1])

    def _stop_or_resolve(
        self, batch: Batch, answered: tuple[RowResult, ...], error: HeadwaterError
    ) -> None:
        """Find out about the rows that have no answer; stop unless all of them got one."""
        known = {result.key for result in answered}
        rest = replace(
            batch,
            changes=tuple(change for change in batch.changes if change.key not in known),
            handle=self._handles.get(batch.batch_id),
        )
        refused = isinstance(error, PermanentError | RateLimitedError) and rest.handle is None
        found = (
            same_for_all(rest, Outcome.UNSENT, error)
            if refused
            else find_out(self._destination, rest, self._clock)
        )
        self._record(batch, (*answered, *found))
        if refused or any(result.outcome is Outcome.UNKNOWN for result in found):
            raise _Stopped(error)
        self._pause_or_stop((*answered, *found), error)

    def _looked_before(self, changes: Sequence[Change]) -> tuple[Change, ...]:
        """Leave out what must not be overwritten; rows of which nothing is left are done.

        Looked up, and made durable, before the rows are marked in flight: what is sent again after
        a crash is what was meant to be sent.
        """
        try:
            narrowed, edits = self._look_before.narrow(changes)
        except HeadwaterError as error:
            raise _Stopped(error) from error
        if not narrowed and not edits:
            return tuple(changes)
        self._outbox.leave_out(narrowed)
        self._outbox.note_edits(edits, self._clock.now())
        by_seq = {item.change.seq: item.change for item in narrowed}
        left = [by_seq.get(change.seq, change) for change in changes]
        done = [item for item in by_seq.values() if _is_done(item)]
        if done:
            batch = self._outbox.mark_in_flight(done, self._clock.now())
            self._record(
                batch,
                [
                    RowResult(item.key, Outcome.DELIVERED, item.destination_id, code=ALREADY_THERE)
                    for item in done
                ],
            )
        return tuple(change for change in left if change.seq not in by_seq or not _is_done(change))

    def _record(self, batch: Batch, results: Sequence[RowResult]) -> None:
        """Record answers; a row that was put off too often is rejected with the reason."""
        put_off = {result.key for result in results if result.outcome is Outcome.RETRY}
        if put_off:
            seqs = {change.key: change.seq for change in batch.changes if change.key in put_off}
            attempts = self._outbox.attempts(list(seqs.values()))
            given_up = {key for key, seq in seqs.items() if attempts[seq] >= TRIES}
            results = [
                replace(result, outcome=Outcome.REJECTED) if result.key in given_up else result
                for result in results
            ]
            put_off -= given_up
        self._outbox.record(batch, results, self._clock.now())
        if put_off:
            self._clock.sleep(PAUSES_SECONDS[0])

    def _remember(self, batch: Batch) -> Callable[[str], None]:
        def remember(handle: str) -> None:
            with self._turn:  # of the threads of a wave
                self._handles[batch.batch_id] = handle
                self._outbox.remember_handle(batch.batch_id, handle)

        return remember


def _is_done(change: Change) -> bool:
    """Whether nothing is left to send of a record that is there."""
    return change.operation is Operation.UPDATE and not change.fields


class _Stopped(Exception):
    def __init__(self, cause: HeadwaterError) -> None:
        super().__init__(str(cause))
        self.cause = cause
