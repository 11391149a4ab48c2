"""Deletes records of erased people at vendors: a module per vendor, each with ``connect``.

A deletion may be asked for as often as one likes: a record that is gone is answered as gone. That
it is gone is believed to the vendor's own words only, never to a bare 404 of whoever answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Protocol

from headwater.settings import Settings
from headwater.vendor_deletions import Answer, VendorDeletion

RECORDS = {
    ("hubspot", "hubspot_contact_id"): "HubSpot contact",
    ("salesforce", "sfdc_lead_id"): "Salesforce Lead",
    ("salesforce", "sfdc_contact_id"): "Salesforce Contact",
    ("marketo", "marketo_lead_id"): "Marketo lead",
    ("outreach", "outreach_prospect_id"): "Outreach prospect",
    ("mixpanel", "user_id"): "Mixpanel user",
    ("mixpanel", "anonymous_id"): "Mixpanel device",
}
"""The records that vendors are asked to delete, by vendor and type of identifier: their names."""


class Deleter(Protocol):
    """One vendor's deletion of people's records."""

    def delete(self, records: Sequence[VendorDeletion]) -> Iterator[tuple[VendorDeletion, Answer]]:
        """Ask the vendor to delete these, and tell its answers as they come. One that it refuses
        does not hold up the others; after an error those without an answer are still owed."""
        ...


def open_deleter(vendor: str, settings: Settings) -> Deleter:
    """The deleter of a vendor; reads its settings, calls nobody.

    Raises :class:`headwater.errors.SettingsError` for a missing setting.
    """
    deleter: Deleter = import_module(f"syncs.deletions.{vendor}").connect(settings)
    return deleter
