"""All connectors: their streams, and how each is opened."""

from __future__ import annotations

from connectors.crunchbase.client import CrunchbaseSource
from connectors.crunchbase.streams import STREAMS as CRUNCHBASE
from connectors.exclusions_sheet.client import ExclusionsSheetSource
from connectors.exclusions_sheet.streams import STREAMS as EXCLUSIONS_SHEET
from connectors.hubspot.source import HubSpotSource
from connectors.hubspot.streams import STREAMS as HUBSPOT
from connectors.mixpanel.client import MixpanelSource
from connectors.mixpanel.streams import STREAMS as MIXPANEL
from connectors.product.client import ProductSource
from connectors.product.streams import STREAMS as PRODUCT
from connectors.salesforce.source import SalesforceSource
from connectors.salesforce.streams import STREAMS as SALESFORCE
from connectors.stream import Source, Stream
from headwater.errors import DefinitionError
from headwater.settings import (
    CrunchbaseSettings,
    ExclusionsSheetSettings,
    HubSpotSettings,
    MixpanelSettings,
    ProductSettings,
    SalesforceSettings,
    Settings,
    load,
)

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


def open_source(name: str, settings: Settings) -> Source:
    """A source by its name, with its settings read; nothing is called yet.

    Raises :class:`headwater.errors.SettingsError` naming every setting that is missing.
    """
    match name:
        case "product":
            return ProductSource(settings, load(ProductSettings))
        case "mixpanel":
            return MixpanelSource(settings, load(MixpanelSettings))
        case "salesforce":
            return SalesforceSource(settings, load(SalesforceSettings))
        case "hubspot":
            return HubSpotSource(settings, load(HubSpotSettings))
        case "crunchbase":
            return CrunchbaseSource(settings, load(CrunchbaseSettings))
        case "exclusions_sheet":
            return ExclusionsSheetSource(settings, load(ExclusionsSheetSettings))
        case _:
            raise DefinitionError(
                f"There is no source {name}.", next_step=f"Known: {', '.join(STREAMS_BY_SOURCE)}."
            )
