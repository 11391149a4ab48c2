"""What the local web rank keeps: sites, the lists it named, and the credits that were used."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.documents import Documents
from sandbox.vendors.rate_window import RateWindow


class Store:
    """Sites by domain: ``{"id", "domain", "score", "visits", "growth", "has_estimate", "since"}``.

    ``list_size`` is the length of a list: what no site takes is filled with names of nobody.
    ``credits_a_month`` is the allowance of visits; ``calls_per_second`` its limit.
    """

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self.clock = clock
        self.db = SqliteStore(home / "web_rank" / "web_rank.sqlite")
        self.sites = Documents(self.db, "sites")
        self.lists = Documents(self.db, "lists")
        self._credits = Documents(self.db, "credits")
        self.list_size = 10_000
        self.credits_a_month = 20_000
        self.calls_per_second = RateWindow(10, 1, clock)

    def seed(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Add or replace ``sites``."""
        if table != "sites":
            raise KeyError(table)
        self.sites.put_many((row["domain"], row) for row in rows)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All ``sites``."""
        if table != "sites":
            raise KeyError(table)
        return self.sites.select()

    def credits_left(self) -> int:
        """Credits of this month that are not used."""
        used = self._credits.get(self._month()) or {"used": 0}
        return max(0, self.credits_a_month - int(used["used"]))

    def use_credits(self, count: int) -> bool:
        """Take credits of this month; says whether there were enough."""
        with self.db.transaction():
            if count > self.credits_left():
                return False
            used = self._credits.get(self._month()) or {"used": 0}
            self._credits.put(self._month(), {"used": int(used["used"]) + count})
            return True

    def _month(self) -> str:
        return f"{self.clock.now():%Y-%m}"
