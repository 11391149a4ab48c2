"""Saving rows: create, update, upsert and delete, in sets, with one outcome per row.

Single rows, Collections and Bulk all save through here. A row is a dict of stored values by field
name (see ``values``) or the :class:`RowError` that already refused it; outcomes keep the order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.store import Row
from sandbox.vendors.salesforce import ids, rules, values
from sandbox.vendors.salesforce.errors import RowError
from sandbox.vendors.salesforce.opportunity_history import put_into_bin, remember
from sandbox.vendors.salesforce.schema import Field, SObject
from sandbox.vendors.salesforce.store import Store

Given = Row | RowError


@dataclass(frozen=True)
class Outcome:
    """What became of one row."""

    id: str | None
    created: bool = False
    error: RowError | None = None

    @property
    def success(self) -> bool:
        """Whether it was saved."""
        return self.error is None


@dataclass(frozen=True)
class Saver:
    """Saves rows on behalf of a user."""

    store: Store
    user_id: str

    def insert(self, sobject: SObject, given: Sequence[Given]) -> list[Outcome]:
        """Create a record per row."""
        return self._save(sobject, given, self._insert_set)

    def update(self, sobject: SObject, given: Sequence[Given]) -> list[Outcome]:
        """Update the record whose ``Id`` each row carries."""
        return self._save(sobject, given, self._update_set)

    def upsert(self, sobject: SObject, key: Field, given: Sequence[Given]) -> list[Outcome]:
        """Update the record with the row's value of ``key``, or create it."""

        def save(rows: list[Row]) -> list[Outcome]:
            return self._upsert_set(sobject, key, rows)

        return self._save(sobject, given, lambda _, rows: save(rows))

    def delete(self, sobject: SObject, given: Sequence[Given]) -> list[Outcome]:
        """Put the record whose ``Id`` each row carries into the recycle bin."""
        return self._save(sobject, given, self._delete_set)

    def _save(
        self,
        sobject: SObject,
        given: Sequence[Given],
        save: Callable[[SObject, list[Row]], list[Outcome]],
    ) -> list[Outcome]:
        """Save the rows that were not refused yet, and put all outcomes in order."""
        rows = [row for row in given if not isinstance(row, RowError)]
        if rows and not sobject.writable:
            refused = RowError(
                "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"
            )
            saved = iter([Outcome(None, error=refused)] * len(rows))
        else:
            with self.store.transaction():
                saved = iter(save(sobject, rows))
        return [
            Outcome(None, error=row) if isinstance(row, RowError) else next(saved) for row in given
        ]

    def _insert_set(self, sobject: SObject, rows: list[Row]) -> list[Outcome]:
        rows = [{**_defaults(sobject, self.user_id), **row} for row in rows]
        new_ids = self.store.new_ids(sobject.prefix, len(rows)) if rows else []
        errors = self._checked(sobject, rows, new_ids, [None] * len(rows))
        stamps = self._stamps(created=True)
        outcomes, complete = [], []
        for row, record_id, error in zip(rows, new_ids, errors, strict=True):
            if error is not None:
                outcomes.append(Outcome(None, error=error))
                continue
            complete.append({**row, **_derived(sobject, row), **stamps, "Id": record_id})
            outcomes.append(Outcome(record_id, created=True))
        self.store.insert_rows(sobject, complete)
        if sobject.name == "Opportunity":
            remember(self.store, stamps, [(None, row) for row in complete])
        return outcomes

    def _update_set(self, sobject: SObject, rows: list[Row]) -> list[Outcome]:
        targets, errors = self._targets(sobject, rows)
        fields = [{k: v for k, v in row.items() if k != "Id"} for row in rows]
        own_ids = [target["Id"] if target else "" for target in targets]
        checked = self._checked(sobject, fields, own_ids, targets, already=errors)
        stamps = self._stamps(created=False)
        changes, outcomes = [], []
        for row, target, error in zip(fields, targets, checked, strict=True):
            if error is not None or target is None:
                outcomes.append(Outcome(None, error=error))
                continue
            changes.append((target["Id"], {**row, **_derived(sobject, row), **stamps}))
            outcomes.append(Outcome(target["Id"]))
        self.store.update_rows(sobject, changes)
        if sobject.name == "Opportunity":
            held = {target["Id"]: target for target in targets if target is not None}
            changed = [(held[key], {**held[key], **row}) for key, row in changes]
            remember(self.store, self._stamps(created=True), changed)
        return outcomes

    def _targets(
        self, sobject: SObject, rows: list[Row]
    ) -> tuple[list[Row | None], list[RowError | None]]:
        """The stored row that each row's ``Id`` means, or why there is none to change."""
        wanted = [ids.normalize(str(row["Id"])) if row.get("Id") else None for row in rows]
        found = {
            r["Id"]: r for r in self.store.by_ids(sobject, "Id", sorted({*filter(None, wanted)}))
        }
        targets: list[Row | None] = []
        errors: list[RowError | None] = []
        for row, record_id in zip(rows, wanted, strict=True):
            target = found.get(record_id or "")
            error = None
            if not row.get("Id"):
                error = RowError("MISSING_ARGUMENT", "Id not specified in an update call")
            elif record_id is None or not record_id.startswith(sobject.prefix):
                error = _wrong_id(f"{sobject.label} ID", str(row["Id"]), "Id")
            elif target is None:
                error = RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            elif target.get("IsDeleted"):
                error = RowError("ENTITY_IS_DELETED", "entity is deleted")
            targets.append(target)
            errors.append(error)
        return targets, errors

    def _upsert_set(self, sobject: SObject, key: Field, rows: list[Row]) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(rows)
        keys = [_key(row.get(key.name)) for row in rows]
        repeated = {k for k, count in Counter(keys).items() if k and count > 1}
        known: dict[str, list[Row]] = {}
        if key.name != "Id":
            distinct = sorted({row[key.name] for row in rows if row.get(key.name)})
            for found in self.store.by_ids(sobject, key.name, distinct):
                if not found.get("IsDeleted"):
                    known.setdefault(_key(found[key.name]), []).append(found)
        inserts: list[tuple[int, Row]] = []
        updates: list[tuple[int, Row]] = []
        for position, (row, value) in enumerate(zip(rows, keys, strict=True)):
            matches = known.get(value, [])
            if value in repeated:
                error = RowError(
                    "DUPLICATE_VALUE", f"Duplicate external id specified: {row[key.name]}"
                )
                outcomes[position] = Outcome(None, error=error)
            elif key.name == "Id":
                (updates if value else inserts).append((position, row))
            elif not value:
                error = RowError("MISSING_ARGUMENT", f"{key.name} not specified", (key.name,))
                outcomes[position] = Outcome(None, error=error)
            elif len(matches) > 1:
                listed = ", ".join(match["Id"] for match in matches)
                error = RowError(
                    "DUPLICATE_EXTERNAL_ID",
                    f"{key.name}: more than one record found for external id field: [{listed}]",
                    (key.name,),
                )
                outcomes[position] = Outcome(None, error=error)
            elif matches:
                updates.append((position, {**row, "Id": matches[0]["Id"]}))
            else:
                inserts.append((position, row))
        for part, save in ((updates, self._update_set), (inserts, self._insert_set)):
            bare = [_without_blank_id(row) for _, row in part]
            for (position, _), outcome in zip(part, save(sobject, bare), strict=True):
                outcomes[position] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _delete_set(self, sobject: SObject, rows: list[Row]) -> list[Outcome]:
        targets, errors = self._targets(sobject, rows)
        stamps = {**self._stamps(created=False), "IsDeleted": True}
        outcomes, changes, gone = [], [], set()
        for target, error in zip(targets, errors, strict=True):
            if error is not None or target is None:
                outcomes.append(Outcome(None, error=error))
                continue
            if target["Id"] in gone:
                again = RowError("ENTITY_IS_DELETED", "entity is deleted")
                outcomes.append(Outcome(None, error=again))
                continue
            gone.add(target["Id"])
            changes.append((target["Id"], stamps))
            outcomes.append(Outcome(target["Id"]))
        self.store.update_rows(sobject, changes)
        if sobject.name == "Opportunity":
            put_into_bin(self.store, stamps, sorted(gone))
        return outcomes

    def _checked(
        self,
        sobject: SObject,
        rows: list[Row],
        own_ids: list[str],
        targets: list[Row | None],
        *,
        already: list[RowError | None] | None = None,
    ) -> list[RowError | None]:
        """Why each row may not be saved; ``targets`` has the stored row of an update."""
        is_new = already is None
        errors = list(already or [None] * len(rows))
        for position, row in enumerate(rows):
            if errors[position] is None:
                errors[position] = _check_fields(sobject, row, is_new=is_new)
        rules.check_references(self.store, sobject, rows, errors)
        rules.check_object(self.store, sobject, rows, targets, errors)
        for field in sobject.fields.values():
            if field.unique:
                self._check_unique(sobject, field, rows, own_ids, errors)
        return errors

    def _check_unique(
        self,
        sobject: SObject,
        field: Field,
        rows: list[Row],
        own_ids: list[str],
        errors: list[RowError | None],
    ) -> None:
        given = sorted({row[field.name] for row in rows if row.get(field.name)})
        if not given:
            return
        owners = {
            _key(found[field.name]): found["Id"]
            for found in self.store.by_ids(sobject, field.name, given)
            if not found.get("IsDeleted")
        }
        for position, (row, own) in enumerate(zip(rows, own_ids, strict=True)):
            value = _key(row.get(field.name))
            if errors[position] is not None or not value:
                continue
            owner = owners.setdefault(value, own)
            if owner != own:
                errors[position] = RowError(
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {field.name} duplicates value on record with id: "
                    f"{owner}",
                )

    def _stamps(self, *, created: bool) -> Row:
        now = values.stamp(self.store.clock.now())
        changed = {
            "LastModifiedDate": now,
            "LastModifiedById": self.user_id,
            "SystemModstamp": now,
        }
        return {"CreatedDate": now, "CreatedById": self.user_id, **changed} if created else changed


