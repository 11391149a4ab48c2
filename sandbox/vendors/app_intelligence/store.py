"""What the local app intelligence keeps: publishers, apps and the tokens it gave out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.documents import Documents
from sandbox.vendors.rate_window import RateWindow


class Store:
    """``publishers``, ``{"id", "store", "shown"}``, and ``apps``, which add ``downloads`` (a day,
    on 2025-01-01), ``growth`` (a day), ``released`` and ``removed``; ids are ``store/id``, and
    ``shown`` is what a caller sees. ``calls_per_minute`` is the limit per token.
    """

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self.clock = clock
        self.db = SqliteStore(home / "app_intelligence" / "app_intelligence.sqlite")
        self.publishers = Documents(self.db, "publishers")
        self.apps = Documents(self.db, "apps")
        self.tokens = Documents(self.db, "tokens")
        self.page_size = 200
        self.calls_per_minute = RateWindow(1000, 60, clock)

    def seed(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Add or replace ``publishers`` or ``apps``."""
        self._table(table).put_many((row["id"], row) for row in rows)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All ``publishers`` or ``apps``."""
        return self._table(table).select()

    def _table(self, table: str) -> Documents:
        return {"publishers": self.publishers, "apps": self.apps}[table]
