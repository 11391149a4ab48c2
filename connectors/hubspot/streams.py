"""The streams of HubSpot: contacts, companies, email events, lists and their members."""

from __future__ import annotations

from datetime import timedelta

from connectors.contract import Contract
from connectors.hubspot import contracts
from connectors.stream import NO_OVERLAP, Deletes, Merges, Mode, Overlap, Stream

OVERLAP = Overlap(
    timedelta(minutes=15),
    "a write takes seconds to minutes until search finds it",
)
EVENTS_OVERLAP = Overlap(
    timedelta(days=1),
    "events are collected from many mail servers and devices, and some are listed hours after "
    "the moment that they bear",
)
ARCHIVED = Deletes(
    "the listing of archived records, whole on each load: search never shows them; losers of a "
    "merge by the winner's hs_merged_object_ids; what leaves no trace, such as a GDPR delete, by a "
    "comparison of all ids every HUBSPOT_KEY_CHECK_HOURS",
    flag="archived",
    at="archived_at",
)
MERGED = Merges(
    "hs_merged_object_ids, the losers, on the winner",
    loser="merged_object_ids",
    winner="id",
)
VANISHED = Deletes("what the whole no longer holds")

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
        merges=MERGED,
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
    Stream(
        source="hubspot",
        name="email_events",
        contract=contracts.EmailEvent,
        mode=Mode.APPEND,
        key=("id", "created_at"),
        version=("created_at",),
        cursor="created_at",
        deletes=Deletes("none: what happened stays"),
        overlap=EVENTS_OVERLAP,
        ignored=("portalId", "appId", "appName", "smtpId", "hmid", "sendId", "browser", "location"),
    ),
    Stream(
        source="hubspot",
        name="lists",
        contract=contracts.List,
        mode=Mode.SNAPSHOT,
        key=("list_id",),
        version=(),
        cursor="none",
        deletes=VANISHED,
        overlap=NO_OVERLAP,
        ignored=("listVersion", "processingStatus", "filtersUpdatedAt"),
    ),
    Stream(
        source="hubspot",
        name="list_memberships",
        contract=contracts.ListMembership,
        mode=Mode.SNAPSHOT,
        key=("list_id", "record_id"),
        version=(),
        cursor="none",
        deletes=VANISHED,
        overlap=NO_OVERLAP,
    ),
)
