"""How large a world is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """One size of the demo company.

    ``companies`` counts real companies; ``events_per_member`` is the mean number of clickstream
    events in 100 days beside those of orders and signup; ``orders_shown`` is the share of orders
    that show in the clickstream, and ``order_lines_shown`` how many of their lines.
    """

    name: str
    companies: int
    restaurants: int
    events_per_member: float
    orders_shown: float
    order_lines_shown: int
    visitors_per_user: float


SIZES = {
    size.name: size
    for size in (
        Size("xs", 300, 30, 8.0, 0.35, 1, 0.5),
        Size("s", 3_000, 120, 16.0, 0.9, 3, 1.2),
        Size("m", 30_000, 600, 34.0, 0.9, 4, 2.0),
    )
}
