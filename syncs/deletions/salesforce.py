"""Salesforce: Leads and Contacts by sObject Collections, 200 a call.

They go to the org's recycle bin, and are gone from there after 15 days, or once somebody empties
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from headwater.settings import Settings, load
from headwater.system_settings import SalesforceSettings
from headwater.vendor_deletions import Answer, Outcome, VendorDeletion
from syncs.deletions import Deleter
from syncs.destinations.answers import reading
from syncs.destinations.salesforce import COLLECTION_ROWS, GONE
from syncs.destinations.salesforce_api import SalesforceApi

OBJECTS = {"sfdc_lead_id": "Lead", "sfdc_contact_id": "Contact"}
NOT_TO_BE_SEEN = "INVALID_CROSS_REFERENCE_KEY"
"""A record that left the recycle bin, or one that this user may not see."""


def connect(settings: Settings) -> Deleter:
    """The deleter of the org."""
    return SalesforceDeletion(SalesforceApi(load(SalesforceSettings), settings))


class SalesforceDeletion:
    """Leads and Contacts in one call."""

    def __init__(self, api: SalesforceApi) -> None:
        self._api = api

    def delete(self, records: Sequence[VendorDeletion]) -> Iterator[tuple[VendorDeletion, Answer]]:
        """Delete records by their ids."""
        for start in range(0, len(records), COLLECTION_ROWS):
            part = records[start : start + COLLECTION_ROWS]
            answer = self._api.call(
                "DELETE",
                "/composite/sobjects",
                idempotent=True,
                params={"ids": ",".join(str(one.record_id) for one in part), "allOrNone": "false"},
            )
            with reading("Salesforce", answer):
                said = [_meaning(row) for row in answer.json()]
                pairs = list(zip(part, said, strict=True))
            for record, meant in pairs:
                gone = meant.said == NOT_TO_BE_SEEN and self._is_nowhere(record)
                yield record, Answer(Outcome.GONE) if gone else meant

    def _is_nowhere(self, record: VendorDeletion) -> bool:
        """Whether the org has no such record, as far as one can tell who sees them all (as reading
        from it requires)."""
        answer = self._api.call(
            "POST",
            f"/composite/sobjects/{OBJECTS[record.id_type]}",
            idempotent=True,
            json={"ids": [record.record_id], "fields": ["Id"]},
        )
        with reading("Salesforce", answer):
            [found] = answer.json()
            return found is None


def _meaning(row: dict[str, Any]) -> Answer:
    if row["success"]:
        return Answer(Outcome.DELETED)
    code = str(row["errors"][0]["statusCode"])
    return Answer(Outcome.GONE) if code in GONE else Answer(Outcome.REFUSED, code)
