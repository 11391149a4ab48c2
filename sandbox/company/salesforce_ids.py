"""Salesforce record ids: three characters of prefix, twelve of instance and number, a checksum."""

from __future__ import annotations

PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "Lead": "00Q",
    "Task": "00T",
    "Campaign": "701",
    "CampaignMember": "00v",
    "OpportunityHistory": "008",
    "OpportunityFieldHistory": "017",
}
_INSTANCE = "Wd0"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def checksum(short: str) -> str:
    """The three characters that make a 15-character id one that ignores case.

    Each stands for five characters of the id: bit i is set where character i is upper case
    (Salesforce's published scheme).
    """
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << i for i, c in enumerate(short[start : start + 5]) if "A" <= c <= "Z")
        suffix += _SUFFIX[bits]
    return suffix


def record_id(sobject: str, number: int) -> str:
    """The 18-character id of the record number ``number`` of an object."""
    digits = ""
    for _ in range(9):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    short = PREFIXES[sobject] + _INSTANCE + digits
    return short + checksum(short)
