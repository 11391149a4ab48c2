"""The records that vendors hold of people: what they are called, and who deletes them."""

from __future__ import annotations

from collections.abc import Mapping

from headwater.vendor_deletions import VendorDeletion
from syncs.deletions import RECORDS

BY_PEOPLE = {
    ("product", "user_id"): "product user",
    ("support", "support_user_id"): "Zendesk user",
    ("support", "support_ticket_id"): "Zendesk ticket",
}
"""Records that only people delete, by system and type of identifier."""
NAMES = RECORDS | BY_PEOPLE


def at_vendors(nodes: Mapping[str, str]) -> list[tuple[str, str]]:
    """The records that identifiers (``type:value``, with their types) name, each with its vendor;
    an identifier may name records of several."""
    return [
        (vendor, node)
        for vendor, id_type in NAMES
        for node in sorted(nodes)
        if nodes[node] == id_type
    ]


def named(vendor: str, id_type: str, record_id: str | None) -> str:
    """Such as HubSpot contact 501; the kind of record alone where its id is no longer known."""
    return f"{NAMES[vendor, id_type]} {record_id or ''}".strip()


def name_of(deletion: VendorDeletion) -> str:
    """What the vendor calls the record; its id only while it is owed."""
    return named(deletion.vendor, deletion.id_type, deletion.record_id)


def is_for_people(deletion: VendorDeletion) -> bool:
    """Whether no vendor can be asked for it."""
    return (deletion.vendor, deletion.id_type) in BY_PEOPLE
