"""The lines of invoices: fees in advance, the rest of a month at a change of plan, overage."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from sandbox.company.agents import Stretch
from sandbox.company.billing_books import (
    CURRENCY,
    OVERAGE_CENTS,
    Ledger,
    Subscription,
    overage_price,
    price,
    seconds,
)
from sandbox.company.plans import METER_KIND, METERS
from sandbox.company.timeline import DAY_MONTH, MONTH_FIRST_DAY, START, day
from sandbox.company.usage import Usage
from sandbox.company.versions import Row


def month_end(month: int) -> float:
    """The first moment of the next month, in days."""
    first = day(int(MONTH_FIRST_DAY[month]))
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return float((following - START.date()).days)


def overage_units(usage: Usage, row: int, month: int) -> dict[str, int]:
    """What a workspace used beyond its plan in a month, by meter: of a flow the sum of the month,
    of a stock its last value, against what the plan of the month's last day includes."""
    days = np.flatnonzero(month == DAY_MONTH)
    units = {}
    for meter in METERS:
        included = usage.included[meter][row, days[-1]]
        used = usage.used[meter][row, days]
        total = int(used.sum() if METER_KIND[meter] == "flow" else used[-1])
        if math.isfinite(included) and total > included:
            units[meter] = total - int(included)
    return units


@dataclass
class Lines:
    """Writes the lines of one subscription's invoices."""

    ledger: Ledger
    usage: Usage
    subscription: Subscription

    def fee(self, renewal: float, end: float) -> Row:
        """The fee of a month that begins with the renewal."""
        stretch = self.subscription.stretch_at(renewal)
        words = f"1 × {stretch.plan.capitalize()}"
        return self.line(words, stretch.mrr_cents, price(stretch), renewal, end)

    def prorations(self, month: int) -> Iterator[Row]:
        """For each change of plan in a month: back the rest of the old, due the rest of the new."""
        begin, end = float(MONTH_FIRST_DAY[month]), month_end(month)
        stretches = self.subscription.stretches
        for old, new in pairwise(stretches):
            if begin <= new.start < end:
                yield self.part_of_fee(old, new.start, end, sign=-1)
                yield self.part_of_fee(new, new.start, end)

    def part_of_fee(self, stretch: Stretch, start: float, end: float, sign: int = 1) -> Row:
        """The share of a month's fee that falls into a part of it; given back with sign -1."""
        length = end - float(MONTH_FIRST_DAY[int(DAY_MONTH[int(start)])])
        amount = sign * round(stretch.mrr_cents * (end - start) / length)
        words = "Remaining time" if sign > 0 else "Unused time"
        return self.line(
            f"{words} on {stretch.plan.capitalize()}", amount, price(stretch), start, end,
            proration=True,
        )  # fmt: skip

    def overage(self, month: int) -> Iterator[Row]:
        """What was used beyond the plan in a month."""
        begin, end = float(MONTH_FIRST_DAY[month]), month_end(month)
        units = overage_units(self.usage, self.subscription.row, month)
        for meter, quantity in units.items():
            amount = round(quantity * OVERAGE_CENTS[meter])
            words = f"{quantity} × {meter.replace('_', ' ')} beyond the plan"
            yield self.line(words, amount, overage_price(meter), begin, end, quantity=quantity)

    def line(
        self,
        description: str,
        amount: int,
        of: Row,
        start: float,
        end: float,
        *,
        quantity: int = 1,
        proration: bool = False,
    ) -> Row:
        """One line."""
        return {
            "id": self.ledger.key("il"),
            "object": "line_item",
            "amount": amount,
            "currency": CURRENCY,
            "description": description,
            "quantity": quantity,
            "period": {"start": seconds(start), "end": seconds(end)},
            "parent": {
                "type": "subscription_item_details",
                "subscription_item_details": {
                    "subscription": self.subscription.key,
                    "proration": proration,
                },
            },
            "pricing": {
                "type": "price_details",
                "price_details": {"price": of["id"], "product": of["product"]},
                "unit_amount_decimal": of["unit_amount_decimal"],
            },
        }
