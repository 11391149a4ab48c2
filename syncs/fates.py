"""What became of a batch whose answer is missing: the destination is asked, never assumed."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.clock import Clock
from headwater.errors import (
    HeadwaterError,
    PermanentError,
    RetryableError,
    VendorRejectedError,
)
from syncs.destination import Batch, Destination, Outcome, RowResult

PAUSES_SECONDS = (0.5, 2.0, 5.0)
"""Waits between attempts to find out what became of a batch, or to send one that got nowhere."""


def find_out(destination: Destination, batch: Batch, clock: Clock) -> Sequence[RowResult]:
    """What became of a batch. What is not there counts as unsent only once the vendor has had
    its time to finish: a request outlives the process that sent it."""
    results = _ask(destination, batch, clock)
    settle_seconds = destination.capabilities.settle_seconds
    if settle_seconds and any(result.outcome is Outcome.UNSENT for result in results):
        clock.sleep(settle_seconds)
        results = _ask(destination, batch, clock)
    return results


def _ask(destination: Destination, batch: Batch, clock: Clock) -> Sequence[RowResult]:
    """Ask the destination what became of a batch; unknown where it cannot say."""
    for pause in (*PAUSES_SECONDS, None):
        try:
            return destination.resolve(batch)
        except VendorRejectedError as error:
            return same_for_all(batch, Outcome.UNSENT, error)
        except PermanentError as error:
            return same_for_all(batch, Outcome.UNKNOWN, error)
        except RetryableError as error:
            if pause is None:
                return same_for_all(batch, Outcome.UNKNOWN, error)
            clock.sleep(pause)
    raise AssertionError("the last pause is None")


def same_for_all(batch: Batch, outcome: Outcome, error: HeadwaterError) -> list[RowResult]:
    """The same answer for every row of a batch."""
    status = getattr(error, "status", None)
    code = str(status) if status else type(error).__name__
    return [
        RowResult(change.key, outcome, code=code, message=error.what) for change in batch.changes
    ]
