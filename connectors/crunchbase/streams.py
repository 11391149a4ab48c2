"""The one stream of the Crunchbase-like API: organizations."""

from __future__ import annotations

from datetime import timedelta

from connectors.crunchbase.contracts import Organization
from connectors.stream import Deletes, Mode, Overlap, Stream

OVERLAP = Overlap(
    timedelta(days=1),
    "filters on updated_at are only documented to the day",
)

ORGANIZATIONS = Stream(
    source="crunchbase",
    name="organizations",
    contract=Organization,
    mode=Mode.MERGE,
    key=("uuid",),
    version=("updated_at",),
    cursor="updated_at",
    deletes=Deletes("the feed of deleted entities, whole on each load"),
    overlap=OVERLAP,
    ignored=(
        "properties.uuid",
        "properties.identifier.uuid",
        "properties.identifier.image_id",
        "properties.identifier.entity_def_id",
        "properties.funding_total.value",
        "properties.funding_total.currency",
    ),
)

STREAMS = (ORGANIZATIONS,)
