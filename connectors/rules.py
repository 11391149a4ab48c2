"""Rules: what a record must keep beyond the types of its contract, as SQL.

A stream names where its rules come from (a tracking plan, say); they are asked for when a load is
staged, and evaluated over all of its records in the same pass as the contract.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.stream import Stream


@dataclass(frozen=True)
class Rule:
    """One rule. A record for which ``broken`` is true goes to quarantine with ``reason``.

    Both are SQL over the stream's typed columns and ``_extra``: a condition (null counts as kept)
    and a text.
    """

    broken: str
    reason: str


Rules = Callable[["Stream"], tuple[Rule, ...]]


def no_rules(stream: Stream) -> tuple[Rule, ...]:
    """The contract is all there is."""
    del stream
    return ()
