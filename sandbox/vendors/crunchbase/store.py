"""What the local Crunchbase keeps: organizations, and the tombstones of deleted ones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.crunchbase.fields import host, time_text
from sandbox.vendors.documents import Documents
from sandbox.vendors.rate_window import RateWindow


class Store:
    """Organizations by uuid. ``calls_per_minute`` is the limit per key."""

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self._clock = clock
        self.db = SqliteStore(home / "crunchbase" / "crunchbase.sqlite")
        self.db.connection.create_function("host", 1, host, deterministic=True)
        self.organizations = Documents(self.db, "organizations")
        self.organizations.index("by_updated_at", "document ->> '$.properties.updated_at'")
        self.deleted = Documents(self.db, "deleted_entities")
        self.calls_per_minute = RateWindow(200, 60, clock)

    def seed(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Add or replace ``organizations`` as given, ``{"uuid", "properties"}``, or
        ``deleted_entities``, ``{"uuid", "deleted_at"[, "identifier"]}``, which removes them too.
        """
        if table == "organizations":
            self.organizations.put_many((row["uuid"], _as_kept(row)) for row in rows)
        elif table == "deleted_entities":
            for row in rows:
                self._bury(row)
        else:
            raise KeyError(table)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All ``organizations`` or ``deleted_entities``."""
        return {"organizations": self.organizations, "deleted_entities": self.deleted}[
            table
        ].select()

    def delete(self, uuid: str) -> None:
        """Delete an organization now."""
        self._bury({"uuid": uuid, "deleted_at": self._clock.now().isoformat()})

    def _bury(self, row: dict[str, Any]) -> None:
        with self.db.transaction():
            held = self.organizations.get(row["uuid"])
            identifier = row.get("identifier") or (held or {}).get("properties", {}).get(
                "identifier"
            )
            self.organizations.delete(row["uuid"])
            self.deleted.put(
                row["uuid"],
                {
                    "uuid": row["uuid"],
                    "entity_def_id": "organization",
                    "identifier": identifier or {"uuid": row["uuid"]},
                    "deleted_at": time_text(row["deleted_at"]),
                },
            )


def _as_kept(row: dict[str, Any]) -> dict[str, Any]:
    """An organization without its empty fields, its stamps in the vendor's form."""
    properties = {
        name: value for name, value in row["properties"].items() if value not in (None, "", [])
    }
    for name in ("created_at", "updated_at"):
        if name in properties:
            properties[name] = time_text(properties[name])
    identifier = {"uuid": row["uuid"], "entity_def_id": "organization"}
    properties["identifier"] = {**identifier, **properties.get("identifier", {})}
    return {"uuid": row["uuid"], "properties": properties}
