"""HubSpot: the GDPR deletion of a contact, which is final and keeps its address from coming back.

HubSpot acknowledges at once, and takes what hangs on the contact away within 30 days.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from headwater.errors import VendorRejectedError
from headwater.settings import Settings
from headwater.vendor_deletions import Answer, Outcome, VendorDeletion
from syncs.deletions import Deleter
from syncs.destinations.hubspot import GONE, open_session

PATH = "/crm/v3/objects/contacts/gdpr-delete"


def connect(settings: Settings) -> Deleter:
    """The deleter of the portal."""
    return HubSpotDeletion(settings)


class HubSpotDeletion:
    """One call a contact."""

    def __init__(self, settings: Settings) -> None:
        self._session = open_session(settings)

    def delete(self, records: Sequence[VendorDeletion]) -> Iterator[tuple[VendorDeletion, Answer]]:
        """Delete contacts by their ids."""
        for record in records:
            try:
                self._session.call(
                    "POST", PATH, idempotent=True, json={"objectId": record.record_id}
                )
            except VendorRejectedError as error:
                yield record, _meaning(error)
            else:
                yield record, Answer(Outcome.DELETED)


def _meaning(error: VendorRejectedError) -> Answer:
    try:
        category = json.loads(error.body)["category"]
    except (ValueError, LookupError, TypeError):
        return Answer(Outcome.REFUSED, str(error.status))
    if category == GONE:
        return Answer(Outcome.GONE)
    return Answer(Outcome.REFUSED, str(category))
