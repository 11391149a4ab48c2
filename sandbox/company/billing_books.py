"""What the books of billing are made of: objects with all their versions, and prices."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.company.agents import Stretch, Workspace
from sandbox.company.dice import Dice
from sandbox.company.timeline import DAYS, EPOCH, HORIZON
from sandbox.company.versions import Row, VersionLog

CURRENCY = "usd"
OVERAGE_CENTS = {"order_lines": 8.0, "member_profiles": 150.0, "api_calls": 0.2}
"""Price of a unit beyond what the plan includes."""
EVENTS_SINCE = DAYS - 31.0
"""Stripe keeps events for 30 days, so older ones are never seen."""
TABLES = ("customers", "subscriptions", "invoices", "refunds", "events")


def seconds(t: float) -> int:
    """The moment ``t`` days after the start of the world as Stripe writes it."""
    return EPOCH + round(t * 86_400)


def _unstamped(row: Row, t: float) -> None:
    """Objects of Stripe don't say when they changed."""


@dataclass
class Ledger:
    """All versions of all objects, and an event for each of them.

    Objects are made at once; what changes them is gathered in any order and happens in the order of
    time when :meth:`settle` is called.
    """

    dice: Dice
    logs: dict[str, VersionLog] = field(
        default_factory=lambda: {name: VersionLog(_unstamped) for name in TABLES}
    )
    _changes: list[tuple[float, int, str, str, str, Row]] = field(default_factory=list)

    def key(self, prefix: str) -> str:
        """A new id."""
        return f"{prefix}_{self.dice.hex(24)}"

    def make(self, table: str, t: float, row: Row, kind: str) -> None:
        """A new object at ``t`` days, told by an event of type ``kind``."""
        self.logs[table].put(row["id"], t, {**row, "created": seconds(t), "livemode": False})
        self._tell(table, row["id"], t, kind)

    def change(self, table: str, key: str, t: float, kind: str, **fields: object) -> None:
        """Another version of an object at ``t`` days, with ``fields`` changed."""
        self._changes.append((t, len(self._changes), table, key, kind, fields))

    def settle(self) -> None:
        """Let all changes happen. What is deleted changes no more."""
        for t, _, table, key, kind, fields in sorted(self._changes, key=lambda item: item[:2]):
            log = self.logs[table]
            if t < HORIZON and key in log and not log.latest(key).get("deleted"):
                log.change(key, t, **fields)
                self._tell(table, key, t, kind)
        self._changes.clear()

    def records(self, start: float, end: float) -> dict[tuple[str, str], list[Row]]:
        """What changed in [start, end) days, by (vendor, table)."""
        return {("stripe", name): log.between(start, end) for name, log in self.logs.items()}

    def _tell(self, table: str, key: str, t: float, kind: str) -> None:
        if not EVENTS_SINCE <= t < HORIZON:
            return
        event = {"id": self.key("evt"), "type": kind, "created": seconds(t)}
        self.logs["events"].put(event["id"], t, {**event, "about": self.logs[table].latest(key)})


@dataclass
class Subscription:
    """A workspace's time as a paying one: its plans in order, and when it ended, if it did."""

    workspace: Workspace
    row: int
    customer: str
    key: str
    stretches: list[Stretch]
    end: float | None

    @property
    def start(self) -> float:
        """When it began to pay, in days."""
        return self.stretches[0].start

    def stretch_at(self, t: float) -> Stretch:
        """The plan at a moment."""
        return next(s for s in reversed(self.stretches) if s.start <= t)

    @property
    def pays_by_transfer(self) -> bool:
        """Whether it gets invoices to pay instead of being charged."""
        return self.workspace.motion == "sales_assisted"


def price(stretch: Stretch) -> Row:
    """A plan's price for a month."""
    own = f"_{stretch.mrr_cents}" if stretch.plan == "enterprise" else ""
    return _price(f"{stretch.plan}{own}", stretch.plan, stretch.mrr_cents, "licensed")


def overage_price(meter: str) -> Row:
    """The price of a unit of a meter beyond the plan."""
    return _price(f"overage_{meter}", f"overage_{meter}", OVERAGE_CENTS[meter], "metered")


def _price(name: str, lookup_key: str, cents: float, usage_type: str) -> Row:
    return {
        "id": f"price_{name}",
        "object": "price",
        "product": f"prod_{lookup_key}",
        "lookup_key": lookup_key,
        "currency": CURRENCY,
        "unit_amount": int(cents) if float(cents).is_integer() else None,
        "unit_amount_decimal": f"{cents:g}",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": usage_type},
    }
