"""All connectors: their streams, and how each is opened."""

from __future__ import annotations

from collections.abc import Callable

from connectors.app_intelligence.source import AppIntelligenceSource
from connectors.app_intelligence.streams import STREAMS as APP_INTELLIGENCE
from connectors.billing.source import BillingSource
from connectors.billing.streams import STREAMS as BILLING
from connectors.crunchbase.client import CrunchbaseSource
from connectors.crunchbase.streams import STREAMS as CRUNCHBASE
from connectors.event_files.client import EventFilesSource
from connectors.event_files.streams import STREAMS as EVENT_FILES
from connectors.exclusions_sheet.client import ExclusionsSheetSource
from connectors.exclusions_sheet.streams import STREAMS as EXCLUSIONS_SHEET
from connectors.hubspot.source import HubSpotSource
from connectors.hubspot.streams import STREAMS as HUBSPOT
from connectors.marketo.source import MarketoSource
from connectors.marketo.streams import STREAMS as MARKETO
from connectors.mixpanel.client import MixpanelSource
from connectors.mixpanel.streams import STREAMS as MIXPANEL
from connectors.outreach.source import OutreachSource
from connectors.outreach.streams import STREAMS as OUTREACH
from connectors.product.client import ProductSource
from connectors.product.streams import STREAMS as PRODUCT
from connectors.salesforce.source import SalesforceSource
from connectors.salesforce.streams import STREAMS as SALESFORCE
from connectors.stream import Source, Stream
from connectors.support.source import SupportSource
from connectors.support.streams import STREAMS as SUPPORT
from connectors.web_rank.client import WebRankSource
from connectors.web_rank.streams import STREAMS as WEB_RANK
from headwater.errors import DefinitionError
from headwater.settings import Settings, load
from headwater.system_settings import (
    AppIntelligenceSettings,
    BillingSettings,
    CrunchbaseSettings,
    EventFilesSettings,
    ExclusionsSheetSettings,
    HubSpotSettings,
    MarketoSettings,
    MixpanelSettings,
    OutreachSettings,
    ProductSettings,
    SalesforceSettings,
    SupportSettings,
    WebRankSettings,
)

STREAMS_BY_SOURCE: dict[str, tuple[Stream, ...]] = {
    "product": PRODUCT,
    "mixpanel": MIXPANEL,
    "salesforce": SALESFORCE,
    "hubspot": HUBSPOT,
    "crunchbase": CRUNCHBASE,
    "exclusions_sheet": EXCLUSIONS_SHEET,
    "outreach": OUTREACH,
    "marketo": MARKETO,
    "event_files": EVENT_FILES,
    "app_intelligence": APP_INTELLIGENCE,
    "web_rank": WEB_RANK,
    "support": SUPPORT,
    "billing": BILLING,
}
_OPENERS: dict[str, Callable[[Settings], Source]] = {
    "product": lambda settings: ProductSource(settings, load(ProductSettings)),
    "mixpanel": lambda settings: MixpanelSource(settings, load(MixpanelSettings)),
    "salesforce": lambda settings: SalesforceSource(settings, load(SalesforceSettings)),
    "hubspot": lambda settings: HubSpotSource(settings, load(HubSpotSettings)),
    "crunchbase": lambda settings: CrunchbaseSource(settings, load(CrunchbaseSettings)),
    "exclusions_sheet": lambda settings: ExclusionsSheetSource(
        settings, load(ExclusionsSheetSettings)
    ),
    "outreach": lambda settings: OutreachSource(settings, load(OutreachSettings)),
    "marketo": lambda settings: MarketoSource(settings, load(MarketoSettings)),
    "event_files": lambda settings: EventFilesSource(settings, load(EventFilesSettings)),
    "app_intelligence": lambda settings: AppIntelligenceSource(
        settings, load(AppIntelligenceSettings)
    ),
    "web_rank": lambda settings: WebRankSource(settings, load(WebRankSettings)),
    "support": lambda settings: SupportSource(settings, load(SupportSettings)),
    "billing": lambda settings: BillingSource(settings, load(BillingSettings)),
}


def all_streams() -> tuple[Stream, ...]:
    """Every known stream, those of switched-off sources included."""
    return tuple(stream for streams in STREAMS_BY_SOURCE.values() for stream in streams)


def open_source(name: str, settings: Settings) -> Source:
    """A source by its name, with its settings read; nothing is called yet.

    Raises :class:`headwater.errors.SettingsError` naming every setting that is missing.
    """
    opener = _OPENERS.get(name)
    if opener is None:
        raise DefinitionError(
            f"There is no source {name}.", next_step=f"Known: {', '.join(STREAMS_BY_SOURCE)}."
        )
    return opener(settings)
