"""Outreach prospects: looked up by ``externalId``, then created or changed one by one.

Outreach has no upsert and no idempotency key. A prospect that exists under the same e-mail without
an ``externalId`` is taken over; one that carries another ``externalId`` belongs to somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headwater.errors import DefinitionError, VendorRejectedError
from headwater.settings import Settings
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    ALREADY_THERE,
    Batch,
    Capabilities,
    Change,
    Counts,
    Destination,
    Held,
    Outcome,
    RowResult,
    Value,
    one_by_one,
)
from syncs.destinations.outreach_api import LOOKUP_KEYS, OutreachApi
from syncs.destinations.outreach_tasks import OutreachTasks

TAKEN = 422
EMAIL_TAKEN = ("has already been taken", "already exists")


def connect(definition: Definition, settings: Settings) -> Destination:
    """The destination of a definition: object ``prospect`` or ``task``."""
    if definition.object == "prospect":
        return OutreachProspects(OutreachApi(settings))
    if definition.object == "task":
        return OutreachTasks(definition, OutreachApi(settings))
    raise DefinitionError(
        f"{definition.name}.yml: object: Outreach {definition.object!r} cannot be written.",
        next_step="Possible: prospect, task.",
    )


class OutreachProspects:
    """Prospects by ``externalId``. The field ``email`` goes to the list ``emails``."""

    name = "outreach"
    capabilities = Capabilities(frozenset({Mode.UPSERT}), frozenset({Removal.IGNORE}))

    def __init__(self, api: OutreachApi) -> None:
        self._api = api

    @property
    def calls(self) -> int:
        """API calls made so far."""
        return self._api.calls

    def check(self) -> None:
        """Read one prospect: token and scope ``prospects.read``."""
        self._api.read("prospects", {"page[size]": "1", "filter[externalId]": "none"})

    def batch_rows(self, rows: int) -> int:
        """As many as one look-up can ask for."""
        return LOOKUP_KEYS

    def least_calls(self, counts: Counts) -> int:
        """One call a prospect, and a look-up per hundred new ones."""
        look_ups = -(-counts.created // LOOKUP_KEYS) + -(-counts.to_read // LOOKUP_KEYS)
        return counts.created + counts.updated + look_ups

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Look up the prospects that have no id yet, then write one by one."""
        unknown = [change.key for change in batch.changes if change.destination_id is None]
        found = self._by_external_id(unknown) if unknown else {}

        def send(change: Change) -> RowResult:
            record = found.get(change.key)
            record_id = change.destination_id or (str(record["id"]) if record else None)
            if record_id is not None:
                fields = _differing(change.fields, record)
                if not fields:
                    return RowResult(change.key, Outcome.DELIVERED, record_id, code=ALREADY_THERE)
                self._change(record_id, change.key, fields)
                return RowResult(change.key, Outcome.DELIVERED, record_id)
            return self._create(change)

        return one_by_one(batch, send)

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Read back: delivered where the prospect holds what was sent."""
        found = self._by_external_id([change.key for change in batch.changes])
        return [
            RowResult(change.key, Outcome.DELIVERED, str(found[change.key]["id"]))
            if change.key in found and not _differing(change.fields, found[change.key])
            else RowResult(change.key, Outcome.UNSENT)
            for change in batch.changes
        ]

    def current(self, changes: Sequence[Change], fields: Sequence[str]) -> Mapping[str, Held]:
        """Look the prospects up by external id."""
        held = {}
        for start in range(0, len(changes), LOOKUP_KEYS):
            keys = [change.key for change in changes[start : start + LOOKUP_KEYS]]
            for key, record in self._by_external_id(keys).items():
                values = {name: record["attributes"].get(name) for name in fields}
                if "email" in fields:
                    values["email"] = next(iter(record["attributes"].get("emails") or ()), None)
                held[key] = Held(str(record["id"]), values)
        return held

    def _by_external_id(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        records = self._api.find("prospects", "[externalId]", keys)
        return {str(record["attributes"]["externalId"]): record for record in records}

    def _create(self, change: Change) -> RowResult:
        data = {
            "type": "prospect",
            "attributes": {"externalId": change.key, **encode(change.fields)},
        }
        try:
            record = self._api.write("POST", "prospects", data)
        except VendorRejectedError as error:
            if error.status != TAKEN or not any(text in error.body for text in EMAIL_TAKEN):
                raise
            return self._take_over(change, error)
        return RowResult(change.key, Outcome.DELIVERED, str(record["id"]))

    def _take_over(self, change: Change, error: VendorRejectedError) -> RowResult:
        email = str(change.fields.get("email") or "")
        for record in self._api.find("prospects", "[emails]", [email]):
            owner = record["attributes"].get("externalId")
            if owner not in (None, "", change.key):
                return RowResult(
                    change.key,
                    Outcome.REJECTED,
                    code="EMAIL_OF_ANOTHER_PROSPECT",
                    message=f"The address is that of prospect {record['id']}, which belongs to "
                    f"external id {owner}.",
                )
            fields = _differing(change.fields, record)
            self._change(str(record["id"]), change.key, fields)
            return RowResult(change.key, Outcome.DELIVERED, str(record["id"]))
        raise error

    def _change(self, record_id: str, key: str, fields: Mapping[str, Value]) -> None:
        self._api.write(
            "PATCH",
            f"prospects/{record_id}",
            {
                "type": "prospect",
                "id": int(record_id),
                "attributes": {"externalId": key, **encode(fields)},
            },
        )


def encode(fields: Mapping[str, Value]) -> dict[str, Any]:
    """Attributes: null clears, the address becomes the list of addresses."""
    attributes: dict[str, Any] = {name: value for name, value in fields.items() if name != "email"}
    if "email" in fields:
        attributes["emails"] = [fields["email"]] if fields["email"] else []
    return attributes


def _differing(fields: Mapping[str, Value], record: Mapping[str, Any] | None) -> dict[str, Value]:
    """The fields that the record does not hold yet (sending the same e-mails again is refused)."""
    if record is None:
        return dict(fields)
    held = record["attributes"]
    emails = {str(email).lower() for email in held.get("emails") or ()}
    return {
        name: value
        for name, value in fields.items()
        if (name == "email" and str(value or "").lower() not in emails)
        or (name != "email" and (held.get(name) or None) != (value or None))
    }
