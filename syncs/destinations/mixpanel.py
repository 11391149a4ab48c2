"""Mixpanel: events into the accounts project through ``/import``.

An event is the same event when name, time, distinct id and ``$insert_id`` are the same, so sending
it again changes nothing. A 400 means that the valid events were stored.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import requests

from headwater.errors import SettingsError, VendorRejectedError
from headwater.http import ApiSession
from headwater.settings import Settings, load
from headwater.system_settings import MixpanelSettings
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    Batch,
    Capabilities,
    Change,
    Counts,
    Outcome,
    RowResult,
)
from syncs.destinations.answers import reading

BATCH_EVENTS = 2000
BATCH_BYTES = 2_000_000
"""Below the 2 MB of the older reference, which is right under either."""
BAD_REQUEST = 400


def connect(definition: Definition, settings: Settings) -> MixpanelDestination:
    """The destination of a definition."""
    return MixpanelDestination(definition, settings)


class MixpanelDestination:
    """The accounts project. Fields ``event``, ``time`` and ``distinct_id`` are required."""

    name = "mixpanel"
    capabilities = Capabilities(frozenset({Mode.APPEND}), frozenset({Removal.IGNORE}))

    def __init__(self, definition: Definition, settings: Settings) -> None:
        account = load(MixpanelSettings)
        if account.accounts_project_id is None:
            raise SettingsError(
                "MIXPANEL_ACCOUNTS_PROJECT_ID is missing.",
                next_step=f"Set it, or take {definition.name} out of HEADWATER_SYNCS.",
            )
        self._project = account.accounts_project_id
        self._session = ApiSession(
            "Mixpanel", str(account.import_base_url), settings, source="to mixpanel"
        )
        self._session.auth = (
            account.service_account_username,
            account.service_account_secret.get_secret_value(),
        )

    @property
    def calls(self) -> int:
        """API calls made so far."""
        return self._session.calls

    def check(self) -> None:
        """An import of no events proves service account and project."""
        self._import(b"[]")

    def batch_rows(self, rows: int) -> int:
        """2,000 events a call."""
        return BATCH_EVENTS

    def least_calls(self, counts: Counts) -> int:
        """``ceil(events / 2,000)``."""
        return -(-counts.total // BATCH_EVENTS)

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Import the events, in as many calls as the body limit asks for."""
        return self._send(batch.changes)

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Send it again: ``$insert_id`` makes it the same event."""
        return self.deliver(batch, lambda _handle: None)

    def _send(self, changes: Sequence[Change]) -> list[RowResult]:
        body = json.dumps([encode(change) for change in changes], ensure_ascii=False).encode()
        if len(body) > BATCH_BYTES and len(changes) > 1:
            middle = len(changes) // 2
            return self._send(changes[:middle]) + self._send(changes[middle:])
        response = self._import(body)
        with reading("Mixpanel", response):
            return _results(changes, response.json())

    def _import(self, body: bytes) -> requests.Response:
        response = self._session.call(
            "POST",
            "/import",
            idempotent=True,
            accept=(BAD_REQUEST,),
            params={"strict": "1", "project_id": str(self._project)},
            headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
            data=gzip.compress(body, compresslevel=1),
        )
        if response.status_code == BAD_REQUEST:
            with reading("Mixpanel", response):
                answer: dict[str, Any] = response.json()
                stored_the_rest = "failed_records" in answer
            if not stored_the_rest:
                raise VendorRejectedError(
                    f"Mixpanel import: {answer.get('error', response.text[:500])}",
                    status=BAD_REQUEST,
                    body=response.text[:2000],
                )
        return response


def _results(changes: Sequence[Change], answer: Mapping[str, Any]) -> list[RowResult]:
    """Failed records by their place in the batch; raises ValueError if the figures do not add up:
    what became of the events is not known then, and sending them again is safe."""
    failed = {int(item["index"]): item for item in answer.get("failed_records", ())}
    imported = int(answer["num_records_imported"])
    if imported + len(failed) != len(changes) or not failed.keys() <= set(range(len(changes))):
        raise ValueError(f"{len(changes)} events sent, {imported} imported, {len(failed)} failed")
    return [
        RowResult(
            change.key,
            Outcome.REJECTED,
            code=str(failed[index]["field"]),
            message=str(failed[index]["message"]),
        )
        if index in failed
        else RowResult(change.key, Outcome.DELIVERED)
        for index, change in enumerate(changes)
    ]


def encode(change: Change) -> dict[str, Any]:
    """An event as ``/import`` takes it; ``time`` in milliseconds since 1970, UTC."""
    fields = dict(change.fields)
    event = fields.pop("event")
    at = datetime.fromisoformat(str(fields.pop("time")))
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return {
        "event": event,
        "properties": {
            "time": round(at.timestamp() * 1000),
            "distinct_id": fields.pop("distinct_id"),
            "$insert_id": change.key,
            **{name: value for name, value in fields.items() if value is not None},
        },
    }
