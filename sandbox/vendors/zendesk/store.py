"""What the local Zendesk keeps: records as the exports show them, each with its export's clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.documents import Documents
from sandbox.vendors.rate_window import RateWindow

Record = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """One kind of record; ``moment`` is SQL for the epoch second that its export goes by."""

    name: str
    moment: str
    integer_keys: bool = True


RESOURCES = {
    resource.name: resource
    for resource in (
        Resource("tickets", "document ->> '$.generated_timestamp'"),
        Resource("ticket_events", "document ->> '$.timestamp'"),
        Resource("users", "unixepoch(document ->> '$.updated_at')"),
        Resource("organizations", "unixepoch(document ->> '$.updated_at')"),
        Resource("chats", "unixepoch(document ->> '$.update_timestamp')", integer_keys=False),
    )
}


class Store:
    """Records by id. ``exports_per_minute`` and ``chat_calls_per_minute`` are the limits, ``role``
    is that of the user whose token is used.
    """

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self.clock = clock
        self.db = SqliteStore(home / "zendesk" / "zendesk.sqlite")
        self.records = {
            name: Documents(self.db, name, integer_keys=resource.integer_keys)
            for name, resource in RESOURCES.items()
        }
        for name, resource in RESOURCES.items():
            self.records[name].index(f"{name}_by_moment", f"{resource.moment}, key")
        self.exports_per_minute = RateWindow(10, 60, clock)
        self.chat_calls_per_minute = RateWindow(200, 60, clock)
        self.role = "admin"

    def seed(self, table: str, rows: Iterable[Record]) -> None:
        """Add or replace records as given; each has ``id`` and the moment its export goes by."""
        self.records[table].put_many((row["id"], row) for row in rows)

    def rows(self, table: str) -> list[Record]:
        """All records of a kind."""
        return self.records[table].select()

    def page(
        self, table: str, after: tuple[float, int | str], until: float, limit: int
    ) -> list[tuple[int, int | str]]:
        """(moment, id) of the next records behind ``after``, none later than ``until``."""
        moment = RESOURCES[table].moment
        return [
            (int(at), key)
            for at, key in self.db.tuples(
                f"select {moment}, key from {table} "
                f"where ({moment}, key) > (?, ?) and {moment} <= ? "
                f"order by {moment}, key limit ?",
                (*after, until, limit),
            )
        ]

    def shown(self, table: str, keys: Iterable[int | str]) -> list[Record]:
        """The records of these ids, in their order."""
        wanted = list(keys)
        marks = ", ".join("?" for _ in wanted)
        found = {row["id"]: row for row in self.records[table].select(f"key in ({marks})", wanted)}
        return [found[key] for key in wanted]
