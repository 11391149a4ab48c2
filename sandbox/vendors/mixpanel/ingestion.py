"""``/import`` and ``/track``: events that come in."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import FORM, Call, Refusal
from sandbox.vendors.mixpanel.access import Access, ingestion_error
from sandbox.vendors.mixpanel.event_rules import refusal, time_in_seconds
from sandbox.vendors.mixpanel.store import Store

MAX_EVENTS = 2000
MAX_BYTES = 2 * 1024 * 1024


class Ingestion:
    """The ingestion of events into one store."""

    def __init__(
        self, store: Store, clock: VirtualClock, faults: FaultPlan, access: Access
    ) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._access = access

    def import_events(self, call: Call) -> Response:
        """Answer one ``/import``: JSON array, newline-delimited JSON, or the libraries' form."""
        project_id = self._access.import_project(call)
        body = _unpacked(call)
        if call.media_type() == FORM:
            return self._import_form(project_id, call)
        events = _parsed(call, body)
        if len(events) > MAX_EVENTS:
            raise Refusal(
                ingestion_error(
                    413,
                    f"request exceeds max limit of {MAX_EVENTS} events",
                    "Request Entity Too Large",
                )
            )
        failed = self._import(project_id, call, events)
        imported = len(events) - len(failed)
        if failed and call.query.get("strict", "1") != "0":
            return ingestion_error(
                400,
                "some data points in the request failed validation",
                "Bad Request",
                num_records_imported=imported,
                failed_records=failed,
            )
        return JSONResponse({"code": 200, "num_records_imported": imported, "status": "OK"})

    def _import_form(self, project_id: int, call: Call) -> Response:
        data = form_data(call)
        events = data if isinstance(data, list) else [data]
        failed = self._import(project_id, call, events)
        error = failed[0]["message"] if failed else None
        return verdict(call, error)

    def _import(self, project_id: int, call: Call, events: list[Any]) -> list[dict[str, Any]]:
        """Store the good events and return the failed records."""
        now = self._clock.now()
        fault = self._faults.take("mixpanel", call.path, "partial_failure")
        params = fault.params if fault else {}
        every, named = int(params.get("every_nth", 0)), set(params.get("keys", ()))
        accepted, failed = [], []
        for index, event in enumerate(events):
            wrong = refusal(event, now)
            insert_id = _insert_id(event)
            if wrong is None and (
                (every and (index + 1) % every == 0) or (insert_id and insert_id in named)
            ):
                wrong = ("event", str(params.get("message", "'event' is invalid: refused")))
            if wrong is None:
                properties = dict(event["properties"])
                properties.pop("token", None)
                properties["time"] = time_in_seconds(properties["time"])
                accepted.append({"event": event["event"], "properties": properties})
            else:
                field, message = wrong
                failed.append(
                    {"index": index, "insert_id": insert_id, "field": field, "message": message}
                )
        if accepted:
            self._store.add_events(project_id, accepted)
        return failed

    def track(self, call: Call) -> Response:
        """Answer one ``/track``: the project is named by the token inside each event."""
        data = form_data(call)
        now = self._clock.now()
        by_project: dict[int, list[dict[str, Any]]] = {}
        for event in data if isinstance(data, list) else [data]:
            if not isinstance(event, dict) or not isinstance(event.get("properties"), dict):
                return verdict(call, "data, missing or empty")
            properties = dict(event["properties"])
            project_id = self._access.project_by_token(properties.pop("token", None))
            if project_id is None:
                return verdict(call, "token, missing or empty")
            if not event.get("event"):
                return verdict(call, "event, missing or empty")
            seconds = time_in_seconds(properties.get("time", now.timestamp()))
            if seconds is None:
                return verdict(call, "time, invalid")
            properties["time"] = seconds
            by_project.setdefault(project_id, []).append(
                {"event": event["event"], "properties": properties}
            )
        for project_id, events in by_project.items():
            self._store.add_events(project_id, events)
        return verdict(call, None)


def form_data(call: Call) -> Any:
    """The payload of the older endpoints: field ``data`` of a form, or a JSON body."""
    text = call.form().get("data", "") if call.media_type() == FORM else call.body.decode()
    try:
        return json.loads(text)
    except ValueError:
        raise Refusal(verdict(call, "data, missing or empty")) from None


def verdict(call: Call, error: str | None) -> Response:
    """The answer of the older endpoints: 200, with the truth in the body."""
    status = 0 if error else 1
    verbose = call.query.get("verbose") or call.form_or_empty().get("verbose")
    if verbose == "1":
        return JSONResponse({"status": status, "error": error})
    return PlainTextResponse(str(status))


def _unpacked(call: Call) -> bytes:
    body = call.body
    if call.headers.get("content-encoding", "").lower() == "gzip":
        try:
            body = gzip.decompress(body)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise Refusal(
                ingestion_error(400, "request body is not valid gzip", "Bad Request")
            ) from None
    if len(body) > MAX_BYTES:
        raise Refusal(
            ingestion_error(
                413, f"request exceeds max limit of {MAX_BYTES} bytes", "Request Entity Too Large"
            )
        )
    return body


def _parsed(call: Call, body: bytes) -> list[Any]:
    try:
        if call.media_type() == "application/x-ndjson":
            return [json.loads(line) for line in body.splitlines() if line.strip()]
        events = json.loads(body)
    except ValueError as error:
        raise Refusal(
            ingestion_error(400, f"unable to parse request body: {error}", "Bad Request")
        ) from None
    if not isinstance(events, list):
        raise Refusal(
            ingestion_error(400, "request body must be a JSON array of events", "Bad Request")
        )
    return events


def _insert_id(event: Any) -> str:
    properties = event.get("properties") if isinstance(event, dict) else None
    value = properties.get("$insert_id") if isinstance(properties, dict) else None
    return value if isinstance(value, str) else ""
