"""How large a world is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """One size of the demo company.

    ``companies`` counts real companies; ``events_per_member`` is the mean number of clickstream
    events that a member leaves in the whole run beside those of orders and signup;
    ``order_lines_shown`` is how many lines of one order also show in the clickstream.
    """

    name: str
    companies: int
    restaurants: int
    events_per_member: float
    order_lines_shown: int
    visitors_per_user: float


SIZES = {
    size.name: size
    for size in (
        Size("xs", 300, 30, 8.0, 1, 0.6),
        Size("s", 3_000, 120, 18.0, 3, 1.5),
        Size("m", 30_000, 600, 30.0, 4, 2.0),
    )
}
