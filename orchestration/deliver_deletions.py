"""Asks vendors to delete what they hold of people who were erased here: what erasures queued.

Never done by itself: a deletion at a vendor cannot be taken back. Each answer is durable before the
next record is asked for; what was cut off is asked for again, for a record that is gone counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from headwater.clock import Clock
from headwater.erasures import Erasure, erasures, write_erasure
from headwater.errors import HeadwaterError
from headwater.settings import Settings
from headwater.vendor_deletions import Outcome, VendorDeletion
from orchestration.lease import cycle_lease
from syncs.deletions import RECORDS, open_deleter

Say = Callable[[str], None]


@dataclass(frozen=True)
class Delivered:
    """What was asked for: the erasures as they are now, and by vendor why it could not be asked, or
    not to the end."""

    erasures: tuple[Erasure, ...]
    failed: dict[str, str]

    @property
    def owed(self) -> tuple[VendorDeletion, ...]:
        """What is not acknowledged."""
        return tuple(deletion for erasure in self.erasures for deletion in erasure.owed)

    @property
    def only_under_way(self) -> bool:
        """Whether nothing is owed but what vendors work at."""
        under_way = all(deletion.outcome is Outcome.UNDER_WAY for deletion in self.owed)
        return under_way and not self.failed


def to_deliver(settings: Settings, only: Collection[str] | None = None) -> list[Erasure]:
    """The erasures (of these ids) with deletions that may be asked for. Those of an erasure that is
    not finished may not: a sync could make the record anew."""
    return [
        erasure
        for erasure in erasures(settings.landing_zone)
        if erasure.owed
        and erasure.finished_at is not None
        and (only is None or erasure.erasure_id in only)
    ]


def deliver_deletions(
    settings: Settings,
    clock: Clock,
    only: Collection[str] | None = None,
    say: Say = lambda _: None,
) -> Delivered:
    """Ask the vendors for every deletion that is owed. Holds the cycle's lease.

    A vendor that cannot be asked does not keep the others from it.
    """
    failed: dict[str, str] = {}
    with cycle_lease(settings, "headwater privacy deliver"):
        done = [
            _deliver(settings, clock, erasure, failed, say)
            for erasure in to_deliver(settings, only)
        ]
    return Delivered(tuple(done), failed)


def _deliver(
    settings: Settings, clock: Clock, erasure: Erasure, failed: dict[str, str], say: Say
) -> Erasure:
    for vendor in dict.fromkeys(deletion.vendor for deletion in erasure.owed):
        records = [deletion for deletion in erasure.owed if deletion.vendor == vendor]
        try:
            for deletion, answer in open_deleter(vendor, settings).delete(records):
                erasure = erasure.with_answer(deletion, answer, clock.now())
                write_erasure(settings.landing_zone, erasure)
                say(f"{name_of(deletion)}: {answer.outcome}")
        except HeadwaterError as error:
            failed[vendor] = str(error)
    return erasure


def name_of(deletion: VendorDeletion) -> str:
    """What the vendor calls the record; its id only while it is owed."""
    kind = RECORDS[deletion.vendor, deletion.id_type]
    return f"{kind} {deletion.record_id}" if deletion.record_id else kind
