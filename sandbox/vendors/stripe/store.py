"""What the local Stripe keeps: objects in the current API version, and the events about them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.documents import Documents
from sandbox.vendors.rate_window import RateWindow
from sandbox.vendors.stripe.versions import ACCOUNT, rendered

Object = dict[str, Any]
KINDS = {
    "customers": "customer",
    "subscriptions": "subscription",
    "invoices": "invoice",
    "refunds": "refund",
    "events": "event",
}
"""Plural, as in the path, to the name of the object."""


class Store:
    """Objects by id. ``calls_per_second`` is the limit of the account; ``rights`` are the lists
    that the restricted key may read.
    """

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self.clock = clock
        self.db = SqliteStore(home / "stripe" / "stripe.sqlite")
        self.objects = {name: Documents(self.db, name) for name in KINDS}
        for name, documents in self.objects.items():
            documents.index(f"{name}_by_created", "document ->> '$.created', key")
        self.calls_per_second = RateWindow(25, 1, clock)
        self.rights = set(KINDS)

    def seed(self, table: str, rows: Iterable[Object]) -> None:
        """Add or replace objects, or ``events``, as given.

        ``{"id", "object", "deleted": true}`` deletes a customer, of whom that much stays, or an
        invoice, of which nothing does.
        """
        kept = []
        for row in rows:
            if row.get("deleted") and table != "customers":
                self.objects[table].delete(row["id"])
            else:
                kept.append((row["id"], row))
        self.objects[table].put_many(kept)

    def rows(self, table: str) -> list[Object]:
        """All objects of a kind, or all events."""
        return self.objects[table].select()

    def tell(self, kind: str, found: Object) -> None:
        """Make an event of type ``kind`` about an object, now."""
        number = self.objects["events"].count() + 1
        created = int(self.clock.now().timestamp())
        self.seed("events", [event(f"evt_sandbox{number:012d}", kind, created, found)])


def event(key: str, kind: str, created: int, found: Object) -> Object:
    """An event with its copy of the object, in the version of the account."""
    return {
        "id": key,
        "object": "event",
        "api_version": ACCOUNT,
        "created": created,
        "data": {"object": rendered(found, ACCOUNT)},
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
