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
        """Add or replace objects as given, or ``events``, ``{"id", "type", "created", "about"}``.

        An object with ``"deleted": true`` is deleted: of a customer that much stays, of an invoice
        nothing does.
        """
        kept = []
        for row in rows:
            if table == "events":
                kept.append((row["id"], _event(row)))
            elif not row.get("deleted"):
                kept.append((row["id"], row))
            elif table == "customers":
                kept.append((row["id"], {k: row[k] for k in ("id", "object", "deleted")}))
            else:
                self.objects[table].delete(row["id"])
        self.objects[table].put_many(kept)

    def rows(self, table: str) -> list[Object]:
        """All objects of a kind, or all events."""
        return self.objects[table].select()

    def tell(self, kind: str, found: Object) -> None:
        """Make an event of type ``kind`` about an object, now."""
        key = f"evt_sandbox{self.objects['events'].count() + 1:012d}"
        created = int(self.clock.now().timestamp())
        self.seed("events", [{"id": key, "type": kind, "created": created, "about": found}])


def _event(row: Object) -> Object:
    """An event with its copy of the object, in the version of the account."""
    return {
        "id": row["id"],
        "object": "event",
        "api_version": ACCOUNT,
        "created": row["created"],
        "data": {"object": rendered(row["about"], ACCOUNT)},
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None},
        "type": row["type"],
    }
