"""The streams of HubSpot: contacts and companies."""

from __future__ import annotations

from datetime import timedelta

from connectors.contract import Contract
from connectors.hubspot import contracts
from connectors.stream import Deletes, Mode, Overlap, Stream

OVERLAP = Overlap(
    timedelta(minutes=15),
    "a write takes seconds to minutes until search finds it",
)
ARCHIVED = Deletes(
    "the listing of archived records, whole on each load: search never shows them",
    flag="archived",
    at="archived_at",
)


MODIFIED = {"contacts": "lastmodifieddate", "companies": "hs_lastmodifieddate"}
"""The property that search filters changes by."""


def _object(name: str, contract: type[Contract]) -> Stream:
    return Stream(
        source="hubspot",
        name=name,
        contract=contract,
        mode=Mode.MERGE,
        key=("id",),
        # Archiving need not move updatedAt, so the moment of archiving counts as a version too.
        version=("updated_at", "archived_at"),
        cursor="updated_at",
        deletes=ARCHIVED,
        overlap=OVERLAP,
        ignored=(
            "url",
            "properties.hs_object_id",
            "properties.createdate",
            f"properties.{MODIFIED[name]}",
        ),
    )


STREAMS = (
    _object("contacts", contracts.Contact),
    _object("companies", contracts.Company),
)
