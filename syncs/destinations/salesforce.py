"""Salesforce: sObject Collections for few rows, Bulk API 2.0 for many.

Every write is idempotent: an update by ``Id``, an upsert by an external id, or (mode create) an
insert whose external id is unique, so that a record that is there already is not written a second
time nor over. So a batch whose answer was lost is sent again; a bulk job is asked for by its id.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simple_salesforce.format import format_soql

from headwater.errors import VendorRejectedError
from headwater.settings import Settings, load
from headwater.system_settings import SalesforceSettings
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    Batch,
    Capabilities,
    Change,
    Counts,
    FieldInfo,
    Held,
    Operation,
    Outcome,
    RowResult,
    Value,
)
from syncs.destinations.answers import reading
from syncs.destinations.salesforce_api import LOCKED, SalesforceApi
from syncs.destinations.salesforce_bulk import BulkJobs, already_there, job_calls

COLLECTION_ROWS = 200
AT_ONCE = 5
"""Of the 25 calls of over 20 seconds that an org may have under way, the most that we take."""
LOCKS_NO_PARENT = frozenset({"Lead", "Account"})
READ_ROWS = 2000
JOB_ROWS = 100_000
"""Rows per bulk job: far below the limit of 100 MB for rows of a few hundred bytes."""
CHUNK_ROWS = 10_000
"""Salesforce works at so many rows of a job at a time, and at several such chunks at once: rows of
one parent in two of them would lock each other out, so grouped rows go in jobs of one chunk."""
ID = re.compile(r"[0-9A-Za-z]{15}([0-9A-Za-z]{3})?")
"""What is asked for by id: of one that is none Salesforce would refuse the whole question."""
GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND"})


def connect(definition: Definition, settings: Settings) -> SalesforceDestination:
    """The destination of a definition."""
    return SalesforceDestination(definition, settings)


class SalesforceDestination:
    """One object of an org. ``key.field`` is ``Id`` (update) or an external id (upsert, create; it
    must be unique)."""

    name = "salesforce"

    def __init__(self, definition: Definition, settings: Settings) -> None:
        self._account = load(SalesforceSettings)
        self._api = SalesforceApi(self._account, settings)
        self._object = definition.object
        self._key = definition.key.field
        self._headers: dict[str, str] = {}
        if "auto_assign" in definition.options:
            assign = bool(definition.options["auto_assign"])
            self._headers["Sforce-Auto-Assign"] = "TRUE" if assign else "FALSE"
        self._creates = definition.mode is Mode.CREATE
        operation = "insert" if self._creates else "update" if self._key == "Id" else "upsert"
        self._may_go_beside = self._object in LOCKS_NO_PARENT or bool(definition.group_by)
        self._job_rows = CHUNK_ROWS if definition.group_by else JOB_ROWS
        self._jobs = BulkJobs(self._api, self._object, self._key, operation)
        by_id = self._key == "Id"
        modes = {Mode.UPDATE} if by_id else {Mode.UPSERT, Mode.CREATE}
        self.capabilities = Capabilities(
            frozenset(modes), frozenset({Removal.IGNORE, Removal.CLEAR, Removal.DELETE})
        )

    @property
    def calls(self) -> int:
        """API calls made so far."""
        return self._api.calls

    def check(self) -> Mapping[str, FieldInfo]:
        """Log in, and read the fields that this user sees; a key that creates must be unique."""
        described = self._api.call("GET", f"/sobjects/{self._object}/describe")
        with reading("Salesforce", described):
            known = {item["name"]: item for item in described.json()["fields"]}
            fields = {
                name: FieldInfo(
                    f"{item.get('type', '')}({item.get('length') or ''})",
                    item.get("createable", True),
                    item.get("updateable", True),
                )
                for name, item in known.items()
            }
        if self._creates and self._key in known and not known[self._key].get("unique"):
            raise VendorRejectedError(
                f"Salesforce {self._object}.{self._key} is not unique, so a record whose answer is "
                "lost could be created twice.",
                next_step="Make it a unique external id; docs/salesforce-setup.md says how.",
            )
        return fields

    def batch_rows(self, rows: int) -> int:
        """200 by Collections; a job from ``SALESFORCE_BULK_FROM_ROWS`` rows on."""
        return self._job_rows if rows >= self._account.bulk_from_rows else COLLECTION_ROWS

    def at_once(self, batch_rows: int) -> int:
        """Collections whose rows cannot lock each other out: of objects without a parent, or
        grouped by it. A bulk job is worked at in parallel by Salesforce itself."""
        return AT_ONCE if self._may_go_beside and batch_rows <= COLLECTION_ROWS else 1

    def least_calls(self, counts: Counts) -> int:
        """The cheaper of ``ceil(n / 200)`` and a job's calls, per operation."""
        looked_at = READ_ROWS if self._key == "Id" else COLLECTION_ROWS
        return -(-counts.to_read // looked_at) + sum(
            min(-(-rows // COLLECTION_ROWS), job_calls(rows, JOB_ROWS))
            for rows in (counts.created, counts.updated, counts.removed)
        )

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Send one batch of one operation."""
        operation = batch.changes[0].operation
        deletes = operation is Operation.REMOVE and not batch.changes[0].fields
        if len(batch.changes) > COLLECTION_ROWS and not deletes and not _says_not_available(batch):
            return self._jobs.deliver(batch, remember)
        results: list[RowResult] = []
        for start in range(0, len(batch.changes), COLLECTION_ROWS):
            part = batch.changes[start : start + COLLECTION_ROWS]
            results += self._delete(part) if deletes else self._write(part)
        return results

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Ask for a job by its id; send a collection again, which changes nothing twice."""
        if batch.handle is not None:
            return self._jobs.resolve(batch)
        return self.deliver(batch, lambda _handle: None)

    def current(self, changes: Sequence[Change], fields: Sequence[str]) -> Mapping[str, Held]:
        """Read the records by id (2,000 a call) or by the external id (200 a query)."""
        held: dict[str, Held] = {}
        by_id = self._key == "Id"
        keys = [change.key for change in changes if not by_id or ID.fullmatch(change.key)]
        size = READ_ROWS if by_id else COLLECTION_ROWS
        for start in range(0, len(keys), size):
            part = keys[start : start + size]
            records = self._by_id(part, fields) if by_id else self._by_external_id(part, fields)
            for key, record in records.items():
                held[key] = Held(record["Id"], {name: record.get(name) for name in fields})
        return held

    def _by_id(self, keys: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Records in the order of the ids, null for one that is not there: an id of 15 characters
        is answered by one of 18."""
        answer = self._api.call(
            "POST",
            f"/composite/sobjects/{self._object}",
            idempotent=True,
            json={"ids": list(keys), "fields": list(dict.fromkeys(["Id", *fields]))},
        )
        with reading("Salesforce", answer):
            pairs = zip(keys, answer.json(), strict=True)
            return {key: record for key, record in pairs if record is not None}

    def _by_external_id(
        self, keys: Sequence[str], fields: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Records by their key; most external ids don't mind case, and are shown as they were
        written first."""
        wanted = ", ".join(dict.fromkeys(["Id", self._key, *fields]))
        select = f"SELECT {wanted} FROM {self._object}"  # noqa: S608 (API names)
        query = format_soql(f"{select} WHERE {self._key} IN {{keys}}", keys=list(keys))
        answer = self._api.call("GET", "/query", params={"q": query})
        with reading("Salesforce", answer):
            exact = {str(record[self._key]): record for record in answer.json()["records"]}
        asked = set(keys)
        others = {name.lower(): record for name, record in exact.items() if name not in asked}
        found = {key: exact.get(key) or others.get(key.lower()) for key in keys}
        return {key: record for key, record in found.items() if record is not None}

    def _write(self, changes: Sequence[Change]) -> list[RowResult]:
        records = [
            {
                "attributes": {"type": self._object},
                ("id" if self._key == "Id" else self._key): change.key,
                **{field: encode(value) for field, value in change.fields.items()},
            }
            for change in changes
        ]
        path = "/composite/sobjects"
        if self._key != "Id" and not self._creates:
            path += f"/{self._object}/{self._key}"
        answer = self._api.call(
            "POST" if self._creates else "PATCH",
            path,
            idempotent=True,
            headers=self._headers,
            json={"allOrNone": False, "records": records},
        )
        with reading("Salesforce", answer):
            results = _paired(changes, answer.json())
        return (
            [already_there(result, self._key) for result in results] if self._creates else results
        )

    def _delete(self, changes: Sequence[Change]) -> list[RowResult]:
        ids = [change.destination_id or change.key for change in changes]
        answer = self._api.call(
            "DELETE",
            "/composite/sobjects",
            idempotent=True,
            params={"ids": ",".join(ids), "allOrNone": "false"},
        )
        with reading("Salesforce", answer):
            results = _paired(changes, answer.json())
        return [
            RowResult(result.key, Outcome.DELIVERED) if result.code in GONE else result
            for result in results
        ]


def encode(value: Value) -> Value:
    """A value in a REST body: null clears; Salesforce keeps no empty text, so it clears as well."""
    return None if value == "" else value


def _says_not_available(batch: Batch) -> bool:
    """Whether a text is literally ``#N/A``, which a bulk file could not tell from null."""
    return any("#N/A" in change.fields.values() for change in batch.changes)


def _paired(changes: Sequence[Change], answers: Sequence[Mapping[str, Any]]) -> list[RowResult]:
    """Results come in the order of the rows."""
    if len(answers) != len(changes):
        raise ValueError(f"{len(answers)} answers for {len(changes)} rows")
    results = []
    for change, answer in zip(changes, answers, strict=True):
        if answer["success"]:
            results.append(RowResult(change.key, Outcome.DELIVERED, answer.get("id")))
            continue
        first = answer["errors"][0]
        code = first.get("statusCode") or first.get("errorCode")
        outcome = Outcome.RETRY if code == LOCKED else Outcome.REJECTED
        results.append(RowResult(change.key, outcome, code=code, message=first.get("message", "")))
    return results
