"""What the local HubSpot keeps: records, custom properties, lists, email events, and an index for
searches."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.documents import Documents
from sandbox.vendors.hubspot.schema import OBJECT_TYPES, ObjectType, Property
from sandbox.vendors.hubspot.values import kept, moment, stamp
from sandbox.vendors.rate_window import RateWindow, vendor_seconds

Record = dict[str, Any]
# Far above the ids of seeded records, so that a later seed never meets one made by a call.
FIRST_ID = 100_000_000_001


class Store:
    """Contacts and companies by numeric id, with what belongs to them.

    ``ten_seconds`` and ``search_second`` are the rate limits (their ``limit`` may be changed),
    ``daily_limit`` the calls of a day, ``search_delay`` the seconds until a write is searchable,
    ``events_delay`` those until an email event is listed.
    """

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self.clock = clock
        self.db = SqliteStore(home / "hubspot" / "hubspot.sqlite")
        self.records = {name: Documents(self.db, name, integer_keys=True) for name in _PLURALS}
        self.searchable = {
            name: Documents(self.db, f"{name}_searchable", integer_keys=True) for name in _PLURALS
        }
        for name in _PLURALS:
            for unique in (p.name for p in OBJECT_TYPES[name].properties if p.unique):
                self.records[name].index(f"{name}_{unique}", _value(unique))
        additional = _value("hs_additional_emails")
        self.records["contacts"].index("contacts_more", additional, f"{additional} is not null")
        self.custom = Documents(self.db, "custom_properties")
        self.lists = Documents(self.db, "lists", integer_keys=True)
        for statement in _TABLES:
            self.db.execute(statement)
        self.ten_seconds = RateWindow(190, 10, clock)
        self.search_second = RateWindow(5, 1, clock)
        self.daily_limit = 625_000
        self.search_delay = 0.0
        self.events_delay = 0.0

    def seed(self, table: str, rows: Iterable[Record]) -> None:
        """Add or replace ``contacts`` or ``companies`` as given: ``{"id", "properties",
        "createdAt", "updatedAt", "archived"[, "archivedAt"]}``; who was merged into one of them
        goes. Or ``email_events`` (``{"id", "created", ...}``), or ``lists`` with ``members``
        (``{"recordId": moment}``).
        """
        if table == "email_events":
            self._seed_events(rows)
        elif table == "lists":
            self._seed_lists(rows)
        else:
            kind = OBJECT_TYPES[table]
            kept_rows = [_as_kept(kind, row) for row in rows]
            self._put(kind, kept_rows, delay=0.0)
            for row in kept_rows:
                merged = str(row["properties"].get("hs_merged_object_ids") or "").split(";")
                for loser in {int(key) for key in merged if key} - {int(row["id"])}:
                    if self.records[kind.plural].get(loser) is not None:
                        self.merge_away(kind, loser, int(row["id"]))

    def _seed_events(self, rows: Iterable[Record]) -> None:
        visible_from = vendor_seconds(self.clock) + self.events_delay
        with self.db.transaction():
            self.db.executemany(
                "insert or replace into email_events values (?, ?, ?, ?)",
                ((row["created"], row["id"], visible_from, json.dumps(row)) for row in rows),
            )

    def _seed_lists(self, rows: Iterable[Record]) -> None:
        with self.db.transaction():
            for row in rows:
                list_id = int(row["listId"])
                self.lists.put(
                    list_id, {k: v for k, v in row.items() if k not in ("id", "members")}
                )
                self.db.execute("delete from members where list_id = ?", (list_id,))
                self.db.executemany(
                    "insert into members values (?, ?, ?, ?)",
                    (
                        (list_id, row["objectTypeId"], int(key), at)
                        for key, at in row["members"].items()
                    ),
                )

    def rows(self, table: str) -> list[Record]:
        """All ``contacts`` or ``companies`` (archived ones too), ``lists`` with ``members``, or
        ``email_events``."""
        if table == "email_events":
            found = self.db.tuples("select document from email_events order by created, id")
            return [json.loads(row[0]) for row in found]
        if table == "lists":
            return [
                {**each, "members": self.members(int(each["listId"]))}
                for each in self.lists.select()
            ]
        return self.records[table].select()

    def put(self, kind: ObjectType, records: list[Record]) -> None:
        """Store records as they now are; a search sees them after the delay."""
        self._put(kind, records, delay=self.search_delay)

    def _put(self, kind: ObjectType, records: list[Record], *, delay: float) -> None:
        due = vendor_seconds(self.clock) + delay
        with self.db.transaction():
            self.records[kind.plural].put_many((int(row["id"]), row) for row in records)
            self.db.executemany(
                "insert into unsearchable values (?, ?, ?) "
                "on conflict (object_type, key) do update set due = excluded.due",
                ((kind.plural, int(row["id"]), due) for row in records),
            )

    def bring_search_up_to_date(self, kind: ObjectType) -> None:
        """Let searches see the writes whose delay is over."""
        name = kind.plural
        due = (name, vendor_seconds(self.clock))
        where = "select key from unsearchable where object_type = ? and due <= ?"
        with self.db.transaction():
            self.db.execute(f"delete from {name}_searchable where key in ({where})", due)
            self.db.execute(
                f"insert into {name}_searchable select key, document from {name} "
                f"where key in ({where}) and not document ->> '$.archived'",
                due,
            )
            self.db.execute("delete from unsearchable where object_type = ? and due <= ?", due)

    def find(self, kind: ObjectType, id_property: str | None, value: str) -> Record | None:
        """The record, archived or not, by id (also one merged away) or by a unique property."""
        records = self.records[kind.plural]
        if id_property in (None, "hs_object_id"):
            if not value.isdigit():
                return None
            return records.get(self._survivor(kind, int(value)))
        wanted = value.strip().lower() if id_property == "email" else value
        live = "not document ->> '$.archived'"
        found = records.select(f"{_value(str(id_property))} = ? and {live}", (wanted,), limit=1)
        if not found and id_property == "email":
            path = _value("hs_additional_emails")
            found = records.select(
                f"{path} is not null and {live} and instr(';' || lower({path}) || ';', ?) > 0",
                (f";{wanted};",),
                order="+key",  # with the sign SQLite reads the few of the index, not all by key
                limit=1,
            )
        return found[0] if found else None

    def _survivor(self, kind: ObjectType, key: int) -> int:
        found = self.db.tuples(
            "select survivor from merged where object_type = ? and key = ?", (kind.plural, key)
        )
        return self._survivor(kind, int(found[0][0])) if found else key

    def new_id(self, kind: ObjectType) -> int:
        """An id that was never used."""
        return self.records[kind.plural].next_key(FIRST_ID)

    def forget(self, kind: ObjectType, key: int) -> None:
        """Remove a record without a trace."""
        with self.db.transaction():
            self.records[kind.plural].delete(key)
            self.searchable[kind.plural].delete(key)
            self.db.execute(
                "delete from members where object_type = ? and key = ?", (kind.type_id, key)
            )

    def merge_away(self, kind: ObjectType, key: int, survivor: int) -> None:
        """Remove a record whose id from now on leads to the survivor."""
        with self.db.transaction():
            self.forget(kind, key)
            self.db.execute("insert into merged values (?, ?, ?)", (kind.plural, key, survivor))

    def properties(self, kind: ObjectType) -> dict[str, Property]:
        """All properties of an object type by name."""
        custom = self.custom.select("key like ?", (f"{kind.plural}/%",))
        made = [Property(**{**each, "options": tuple(each["options"])}) for each in custom]
        return {prop.name: prop for prop in (*kind.properties, *made)}

    def members(self, list_id: int) -> list[str]:
        """The record ids of a list, ascending."""
        found = self.db.tuples("select key from members where list_id = ? order by key", (list_id,))
        return [str(row[0]) for row in found]

    def count_call(self) -> int:
        """Count one call of today (the virtual day, UTC) and return how many it makes."""
        day = self.clock.now().date().isoformat()
        with self.db.transaction():
            self.db.execute(
                "insert into quota values (?, 1) on conflict (day) do update set used = used + 1",
                (day,),
            )
            return int(self.db.tuples("select used from quota where day = ?", (day,))[0][0])

    def blocked(self, email: str) -> bool:
        """Whether a GDPR deletion forbids this address."""
        return bool(self.db.tuples("select 1 from blocked_emails where email = ?", (email,)))


_PLURALS = ("contacts", "companies")
_TABLES = (
    "create table if not exists members (list_id integer, object_type text, key integer, "
    "added_at text, primary key (list_id, key))",
    "create table if not exists merged (object_type text, key integer, survivor integer, "
    "primary key (object_type, key))",
    "create table if not exists unsearchable (object_type text, key integer, due real, "
    "primary key (object_type, key))",
    "create table if not exists quota (day text primary key, used integer)",
    "create table if not exists blocked_emails (email text primary key)",
    "create table if not exists email_events (created integer, id text, visible_from real, "
    "document text not null, primary key (created, id)) without rowid",
)


def _value(name: str) -> str:
    """SQL for a property's value; ``name`` is one of the schema, never a caller's text."""
    return f"document ->> '$.properties.{name}'"


def _as_kept(kind: ObjectType, row: Record) -> Record:
    """A given row with its stamps, ids and values in the vendor's own form."""
    created, updated = stamp(moment(str(row["createdAt"]))), stamp(moment(str(row["updatedAt"])))
    properties = {name: kept(value) for name, value in row["properties"].items()}
    if properties.get("email"):
        properties["email"] = str(properties["email"]).strip().lower()
    properties |= {"hs_object_id": str(row["id"]), "createdate": created, kind.modified: updated}
    result = {
        "id": str(row["id"]),
        "properties": properties,
        "createdAt": created,
        "updatedAt": updated,
        "archived": bool(row.get("archived", False)),
    }
    if row.get("archivedAt"):
        result["archivedAt"] = stamp(moment(str(row["archivedAt"])))
    return result
