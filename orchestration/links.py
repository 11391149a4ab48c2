"""Where a reader finds out more: the vendor's page behind an asset of the graph."""

from __future__ import annotations

SOURCE_DOCS = {
    "product": "https://www.postgresql.org/docs/current/",
    "mixpanel": "https://developer.mixpanel.com/reference/raw-event-export",
    "salesforce": "https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/",
    "hubspot": "https://developers.hubspot.com/docs/api/crm/search",
    "crunchbase": "https://data.crunchbase.com/docs/using-the-api",
    "exclusions_sheet": (
        "https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values"
    ),
    "outreach": "https://developers.outreach.io/api/reference/",
    "event_files": "https://segment.com/docs/connections/spec/common/",
    "app_intelligence": "https://dev.apptopia.com/",
    "web_rank": "https://developers.similarweb.com/",
    "support": (
        "https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/"
    ),
    "billing": "https://docs.stripe.com/api/events",
    "marketo": "https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/rest-api",
}
"""By source: the documentation of the calls that its connector makes."""

DESTINATION_DOCS = {
    "salesforce": "https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/",
    "hubspot": "https://developers.hubspot.com/docs/api/crm/contacts",
    "launchdarkly": "https://launchdarkly.com/docs/api/segments",
    "outreach": "https://developers.outreach.io/api/reference/",
    "mixpanel": "https://developer.mixpanel.com/reference/import-events",
    "product": "https://www.postgresql.org/docs/current/sql-insert.html",
}
"""By destination: the documentation of the calls that its syncs make."""
