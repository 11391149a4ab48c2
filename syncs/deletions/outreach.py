"""Outreach: prospects, one call each; they are gone for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headwater.errors import VendorRejectedError
from headwater.settings import Settings
from headwater.vendor_deletions import Answer, Outcome, VendorDeletion
from syncs.deletions import Deleter
from syncs.destinations.outreach_api import OutreachApi, error_id

NOT_FOUND = "resourceNotFound"


def connect(settings: Settings) -> Deleter:
    """The deleter of the account."""
    return OutreachDeletion(OutreachApi(settings))


class OutreachDeletion:
    """Prospects by their ids."""

    def __init__(self, api: OutreachApi) -> None:
        self._api = api

    def delete(self, records: Sequence[VendorDeletion]) -> Iterator[tuple[VendorDeletion, Answer]]:
        """Delete prospects by their ids."""
        for record in records:
            try:
                self._api.delete(f"prospects/{record.record_id}")
            except VendorRejectedError as error:
                code = error_id(error)
                gone = code == NOT_FOUND
                yield record, Answer(Outcome.GONE) if gone else Answer(Outcome.REFUSED, code)
            else:
                yield record, Answer(Outcome.DELETED)
