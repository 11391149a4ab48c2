"""What a write does to one record, whether it comes alone or in a batch."""

from __future__ import annotations

from typing import Any

from sandbox.vendors.hubspot.answers import invalid_properties
from sandbox.vendors.hubspot.schema import ObjectType
from sandbox.vendors.hubspot.store import Record, Store
from sandbox.vendors.hubspot.values import InvalidValues, changed, stamp


class RowRefused(Exception):
    """One record cannot be written; ``status`` is what a single call answers."""

    def __init__(
        self, status: int, category: str, message: str, context: dict[str, list[str]] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.category = category
        self.message = message
        self.context = context or {}


class Writes:
    """Creates, updates, archives and merges records of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, kind: ObjectType, given: dict[str, Any]) -> Record:
        """Make a record. Raises :class:`RowRefused`."""
        values = self._values(kind, {}, given)
        if kind.plural == "contacts" and not any(values.values()):
            raise RowRefused(
                400,
                "VALIDATION_ERROR",
                "At least one property must be set: a contact cannot be created empty",
            )
        self._check_unique(kind, values, own_id=None)
        now = stamp(self._store.clock.now())
        new_id = str(self._store.new_id(kind))
        record: Record = {
            "id": new_id,
            "properties": {
                "hs_object_id": new_id,
                "createdate": now,
                kind.modified: now,
                **{name: value for name, value in values.items() if value is not None},
            },
            "createdAt": now,
            "updatedAt": now,
            "archived": False,
        }
        self._store.put(kind, [record])
        return record

    def update(self, kind: ObjectType, record: Record, given: dict[str, Any]) -> Record:
        """Change a live record. Raises :class:`RowRefused`."""
        values = self._values(kind, record["properties"], given)
        self._check_unique(kind, values, own_id=record["id"])
        now = stamp(self._store.clock.now())
        record["properties"] = {**record["properties"], **values, kind.modified: now}
        record["updatedAt"] = now
        self._store.put(kind, [record])
        return record

    def archive(self, kind: ObjectType, record: Record) -> None:
        """Move a record to the recycle bin; it leaves all lists."""
        now = stamp(self._store.clock.now())
        archived = {**record, "archived": True, "archivedAt": now, "updatedAt": now}
        archived["properties"] = {**record["properties"], kind.modified: now}
        self._store.put(kind, [archived])
        self._store.db.execute(
            "delete from members where object_type = ? and key = ?",
            (kind.type_id, int(record["id"])),
        )

    def merge(self, kind: ObjectType, primary: Record, other: Record) -> Record:
        """Make one new record of two; both old ids lead to it from now on."""
        held = [primary, other]
        merged_ids = [
            part
            for record in held
            for part in [
                record["id"],
                *(record["properties"].get("hs_merged_object_ids") or "").split(";"),
            ]
            if part
        ]
        if len(merged_ids) > 250:
            raise RowRefused(
                414, "VALIDATION_ERROR", "A record can hold at most 250 merged records"
            )
        now = stamp(self._store.clock.now())
        new_id = str(self._store.new_id(kind))
        filled = {name: v for name, v in primary["properties"].items() if v is not None}
        properties = {
            **other["properties"],
            **filled,
            "hs_object_id": new_id,
            "hs_merged_object_ids": ";".join(merged_ids),
            kind.modified: now,
        }
        if kind.plural == "contacts":
            emails = [
                email
                for record in held
                for email in [
                    record["properties"].get("email"),
                    *(record["properties"].get("hs_additional_emails") or "").split(";"),
                ]
                if email and email != properties.get("email")
            ]
            properties["hs_additional_emails"] = ";".join(dict.fromkeys(emails)) or None
        record: Record = {
            **primary,
            "id": new_id,
            "properties": properties,
            "updatedAt": now,
        }
        with self._store.db.transaction():
            self._store.put(kind, [record])
            for old in held:
                self._store.merge_away(kind, int(old["id"]), int(new_id))
        return record

    def _values(
        self, kind: ObjectType, before: dict[str, Any], given: dict[str, Any]
    ) -> dict[str, str | None]:
        try:
            values = changed(self._store.properties(kind), before, given)
        except InvalidValues as invalid:
            raise RowRefused(
                400,
                "VALIDATION_ERROR",
                invalid_properties(invalid.problems),
                {"propertyName": [problem["name"] for problem in invalid.problems]},
            ) from None
        email = values.get("email")
        if kind.plural == "contacts" and email and self._store.blocked(email):
            raise RowRefused(
                400,
                "VALIDATION_ERROR",
                "This contact was permanently deleted and cannot be created again",
                {"propertyName": ["email"]},
            )
        return values

    def _check_unique(
        self, kind: ObjectType, values: dict[str, str | None], own_id: str | None
    ) -> None:
        for name, prop in self._store.properties(kind).items():
            value = values.get(name)
            if not prop.unique or value is None:
                continue
            other = self._store.find(kind, name, value)
            if other is not None and other["id"] != own_id:
                raise RowRefused(
                    409,
                    "CONFLICT",
                    f"{kind.singular.capitalize()} already exists. Existing ID: {other['id']}",
                    {"existingId": [other["id"]]},
                )
