"""What the local crunchbase keeps."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.documents import Documents


class Store:
    """The records of every table."""

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self._clock = clock
        self.db = SqliteStore(home / "crunchbase" / "crunchbase.sqlite")

    def seed(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Add or replace rows as given, by their id."""
        Documents(self.db, table).put_many((str(row.get("id") or row["uuid"]), row) for row in rows)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table."""
        return Documents(self.db, table).select()
