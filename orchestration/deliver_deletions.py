"""Has vendors delete what they hold of people who were erased here: what erasures queued.

Never done by itself: a deletion at a vendor cannot be taken back. Each answer is durable before the
next record is asked for; what was cut off is asked for again, for a record that is gone counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from headwater.clock import Clock
from headwater.erasures import Erasure, erasures, write_erasure
from headwater.errors import HeadwaterError, SettingsError
from headwater.settings import Settings
from headwater.vendor_deletions import Answer, Outcome, VendorDeletion
from orchestration.lease import cycle_lease
from orchestration.vendor_records import is_for_people, name_of
from syncs.deletions import open_deleter

Say = Callable[[str], None]


@dataclass(frozen=True)
class Delivered:
    """What was asked for: the erasures as they are now, and by vendor why it could not be asked, or
    not to the end."""

    erasures: tuple[Erasure, ...]
    failed: dict[str, str]

    @property
    def owed(self) -> tuple[VendorDeletion, ...]:
        """What vendors have not acknowledged."""
        return tuple(d for erasure in self.erasures for d in erasure.owed if not is_for_people(d))

    @property
    def is_on_its_way(self) -> bool:
        """Whether vendors owe nothing but what they work at."""
        under_way = all(deletion.outcome is Outcome.UNDER_WAY for deletion in self.owed)
        return under_way and not self.failed


def to_deliver(settings: Settings, only: Collection[str] | None = None) -> list[Erasure]:
    """The erasures (of these ids) with deletions that may be asked for. Those of an erasure that is
    not finished may not: a sync could make the record anew.

    Raises :class:`SettingsError` for an id of none that is finished.
    """
    found = [one for one in erasures(settings.landing_zone) if one.finished_at is not None]
    unknown = sorted({*(only or ())} - {erasure.erasure_id for erasure in found})
    if unknown:
        raise SettingsError(
            f"There is no erasure {', '.join(unknown)}, or it is not finished.",
            next_step="`headwater privacy erasures` lists them; `erase` goes on with one.",
        )
    return [
        erasure
        for erasure in found
        if erasure.owed and (only is None or erasure.erasure_id in only)
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


def note_deleted(
    settings: Settings, clock: Clock, erasure_id: str, vendor: str, by: str
) -> Erasure:
    """Keep that people deleted what one vendor holds of somebody erased; ``by`` says so.

    Raises :class:`SettingsError` where nothing is owed by that name.
    """
    with cycle_lease(settings, "headwater privacy done"):
        found = to_deliver(settings, {erasure_id})
        owed = [deletion for erasure in found for deletion in erasure.owed]
        records = [deletion for deletion in owed if deletion.vendor == vendor]
        if not records:
            vendors = ", ".join(sorted({deletion.vendor for deletion in owed}))
            raise SettingsError(
                f"Erasure {erasure_id} waits for nothing by the name of {vendor!r}.",
                next_step=f"It waits for: {vendors or 'nothing'}.",
            )
        [erasure] = found
        for deletion in records:
            erasure = erasure.with_answer(deletion, Answer(Outcome.BY_PEOPLE, by), clock.now())
        write_erasure(settings.landing_zone, erasure)
    return erasure


def _deliver(
    settings: Settings, clock: Clock, erasure: Erasure, failed: dict[str, str], say: Say
) -> Erasure:
    asked = [d for d in erasure.owed if not is_for_people(d) and d.vendor not in failed]
    for vendor in dict.fromkeys(deletion.vendor for deletion in asked):
        records = [deletion for deletion in asked if deletion.vendor == vendor]
        try:
            for deletion, answer in open_deleter(vendor, settings).delete(records):
                erasure = erasure.with_answer(deletion, answer, clock.now())
                write_erasure(settings.landing_zone, erasure)
                say(f"{name_of(deletion)}: {answer.outcome}")
        except HeadwaterError as error:
            failed[vendor] = str(error)
    return erasure