def external_key(sobject: SObject, name: str) -> Field | None:
    """The field by which rows of Collections and Bulk may be matched, or None."""
    field = sobject.field(name)
    return field if field is not None and field.id_lookup else None


def _key(value: Any) -> str:
    return str(value).casefold() if value else ""


def _without_blank_id(row: Row) -> Row:
    return row if row.get("Id") else {k: v for k, v in row.items() if k != "Id"}


def _defaults(sobject: SObject, user_id: str) -> Row:
    """What a new record has where the row says nothing."""
    row: Row = {f.name: f.default for f in sobject.stored if f.default is not None}
    row |= {f.name: False for f in sobject.stored if f.type == "boolean"}
    if sobject.field("OwnerId"):
        row["OwnerId"] = user_id
    return row


def _derived(sobject: SObject, row: Row) -> Row:
    """The flags that follow from a picklist in this row."""
    return {
        f.name: row[f.derived_from] in f.true_for
        for f in sobject.stored
        if f.derived_from and f.derived_from in row
    }


def _check_fields(sobject: SObject, row: Row, *, is_new: bool) -> RowError | None:
    known = sobject.fields
    if is_new:
        missing = [f.name for f in known.values() if f.required and row.get(f.name) is None]
    else:
        missing = [
            name for name, v in row.items() if v is None and not known[name.lower()].nillable
        ]
    if missing:
        return RowError(
            "REQUIRED_FIELD_MISSING",
            f"Required fields are missing: [{', '.join(missing)}]",
            tuple(missing),
        )
    for name, value in row.items():
        error = values.check(known[name.lower()], value)
        if error is not None:
            return error
    return None


def refused_fields(sobject: SObject, names: Sequence[str], *, is_new: bool) -> RowError | None:
    """Why these fields may not be written at all, if so."""
    fields = [sobject.fields[name.lower()] for name in names if name.lower() != "id"]
    closed = [f.name for f in fields if not (f.createable if is_new else f.updateable)]
    if not closed:
        return None
    listed = ", ".join(closed)
    return RowError(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        f"Unable to create/update fields: {listed}. Please check the security settings of this "
        "field and verify that it is read/write for your profile or permission set.",
        tuple(closed),
    )


def _wrong_id(label: str, value: str, field: str) -> RowError:
    return RowError("MALFORMED_ID", f"{label}: id value of incorrect type: {value}", (field,))
