"""What the local Outreach keeps: resources by integer id, and the tokens it gave out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.documents import Documents
from sandbox.vendors.outreach.answers import stamp
from sandbox.vendors.outreach.resources import BY_TYPE, RESOURCES, Resource
from sandbox.vendors.rate_window import RateWindow

Record = dict[str, Any]
ROOM_FOR_SEEDS = 1_000_000
FIRST_USER = {
    "firstName": "Sam",
    "lastName": "Rep",
    "name": "Sam Rep",
    "email": "sam@groupgrub.com",
}


class Store:
    """Resources of all kinds, ``{"id", "attributes", "relationships"}``.

    ``calls_per_hour`` is the limit per user (its ``limit`` may be changed);
    ``token_every_seconds`` the time between two access tokens (0 switches that limit off).
    """

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self.clock = clock
        self.db = SqliteStore(home / "outreach" / "outreach.sqlite")
        self.resources = {name: Documents(self.db, name, integer_keys=True) for name in RESOURCES}
        self.tokens = Documents(self.db, "tokens")
        self.db.execute(
            "create table if not exists emails (email text primary key, prospect integer)"
        )
        self.calls_per_hour = RateWindow(10_000, 3600, clock)
        self.token_every_seconds = 60.0
        if not self.resources["users"].count():
            self.put(RESOURCES["users"], {"id": 1, "attributes": dict(FIRST_USER)})

    def seed(self, table: str, rows: Iterable[Record]) -> None:
        """Add or replace rows as given: ``{"id", "attributes"[, "relationships"]}``; a
        relationship is ``{name: {"type", "id"}}`` or the JSON:API form with ``data``. A row with
        ``isDeleted`` is removed for good instead.

        Ids that the API gives out stay clear of those of seeds to come. A prospect with an address
        that another one has got through the API meanwhile is left out.
        """
        resource, last = RESOURCES[table], 0
        with self.db.transaction():
            for row in rows:
                last = max(last, int(row["id"]))
                if row.get("isDeleted"):
                    self.delete(resource, int(row["id"]))
                elif not self._is_taken(resource, row):
                    self.put(resource, _as_kept(row))
            if last:
                self.resources[table].reserve(last + ROOM_FOR_SEEDS)

    def rows(self, table: str) -> list[Record]:
        """All rows of a resource by its plural name, relationships in the JSON:API form."""
        return [
            {
                **row,
                "relationships": {name: {"data": to} for name, to in row["relationships"].items()},
            }
            for row in self.resources[table].select()
        ]

    def put(self, resource: Resource, record: Record) -> None:
        """Store a record; what it lacks of stamps is now."""
        now = stamp(self.clock.now())
        record["attributes"] = {"createdAt": now, "updatedAt": now, **record["attributes"]}
        record.setdefault("relationships", {})
        with self.db.transaction():
            self.resources[resource.plural].put(int(record["id"]), record)
            if resource.plural == "prospects":
                self.db.execute("delete from emails where prospect = ?", (record["id"],))
                self.db.executemany(
                    "insert or replace into emails values (?, ?)",
                    (
                        (email.strip().lower(), record["id"])
                        for email in record["attributes"].get("emails") or []
                    ),
                )

    def new(self, resource: Resource, record: Record) -> Record:
        """Store a record under a new id."""
        made = {**record, "id": self.resources[resource.plural].next_key()}
        self.put(resource, made)
        return made

    def get(self, type_name: str, wanted: Any) -> Record | None:
        """A record by type and id."""
        if isinstance(wanted, bool) or not str(wanted).isdigit():
            return None
        return self.resources[BY_TYPE[type_name].plural].get(int(wanted))

    def delete(self, resource: Resource, key: int) -> None:
        """Delete a record for good."""
        with self.db.transaction():
            self.resources[resource.plural].delete(key)
            if resource.plural == "prospects":
                self.db.execute("delete from emails where prospect = ?", (key,))

    def _is_taken(self, resource: Resource, row: Record) -> bool:
        if resource.plural != "prospects":
            return False
        owners = {self.prospect_of(email) for email in row["attributes"].get("emails") or []}
        return bool(owners - {None, int(row["id"])})

    def prospect_of(self, email: str) -> int | None:
        """The id of the prospect that has an address."""
        found = self.db.tuples(
            "select prospect from emails where email = ?", (email.strip().lower(),)
        )
        return int(found[0][0]) if found else None


def _as_kept(row: Record) -> Record:
    relationships = {}
    for name, given in (row.get("relationships") or {}).items():
        held = given.get("data") if isinstance(given, dict) and "data" in given else given
        relationships[name] = held
    return {
        "id": int(row["id"]),
        "attributes": dict(row["attributes"]),
        "relationships": relationships,
    }
