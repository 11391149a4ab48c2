"""The streams of web rank: ranks from one vendor, visits from another."""

from __future__ import annotations

from connectors.stream import Deletes, Mode, Stream
from connectors.web_rank.contracts import Rank, Visits

RANKS = Stream(
    source="web_rank",
    name="ranks",
    contract=Rank,
    mode=Mode.MERGE,
    key=("domain",),
    version=("listed_on",),
    cursor="listed_on",
    deletes=Deletes("never: a domain that left the list keeps its last rank and the day of it"),
)
VISITS = Stream(
    source="web_rank",
    name="visits",
    contract=Visits,
    mode=Mode.MERGE,
    key=("domain", "month", "country"),
    version=("last_updated",),
    cursor="last month asked about",
    deletes=Deletes("never: months are history"),
)
STREAMS = (RANKS, VISITS)
