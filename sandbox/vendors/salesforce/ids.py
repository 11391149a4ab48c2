"""Salesforce ids: 15 characters, and the suffix that makes 18 out of them."""

from __future__ import annotations

import re

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FORM = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")


def to_18(short: str) -> str:
    """The 18-character form of a 15-character id.

    Each suffix character stands for five characters of the id: bit i is set when the i-th of them
    is upper-case, and the number from 0 to 31 indexes ``A-Z0-5`` (Salesforce, "Record ID").
    """
    suffix = ""
    for start in (0, 5, 10):
        group = short[start : start + 5]
        suffix += _SUFFIX[sum(1 << i for i, letter in enumerate(group) if "A" <= letter <= "Z")]
    return short + suffix


def normalize(value: str) -> str | None:
    """An id of either length as 18 characters, or None if it is no id at all."""
    if not _FORM.fullmatch(value):
        return None
    complete = to_18(value[:15])
    if len(value) == 18 and value[15:].upper() != complete[15:]:
        return None
    return complete


def make(prefix: str, pod: str, number: int) -> str:
    """The 18-character id of the ``number``-th record under ``prefix`` that this server made."""
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _ALPHABET[digit] + digits
    return to_18(prefix + pod + digits.rjust(12 - len(pod), "0"))
