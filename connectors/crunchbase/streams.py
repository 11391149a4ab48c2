"""The streams of the Crunchbase-like API; each has the name of its collection."""

from __future__ import annotations

from datetime import timedelta

from connectors.contract import Contract
from connectors.crunchbase.contracts import FundingRound, Organization
from connectors.stream import Deletes, Mode, Overlap, Stream

OVERLAP = Overlap(
    timedelta(days=1),
    "filters on updated_at are only documented to the day",
)
IDENTIFIER = ("uuid", "image_id", "entity_def_id", "role")
"""What every identifier holds beside the permalink and the name."""


def _collection(name: str, contract: type[Contract], *ignored: str) -> Stream:
    return Stream(
        source="crunchbase",
        name=name,
        contract=contract,
        mode=Mode.MERGE,
        key=("uuid",),  # a permalink changes with a name, and may pass to another company
        version=("updated_at",),
        cursor="updated_at",
        deletes=Deletes("the feed of deleted entities, whole on each load"),
        overlap=OVERLAP,
        ignored=(
            "properties.uuid",
            *(f"properties.identifier.{name}" for name in IDENTIFIER),
            *ignored,
        ),
    )


STREAMS = (
    _collection(
        "organizations",
        Organization,
        "properties.funding_total.value",
        "properties.funding_total.currency",
    ),
    _collection(
        "funding_rounds",
        FundingRound,
        "properties.closed_on.precision",
        *(
            f"properties.funded_organization_identifier.{name}"
            for name in IDENTIFIER
            if name != "uuid"
        ),
    ),
)
