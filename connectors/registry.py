"""All connectors: their streams, and how each is opened."""

from __future__ import annotations

from connectors.crunchbase.streams import STREAMS as CRUNCHBASE
from connectors.exclusions_sheet.streams import STREAMS as EXCLUSIONS_SHEET
from connectors.hubspot.streams import STREAMS as HUBSPOT
from connectors.mixpanel.streams import STREAMS as MIXPANEL
from connectors.product.streams import STREAMS as PRODUCT
from connectors.salesforce.streams import STREAMS as SALESFORCE
from connectors.stream import Stream

STREAMS_BY_SOURCE: dict[str, tuple[Stream, ...]] = {
    "product": PRODUCT,
    "mixpanel": MIXPANEL,
    "salesforce": SALESFORCE,
    "hubspot": HUBSPOT,
    "crunchbase": CRUNCHBASE,
    "exclusions_sheet": EXCLUSIONS_SHEET,
}


def all_streams() -> tuple[Stream, ...]:
    """Every known stream, those of switched-off sources included."""
    return tuple(stream for streams in STREAMS_BY_SOURCE.values() for stream in streams)
