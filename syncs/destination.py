"""What the engine needs from a destination, and what it tells it.

A destination knows one vendor's write calls: their batches, their answers per row and how to find
out what became of a batch whose answer was lost. It decides nothing about what is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

from headwater.errors import HeadwaterError, VendorRejectedError
from syncs.definition import Mode, Removal

Value = str | int | float | bool | None
"""A field's value: ``None`` means null (clear it); a field that is not there is left alone."""


class Operation(StrEnum):
    """What is done with one key."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"


class Outcome(StrEnum):
    """What became of one row of a batch."""

    DELIVERED = "delivered"
    REJECTED = "rejected"  # the destination said no, with a reason
    RETRY = "retry"  # refused for the moment (a locked record); nothing was written
    UNSENT = "unsent"  # known not to have happened
    UNTRIED = "untried"  # never left: the batch ended at a row before this one
    UNKNOWN = "unknown"  # cannot be found out now


@dataclass(frozen=True)
class Change:
    """One key and what is to be done with it. ``token`` is the same whenever this key is sent.

    ``whole``: of an update, every field as it is once this is acknowledged. ``suspect``: a batch
    was refused because of it before, so it travels apart from those that are not. ``before``: what
    the destination acknowledged last for these fields. ``parent``: the group that its
    definition puts it in.
    """

    seq: int
    key: str
    operation: Operation
    fields: Mapping[str, Value]
    token: str
    destination_id: str | None = None
    whole: Mapping[str, Value] = field(default_factory=dict)
    suspect: bool = False
    before: Mapping[str, Value] = field(default_factory=dict)
    parent: str | None = None


@dataclass(frozen=True)
class Batch:
    """Changes that travel in one call or job. ``handle`` is what the vendor calls it (a job id)."""

    batch_id: str
    changes: tuple[Change, ...]
    handle: str | None = None


@dataclass(frozen=True)
class RowResult:
    """The destination's answer for one key. ``spoils``: its whole batch was refused for it."""

    key: str
    outcome: Outcome
    destination_id: str | None = None
    code: str | None = None
    message: str | None = None
    spoils: bool = False


@dataclass(frozen=True)
class Capabilities:
    """What a destination can do.

    ``separate_operations``: creates, updates and removals may not share a batch.
    ``settle_seconds``: how long the vendor may still be working at a write whose sender got no
    answer. Until then, that a record is not there proves nothing. Zero where a row that is sent
    twice is recognised by the vendor.
    """

    modes: frozenset[Mode]
    removals: frozenset[Removal]
    separate_operations: bool = True
    settle_seconds: float = 0.0


@dataclass(frozen=True)
class FieldInfo:
    """What a destination says about one of its fields; ``type`` in its own words."""

    type: str
    createable: bool = True
    updateable: bool = True


@dataclass(frozen=True)
class Counts:
    """How many rows a plan creates, updates and removes, and how many need a look before."""

    created: int = 0
    updated: int = 0
    removed: int = 0
    to_read: int = 0

    @property
    def total(self) -> int:
        """All rows to send."""
        return self.created + self.updated + self.removed


ALREADY_THERE = "ALREADY_THERE"
"""The code of a delivered row to create that the destination held already. It was left as it is."""


class Interrupted(Exception):
    """A batch of several calls ended in the middle: ``results`` are the answers until then, and
    the rows that were not tried any more. The fate of the rest has to be found out."""

    def __init__(self, results: Sequence[RowResult], cause: HeadwaterError) -> None:
        super().__init__(str(cause))
        self.results = tuple(results)
        self.cause = cause


class Destination(Protocol):
    """One object of one vendor, as the target of one sync."""

    name: str
    capabilities: Capabilities

    @property
    def calls(self) -> int:
        """API calls made so far, retries and reads included."""
        ...

    def check(self) -> Mapping[str, FieldInfo] | None:
        """Prove credential and object without writing; raises before anything is touched.

        Returns the fields of the object, None where it has none that could be asked for."""
        ...

    def batch_rows(self, rows: int) -> int:
        """How many rows to put into one batch when ``rows`` are to be sent."""
        ...

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Send a batch and return one result per change.

        ``remember`` makes the vendor's handle durable before the batch is committed to it.
        Raises a Retryable error when the fate of the rows is not known, ``VendorRejectedError``
        when the batch was refused as a whole and nothing of it was written.
        """
        ...

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Find out what became of a batch whose answer was lost, sending again only what is safe
        to send twice."""
        ...

    def least_calls(self, counts: Counts) -> int:
        """The least API calls with which so many rows can be delivered: a lower bound of what any
        run makes for them. The check before the first write is left out."""
        ...


@runtime_checkable
class ReadsCurrent(Protocol):
    """A destination that can say what its records hold now: needed for ``fill_empty``, for edits
    that count, and for undo."""

    def current(self, changes: Sequence[Change], fields: Sequence[str]) -> Mapping[str, Held]:
        """What the destination holds for the keys of these changes; keys it does not have are
        left out."""
        ...


@runtime_checkable
class TakesSeveral(Protocol):
    """A destination to which batches may be delivered at the same time, from several threads."""

    def at_once(self, batch_rows: int) -> int:
        """How many batches of so many rows, at most."""
        ...


@dataclass(frozen=True)
class Held:
    """A record as the destination holds it."""

    destination_id: str | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)


def one_by_one(batch: Batch, send: Callable[[Change], RowResult]) -> list[RowResult]:
    """Send each change of a batch in a call of its own.

    A refused row is rejected and the others go on; any other error ends the batch as
    :class:`Interrupted`, so that the answers until then are kept and only one row is in doubt.
    """
    results: list[RowResult] = []
    for position, change in enumerate(batch.changes, start=1):
        try:
            results.append(send(change))
        except VendorRejectedError as error:
            code = str(error.status) if error.status else None
            results.append(RowResult(change.key, Outcome.REJECTED, code=code, message=error.what))
        except HeadwaterError as error:
            results += [RowResult(rest.key, Outcome.UNTRIED) for rest in batch.changes[position:]]
            raise Interrupted(results, error) from error
    return results


def is_empty(value: Value) -> bool:
    """Null and empty text: nothing that filling could overwrite."""
    return value is None or value == ""
