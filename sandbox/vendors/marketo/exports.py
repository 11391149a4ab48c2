"""``/bulk/v1/{leads,activities,program/members}/export``: jobs that make a CSV file."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import uuid
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import PlainTextResponse, Response

from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Refusal
from sandbox.vendors.marketo.answers import envelope, refused, stamp
from sandbox.vendors.marketo.lead_fields import known
from sandbox.vendors.marketo.programs import MEMBER_FIELDS
from sandbox.vendors.marketo.store import Record, Store
from sandbox.vendors.rate_window import vendor_seconds

MAX_SPAN = timedelta(days=31)
MAX_PROCESSING, MAX_QUEUED, MAX_PROGRAMS = 2, 10, 10
MEMBERS = "program/members"
KEPT = timedelta(days=7)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:?\d\d)")
DELIMITERS = {"CSV": ",", "TSV": "\t", "SSV": ";"}
ACTIVITY_FIELDS = (
    "marketoGUID",
    "leadId",
    "activityDate",
    "activityTypeId",
    "campaignId",
    "primaryAttributeValueId",
    "primaryAttributeValue",
    "attributes",
)


class Exports:
    """The export jobs of a store."""

    def __init__(self, store: Store, faults: FaultPlan) -> None:
        self._store = store
        self._faults = faults

    def create(self, call: Call) -> Response:
        """Make a job; it does nothing before it is queued."""
        entity = _entity(call)
        try:
            body = call.json()
        except ValueError:
            raise refused(609, "Invalid JSON") from None
        fields = body.get("fields") or []
        if entity == "leads":
            if not fields:
                raise refused(1002, "Missing value for required parameter 'fields'")
            known(fields)
        if entity == MEMBERS:
            fields = self._member_fields(fields, body.get("filter") or {})
        file_format = body.get("format", "CSV")
        if file_format not in DELIMITERS:
            raise refused(1003, f"Invalid format '{file_format}'")
        job: Record = {
            "exportId": str(uuid.uuid4()),
            "status": "Created",
            "createdAt": stamp(self._store.clock.now()),
            "format": file_format,
            "entity": entity,
            "fields": fields or list(ACTIVITY_FIELDS),
            "headers": body.get("columnHeaderNames") or {},
            "filter": self._filter(entity, body.get("filter") or {}),
            "moved": vendor_seconds(self._store.clock),
        }
        self._store.exports.put(job["exportId"], job)
        return envelope([_shown(job)])

    def _member_fields(self, fields: list[str], given: Record) -> list[str]:
        """The fields asked for; those of several programs begin with the program's id."""
        if not fields:
            raise refused(1002, "Missing value for required parameter 'fields'")
        known([name for name in fields if name not in MEMBER_FIELDS])
        rest = [name for name in fields if name != "programId"]
        return ["programId", *rest] if "programIds" in given else fields

    def _programs(self, given: Record) -> Record:
        ids = given.get("programIds", [given["programId"]] if "programId" in given else [])
        if ("programId" in given) == ("programIds" in given) or not 0 < len(ids) <= MAX_PROGRAMS:
            raise refused(1003, f"Either programId or up to {MAX_PROGRAMS} programIds are required")
        missing = [each for each in ids if self._store.programs.get(int(each)) is None]
        if missing:
            raise refused(1003, f"Program '{missing[0]}' not found")
        if "updatedAt" in given:
            raise refused(1035, "Unsupported filter type for target subscription: updatedAt")
        return {"programs": [int(each) for each in ids]}

    def _filter(self, entity: str, given: Record) -> Record:
        if entity == MEMBERS:
            return self._programs(given)
        dated = [name for name in given if name in {"createdAt", "updatedAt"}]
        if entity == "leads" and len(given) != 1:
            raise refused(1003, "Exactly one filter type is allowed")
        if len(dated) != 1 or (entity == "activities" and dated != ["createdAt"]):
            raise refused(1003, "A createdAt filter is required")
        if dated == ["updatedAt"] and not self._store.has_updated_at_filter:
            raise refused(1035, "Unsupported filter type for target subscription: updatedAt")
        window = given[dated[0]]
        for name in ("startAt", "endAt"):
            if not MOMENT.fullmatch(str(window.get(name, ""))):
                raise refused(1003, f"Invalid value '{window.get(name)}' for {name}")
        start, end = (datetime.fromisoformat(window[name]) for name in ("startAt", "endAt"))
        if not timedelta(0) <= end - start <= MAX_SPAN:
            raise refused(1003, "Date range must not be greater than 31 days")
        return {
            "field": dated[0],
            "start": stamp(start),
            "end": stamp(end),
            "types": given.get("activityTypeIds") or [],
        }

    def enqueue(self, call: Call) -> Response:
        """Put a created job into the queue, if that and the day's quota allow."""
        with self._store.db.transaction():
            self._progress()
            job = self._found(call)
            if job["status"] != "Created":
                raise refused(1029, "Job already queued")
            live = [
                each
                for each in self._store.exports.select()
                if each["status"] in {"Queued", "Processing"}
            ]
            if len(live) >= MAX_QUEUED or self._faults.take("marketo", call.path, "queue_full"):
                raise refused(1029, "Too many jobs in queue")
            quota = self._faults.take("marketo", call.path, "export_quota") is not None
            if quota or self._bytes_today() >= self._store.daily_export_bytes:
                raise refused(1029, "Export daily quota 500MB exceeded")
            job |= {"status": "Queued", "queuedAt": stamp(self._store.clock.now())}
            job["moved"] = vendor_seconds(self._store.clock)
            self._store.exports.put(job["exportId"], job)
        return envelope([_shown(job)])

    def status(self, call: Call) -> Response:
        """Where a job stands; it moves one step at a time, at most once a minute."""
        with self._store.db.transaction():
            self._progress()
            job = self._found(call)
        return envelope([_shown(job)])

    def cancel(self, call: Call) -> Response:
        """Stop a job that has not ended."""
        with self._store.db.transaction():
            job = self._found(call)
            if job["status"] in {"Completed", "Failed"}:
                raise refused(709, f"Cannot cancel a job that is {job['status']}")
            job["status"] = "Cancelled"
            self._store.exports.put(job["exportId"], job)
        return envelope([_shown(job)])

    def listing(self, call: Call) -> Response:
        """All jobs of this kind, newest last."""
        with self._store.db.transaction():
            self._progress()
        wanted = call.query.get("status")
        jobs = [
            job
            for job in self._store.exports.select(order="document ->> '$.createdAt', key")
            if job["entity"] == _entity(call) and (not wanted or job["status"] in wanted.split(","))
        ]
        return envelope([_shown(job) for job in jobs])

    def file(self, call: Call) -> Response:
        """The file, whole or by range; 404 as plain text while there is none."""
        with self._store.db.transaction():
            self._progress()
        job = self._store.exports.get(call.params["export_id"])
        expired = job is not None and datetime.fromisoformat(job["createdAt"]) + KEPT < (
            self._store.clock.now()
        )
        missing = self._faults.take("marketo", call.path, "file_missing") is not None
        if job is None or job["status"] != "Completed" or expired or missing:
            raise Refusal(PlainTextResponse("404 Not Found", 404))
        content: bytes = job["file"].encode()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("range", ""))
        if not asked:
            return Response(content, media_type="text/csv")
        first = int(asked[1])
        last = min(int(asked[2] or len(content) - 1), len(content) - 1)
        if first > last:
            raise Refusal(PlainTextResponse("416 Range Not Satisfiable", 416))
        headers = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
        return Response(content[first : last + 1], 206, headers, "text/csv")

    def _found(self, call: Call) -> Record:
        job = self._store.exports.get(call.params["export_id"])
        if job is None or job["entity"] != _entity(call):
            raise refused(1013, f"Export job {call.params['export_id']} not found")
        return job

    def _progress(self) -> None:
        """Let queued and processing jobs move on, as far as the time that has passed lets them."""
        while self._step():
            pass

    def _step(self) -> bool:
        """One step of every job whose time has come; whether there was one."""
        step = self._store.export_step_seconds
        now = vendor_seconds(self._store.clock)
        jobs = self._store.exports.select(
            "document ->> '$.status' in ('Queued', 'Processing')",
            order="document ->> '$.queuedAt', key",
        )
        processing = sum(job["status"] == "Processing" for job in jobs)
        moved = False
        for job in jobs:
            if now - job["moved"] < step:
                continue
            if job["status"] == "Processing":
                processing -= 1
                job |= {**self._made(job), "finishedAt": stamp(self._store.clock.now())}
                job["status"] = "Completed"
            elif processing < MAX_PROCESSING:
                processing += 1
                job |= {"status": "Processing", "startedAt": stamp(self._store.clock.now())}
            else:
                continue
            job["moved"] += step
            self._store.exports.put(job["exportId"], job)
            moved = True
        return moved

    def _rows(self, job: Record) -> list[Record]:
        chosen, leads = job["filter"], job["entity"] == "leads"
        if job["entity"] == MEMBERS:
            marks = ", ".join("?" for _ in chosen["programs"])
            return [
                {**(self._store.leads.get(member["leadId"]) or {}), **member}
                for member in self._store.members.select(
                    f"document ->> '$.programId' in ({marks})", chosen["programs"]
                )
            ]
        table = self._store.leads if leads else self._store.activities
        column = chosen["field"] if leads else "activityDate"
        rows = table.select(
            "document ->> ? >= ? and document ->> ? <= ?",
            (f"$.{column}", chosen["start"], f"$.{column}", chosen["end"]),
        )
        types = set(chosen["types"])
        return [row for row in rows if not types or row["activityTypeId"] in types]

    def _made(self, job: Record) -> Record:
        rows = self._rows(job)
        text = io.StringIO()
        writer = csv.writer(text, delimiter=DELIMITERS[job["format"]], lineterminator="\n")
        writer.writerow([job["headers"].get(name, name) for name in job["fields"]])
        writer.writerows([[_cell(row, name) for name in job["fields"]] for row in rows])
        content = text.getvalue()
        return {
            "file": content,
            "numberOfRecords": len(rows),
            "fileSize": len(content.encode()),
            "fileChecksum": f"sha256:{hashlib.sha256(content.encode()).hexdigest()}",
        }

    def _bytes_today(self) -> int:
        today = self._store.clock.now().date().isoformat()
        return sum(
            job["fileSize"]
            for job in self._store.exports.select()
            if job.get("finishedAt", "").startswith(today)
        )


def _entity(call: Call) -> str:
    return call.path.removeprefix("/bulk/v1/").partition("/export")[0]


def _cell(row: Record, name: str) -> Any:
    value = row.get(name)
    if name == "attributes":
        return json.dumps({each["name"]: each["value"] for each in row.get("attributes", ())})
    if value is None or value == "":
        return "null"
    return str(value).lower() if isinstance(value, bool) else value


def _shown(job: Record) -> Record:
    hidden = {"entity", "fields", "headers", "filter", "moved", "file"}
    return {name: value for name, value in job.items() if name not in hidden}
