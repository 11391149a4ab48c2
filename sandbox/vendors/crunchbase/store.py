"""What the local Crunchbase keeps: entities by collection, and the tombstones of deleted ones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.crunchbase.fields import COLLECTIONS, ENTITY, host, time_text
from sandbox.vendors.documents import Documents
from sandbox.vendors.rate_window import RateWindow


class Store:
    """Each collection's entities by uuid. ``calls_per_minute`` is the limit per key."""

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self._clock = clock
        self.db = SqliteStore(home / "crunchbase" / "crunchbase.sqlite")
        self.db.connection.create_function("host", 1, host, deterministic=True)
        self.collections = {name: Documents(self.db, name) for name in COLLECTIONS}
        for name, entities in self.collections.items():
            entities.index(f"{name}_by_updated_at", "document ->> '$.properties.updated_at'")
        self.organizations = self.collections["organizations"]
        self.deleted = Documents(self.db, "deleted_entities")
        self.calls_per_minute = RateWindow(200, 60, clock)

    def seed(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Add or replace entities of a collection as given, ``{"uuid", "properties"}``, or
        ``deleted_entities``, ``{"uuid", "deleted_at"[, "identifier", "entity_def_id"]}``, which
        removes them too (an organization, if nothing else is said).
        """
        if table in self.collections:
            entity = ENTITY[table]
            self.collections[table].put_many((row["uuid"], _as_kept(row, entity)) for row in rows)
        elif table == "deleted_entities":
            for row in rows:
                self._bury(row)
        else:
            raise KeyError(table)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All entities of a collection, or all ``deleted_entities``."""
        return {**self.collections, "deleted_entities": self.deleted}[table].select()

    def delete(self, uuid: str, collection: str = "organizations") -> None:
        """Delete an entity now."""
        self._bury(
            {
                "uuid": uuid,
                "deleted_at": self._clock.now().isoformat(),
                "entity_def_id": ENTITY[collection],
            }
        )

    def _bury(self, row: dict[str, Any]) -> None:
        entity = row.get("entity_def_id", "organization")
        [collection] = [name for name, each in ENTITY.items() if each == entity]
        with self.db.transaction():
            held = self.collections[collection].get(row["uuid"])
            identifier = row.get("identifier") or (held or {}).get("properties", {}).get(
                "identifier"
            )
            self.collections[collection].delete(row["uuid"])
            self.deleted.put(
                row["uuid"],
                {
                    "uuid": row["uuid"],
                    "entity_def_id": entity,
                    "identifier": identifier or {"uuid": row["uuid"]},
                    "deleted_at": time_text(row["deleted_at"]),
                },
            )


def _as_kept(row: dict[str, Any], entity: str) -> dict[str, Any]:
    """An entity without its empty fields, its stamps in the vendor's form."""
    properties = {
        name: value for name, value in row["properties"].items() if value not in (None, "", [])
    }
    for name in ("created_at", "updated_at"):
        if name in properties:
            properties[name] = time_text(properties[name])
    identifier = {"uuid": row["uuid"], "entity_def_id": entity}
    properties["identifier"] = {**identifier, **properties.get("identifier", {})}
    return {"uuid": row["uuid"], "properties": properties}
