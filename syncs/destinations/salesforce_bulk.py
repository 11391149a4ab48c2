"""Bulk API 2.0 ingest: a job per batch, found again by its id.

Results come in another order than the rows and failed rows carry no id, so rows are matched by the
key column. A failed cell says ``CODE:message:fields --``.
"""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from headwater.errors import VendorRejectedError, VendorUnavailableError
from syncs.destination import ALREADY_THERE, Batch, Outcome, RowResult, Value
from syncs.destinations.answers import reading
from syncs.destinations.salesforce_api import LOCKED, SalesforceApi

CALLS_OF_A_MINIMAL_JOB = 5
FIRST_PAUSE_SECONDS = 0.2
PAUSE_GROWTH = 1.5
LONGEST_PAUSE_SECONDS = 10.0
PATIENCE_SECONDS = 3600.0
DUPLICATE = "DUPLICATE_VALUE"
OWNER = r"(?i:\b{key} duplicates value on record with id): *(?P<id>[0-9A-Za-z]{{15,18}})\b"
ERROR = re.compile(r"^(?P<code>[A-Z_]+):(?P<message>.*?)(?::(?P<fields>[^:]*?) ?--)?$", re.DOTALL)


def job_calls(rows: int, rows_per_job: int) -> int:
    """The least calls of the jobs for so many rows: create, upload, close, one look at the state,
    one kind of results (a job of which only a part failed is asked for both)."""
    return -(-rows // rows_per_job) * CALLS_OF_A_MINIMAL_JOB


class BulkJobs:
    """Ingest jobs for one object; ``operation`` is insert, update or upsert."""

    def __init__(
        self,
        api: SalesforceApi,
        sobject: str,
        key: str,
        operation: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._object = sobject
        self._key = key
        self._operation = operation
        self._sleep = sleep

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Create, upload, close, wait, read the results."""
        job: dict[str, str] = {
            "object": self._object,
            "operation": self._operation,
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        if self._operation == "upsert":
            job["externalIdFieldName"] = self._key
        answer = self._api.call("POST", "/jobs/ingest", json=job)
        with reading("Salesforce", answer):
            job_id = str(answer.json()["id"])
        remember(job_id)
        self._api.call(
            "PUT",
            f"/jobs/ingest/{job_id}/batches",
            headers={"Content-Type": "text/csv; charset=UTF-8"},
            data=encode(batch, self._key).encode(),
        )
        self._api.call(
            "PATCH", f"/jobs/ingest/{job_id}", idempotent=True, json={"state": "UploadComplete"}
        )
        return self._results(batch, job_id)

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """What became of a job: its results; or nothing happened, if it was never closed."""
        job_id = str(batch.handle)
        try:
            state = self._job(job_id)["state"]
        except VendorRejectedError as error:
            if error.status != 404:
                raise
            return _unsent(batch, "The job no longer exists; its rows are planned again.")
        if state == "Open":
            self._api.call(
                "PATCH", f"/jobs/ingest/{job_id}", idempotent=True, json={"state": "Aborted"}
            )
            return _unsent(batch, "The job was never started.")
        return self._results(batch, job_id)

    def _results(self, batch: Batch, job_id: str) -> list[RowResult]:
        job = self._wait(job_id)
        answers: dict[str, RowResult] = {}
        if job["numberRecordsProcessed"] > job["numberRecordsFailed"]:
            for key, record_id in self._read(job_id, "successfulResults", "sf__Id"):
                answers[key] = RowResult(key, Outcome.DELIVERED, record_id or None)
        if job["numberRecordsFailed"]:
            for key, error in self._read(job_id, "failedResults", "sf__Error"):
                refused = _refused(key, error)
                inserts = self._operation == "insert"
                answers[key] = already_there(refused, self._key) if inserts else refused
        if job["state"] == "Failed" and not answers:
            raise VendorRejectedError(
                f"Salesforce job {job_id} failed: {job.get('errorMessage', 'no reason given')}"
            )
        return [
            answers.get(
                change.key,
                RowResult(change.key, Outcome.UNSENT, code=job["state"],
                          message="Salesforce did not process this row of the job."),
            )
            for change in batch.changes
        ]  # fmt: skip

    def _wait(self, job_id: str) -> dict[str, Any]:
        pause, waited = FIRST_PAUSE_SECONDS, 0.0
        while waited < PATIENCE_SECONDS:
            job = self._job(job_id)
            if job["state"] in {"JobComplete", "Failed", "Aborted"}:
                return job
            self._sleep(pause)
            waited += pause
            pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
        raise VendorUnavailableError(
            f"Salesforce job {job_id} is not done after {PATIENCE_SECONDS:g} s.",
            next_step="It goes on at Salesforce; the next run asks for it by its id.",
        )

    def _job(self, job_id: str) -> dict[str, Any]:
        answer = self._api.call("GET", f"/jobs/ingest/{job_id}")
        with reading("Salesforce", answer):
            job: dict[str, Any] = answer.json()
            counted = {
                name: int(job.get(name) or 0)
                for name in ("numberRecordsProcessed", "numberRecordsFailed")
            }
            return {**job, **counted, "state": job["state"]}

    def _read(self, job_id: str, kind: str, column: str) -> list[tuple[str, str]]:
        """The key and one column of each result."""
        answer = self._api.call("GET", f"/jobs/ingest/{job_id}/{kind}")
        with reading("Salesforce", answer):
            text = io.StringIO(answer.content.decode("utf-8"), newline="")
            return [(row[self._key], row[column]) for row in csv.DictReader(text)]


def encode(batch: Batch, key: str) -> str:
    """The CSV of a batch: ``#N/A`` for null, an empty cell for a field that is left alone."""
    fields = sorted({field for change in batch.changes for field in change.fields})
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([key, *fields])
    for change in batch.changes:
        writer.writerow(
            [change.key, *(_cell(change.fields[f]) if f in change.fields else "" for f in fields)]
        )
    return text.getvalue()


def _cell(value: Value) -> str:
    if value is None or value == "":
        return "#N/A"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _refused(key: str, error: str) -> RowResult:
    found = ERROR.match(error)
    code = found["code"] if found else None
    message = found["message"] if found else error
    outcome = Outcome.RETRY if code == LOCKED else Outcome.REJECTED
    return RowResult(key, outcome, code=code, message=message.strip(" :-"))


def already_there(result: RowResult, key: str) -> RowResult:
    """Of an insert: refused because a record with this external id is there, so it is delivered
    (now or by an earlier call whose answer was lost) and left as it is."""
    if result.code != DUPLICATE:
        return result
    found = re.search(OWNER.format(key=re.escape(key)), result.message or "")
    if found is None:
        return result
    return replace(
        result, outcome=Outcome.DELIVERED, destination_id=found["id"], code=ALREADY_THERE
    )


def _unsent(batch: Batch, why: str) -> list[RowResult]:
    return [RowResult(change.key, Outcome.UNSENT, message=why) for change in batch.changes]
