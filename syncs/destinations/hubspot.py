"""HubSpot: batch upsert by a unique property, with a trace id per row.

Trace ids make one bad row a 207 with that row's error instead of a 400 for all. Results come in
another order and with e-mails in lower case, so rows are matched by trace id or by the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests

from headwater.allowance import Allowance
from headwater.http import ApiSession
from headwater.hubspot_day import day_is_used_up
from headwater.settings import Settings, load
from headwater.system_settings import HubSpotSettings
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

BATCH_ROWS = 100
CALLS_PER_SECOND, WINDOW_SECONDS = 10, 10
"""100 calls per 10 seconds is the limit of the smallest HubSpot edition."""
AT_ONCE = 5
"""Calls under way together: at half a second each they reach the limit of ten calls a second."""
GONE = "OBJECT_NOT_FOUND"


def connect(definition: Definition, settings: Settings) -> HubSpotDestination:
    """The destination of a definition."""
    return HubSpotDestination(definition, settings)


def open_session(settings: Settings) -> ApiSession:
    """Calls of the portal whose token is in the settings."""
    account = load(HubSpotSettings)
    token = account.access_token
    return ApiSession(
        "HubSpot",
        str(account.base_url),
        settings,
        calls_per_second=CALLS_PER_SECOND,
        window_seconds=WINDOW_SECONDS,
        source="to hubspot",
        token=lambda _renew: f"Bearer {token.get_secret_value()}",
        refused=_refused,
        allowance=Allowance("HubSpot", account.api_share, "HUBSPOT_API_SHARE"),
    )


class HubSpotDestination:
    """One object type of a portal; ``key.field`` is a property with unique values."""

    name = "hubspot"
    capabilities = Capabilities(
        frozenset({Mode.UPSERT}),
        frozenset({Removal.IGNORE, Removal.CLEAR}),
    )

    def __init__(self, definition: Definition, settings: Settings) -> None:
        self._session = open_session(settings)
        self._path = f"/crm/v3/objects/{definition.object}"
        self._properties = f"/crm/v3/properties/{definition.object}"
        self._key = definition.key.field

    @property
    def calls(self) -> int:
        """API calls made so far."""
        return self._session.calls

    def check(self) -> Mapping[str, FieldInfo]:
        """See that the token works, and read the properties there are."""
        answer = self._session.call("GET", self._properties)
        with reading("HubSpot", answer):
            return {item["name"]: _field(item) for item in answer.json()["results"]}

    def batch_rows(self, rows: int) -> int:
        """100 inputs a call."""
        return BATCH_ROWS

    def at_once(self, batch_rows: int) -> int:
        """As many calls as the rate allows, however long each takes."""
        return AT_ONCE

    def least_calls(self, counts: Counts) -> int:
        """``ceil(n / 100)`` per operation, and as many reads where a look before is needed."""
        parts = (counts.created, counts.updated, counts.removed, counts.to_read)
        return sum(-(-rows // BATCH_ROWS) for rows in parts)

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Upsert one batch; who is cleared is only updated, never made."""
        clears = batch.changes[0].operation is Operation.REMOVE
        answer = self._session.call(
            "POST",
            f"{self._path}/batch/{'update' if clears else 'upsert'}",
            idempotent=True,
            json={"inputs": [self._input(change) for change in batch.changes]},
        )
        with reading("HubSpot", answer):
            return self._results(batch.changes, answer.json(), gone_is_done=clears)

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Send it again: an upsert of the same values changes nothing twice."""
        return self.deliver(batch, lambda _handle: None)

    def current(self, changes: Sequence[Change], fields: Sequence[str]) -> Mapping[str, Held]:
        """Read the records of these keys; those that do not exist are left out."""
        held: dict[str, Held] = {}
        for start in range(0, len(changes), BATCH_ROWS):
            part = changes[start : start + BATCH_ROWS]
            answer = self._session.call(
                "POST",
                f"{self._path}/batch/read",
                idempotent=True,
                json={
                    "idProperty": self._key,
                    "properties": [self._key, *fields],
                    "inputs": [{"id": change.key} for change in part],
                },
            )
            with reading("HubSpot", answer):
                found = {self._key_of(item): item for item in answer.json()["results"]}
                for change in part:
                    record = found.get(change.key.lower())
                    if record is not None:
                        held[change.key] = Held(
                            record["id"], {name: record["properties"].get(name) for name in fields}
                        )
        return held

    def _input(self, change: Change) -> dict[str, Any]:
        return {
            "id": change.key,
            "idProperty": self._key,
            "objectWriteTraceId": change.token,
            "properties": {name: encode(value) for name, value in change.fields.items()},
        }

    def _key_of(self, record: Mapping[str, Any]) -> str:
        return str(record.get("properties", {}).get(self._key) or "").lower()

    def _results(
        self, changes: Sequence[Change], answer: Mapping[str, Any], *, gone_is_done: bool
    ) -> list[RowResult]:
        errors: dict[str, Mapping[str, Any]] = {}
        for error in answer.get("errors", ()):
            for trace in error.get("context", {}).get("objectWriteTraceId", ()):
                errors[trace] = error
        ids = {self._key_of(item): str(item["id"]) for item in answer["results"]}
        traced = {
            item["objectWriteTraceId"]: str(item["id"])
            for item in answer["results"]
            if "objectWriteTraceId" in item
        }
        # A row without an error was written, also where its contact answers to another address.
        written = len(answer["results"]) == len(changes) - len(errors)
        results = []
        for change in changes:
            error = errors.get(change.token, {})
            found = traced.get(change.token) or ids.get(change.key.lower())
            code = error.get("category")
            if error and not (gone_is_done and code == GONE):
                results.append(
                    RowResult(change.key, Outcome.REJECTED, code=code,
                              message=str(error.get("message", "")))
                )  # fmt: skip
            elif error or found or written:
                results.append(RowResult(change.key, Outcome.DELIVERED, found))
            else:
                results.append(RowResult(change.key, Outcome.UNKNOWN))
        return results


def _refused(response: requests.Response) -> Exception | None:
    return day_is_used_up(
        response,
        "The rows stay owed and go out after midnight in the account's time zone.",
    )


def _field(item: Mapping[str, Any]) -> FieldInfo:
    options = ",".join(sorted(option["value"] for option in item.get("options") or ()))
    writable = not (item.get("modificationMetadata") or {}).get("readOnlyValue", False)
    return FieldInfo(f"{item['type']}({options})", writable, writable)


def encode(value: Value) -> str:
    """A property value: always text; ``""`` clears, so null and empty text are one here."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
