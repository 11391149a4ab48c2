"""Bulk API 2.0 ingest: a job is opened, one CSV is uploaded, the job is closed and then worked off.

The work happens in one thread beside the server (``bulk_worker``); what became of each line is
kept in the store, and the result files are put together when they are asked for.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from hashlib import md5
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.salesforce import bulk_worker, jobs, schema, values
from sandbox.vendors.salesforce.bulk_upload import Upload, UploadError, content_file, read_upload
from sandbox.vendors.salesforce.call import Call, Org
from sandbox.vendors.salesforce.errors import ApiError
from sandbox.vendors.salesforce.jobs import Job
from sandbox.vendors.salesforce.records import external_key

_OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
_PAGE = "batches"


def create(call: Call) -> Response:
    """``POST /jobs/ingest``: 200, ``Open``."""
    body = call.json()
    operation = body.get("operation")
    if operation not in _OPERATIONS:
        raise jobs.invalid_job(f"Unsupported operation: {operation}")
    if operation == "hardDelete":
        raise ApiError(
            400,
            "FEATURENOTENABLED",
            "FeatureNotEnabled : hardDelete operation requires special user profile permission, "
            "please contact your system administrator",
        )
    name = str(body.get("object", ""))
    sobject = schema.find(name)
    if sobject is None:
        raise ApiError(
            400,
            "INVALIDENTITY",
            f"InvalidEntity : Entity '{name}' is not supported by the Bulk API.",
        )
    key = body.get("externalIdFieldName")
    if operation == "upsert":
        if not key:
            raise jobs.invalid_job("InvalidJob : No external ID field specified for upsert")
        if external_key(sobject, str(key)) is None:
            raise jobs.invalid_job(
                f"InvalidJob : Field name provided, {key} does not match an External ID, "
                "Salesforce Id, or indexed field for " + sobject.name
            )
    job = jobs.open_job(
        call,
        "ingest",
        "Open",
        {
            **jobs.read_format(body),
            "operation": operation,
            "object": sobject.name,
            "externalIdFieldName": key,
            "processed": 0,
            "failed": 0,
        },
    )
    return JSONResponse(_open(call, job))


def _open(call: Call, job: Job) -> dict[str, Any]:
    answer = {
        **jobs.common(job),
        "lineEnding": job.body["lineEnding"],
        "columnDelimiter": job.body["columnDelimiter"],
        "contentUrl": f"{call.root.lstrip('/')}/jobs/ingest/{job.id}/{_PAGE}",
    }
    if job.body["externalIdFieldName"]:
        answer["externalIdFieldName"] = job.body["externalIdFieldName"]
    return answer


def upload(call: Call) -> Response:
    """``PUT /jobs/ingest/<id>/batches``: 201 without a body, once per job."""
    job = jobs.asked(call, "ingest")
    kind = (call.header("Content-Type") or "").split(";")[0].strip().lower()
    if kind != "text/csv":
        raise ApiError(
            415, "UNSUPPORTED_MEDIA_TYPE", f"The media type '{kind}' is not supported; use text/csv"
        )
    if job.body.get("uploaded"):
        raise ApiError(
            400,
            "CLIENTINPUTERROR",
            f"ClientInputError : Found multiple contents for job: <{job.id}>, please 'Close' / "
            "'Abort' / 'Delete' the current Job then create a new Job and make sure you only do "
            "'PUT' once on a given Job.",
        )
    if job.state != "Open":
        raise jobs.invalid_state(f"InvalidJobState : Job is in state {job.state}, not Open")
    most = jobs.figures()["upload_bytes"]
    if len(call.body) > most:
        raise ApiError(
            413,
            "CLIENTINPUTERROR",
            f"ClientInputError : Content is {len(call.body)} bytes; at most {most} are accepted",
        )
    path = content_file(call.store, job)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(call.body)
    job.body["uploaded"] = True
    jobs.save(call.store, job)
    return Response(status_code=201)


def change_state(call: Call) -> Response:
    """``PATCH /jobs/ingest/<id>``: close (``UploadComplete``) or abort (``Aborted``)."""
    job = jobs.asked(call, "ingest")
    state = call.json().get("state")
    if state not in {"UploadComplete", "Aborted"}:
        raise jobs.invalid_state(f"InvalidJobState : A job cannot be put into state {state}")
    if job.state in jobs.TERMINAL or (state == "UploadComplete" and job.state != "Open"):
        raise jobs.invalid_state(
            f"InvalidJobState : {'Closing' if state == 'UploadComplete' else 'Aborting'} already "
            f"{job.state} Job not allowed"
        )
    job.state, job.changed_at = state, values.stamp(call.now)
    if state == "UploadComplete":
        _plan_faults(call, job)
    jobs.save(call.store, job)
    answer = jobs.common(job)
    if state == "UploadComplete":
        bulk_worker.submit(call.org, job.id)
    return JSONResponse(answer)


def _plan_faults(call: Call, job: Job) -> None:
    """Keep with the job what the fault plan holds for it: the worker carries it out."""
    kinds = ("locked_row", "parent_locks", "partial_failure", "job_failed", "slow_job")
    taken = {kind: fault for kind in kinds if (fault := call.fault(kind))}
    job.body["faults"] = {
        kind: {"kind": kind, "params": fault.params} for kind, fault in taken.items()
    }
    slow = taken.get("slow_job")
    job.body["polls_left"] = int(slow.params.get("polls", 1)) if slow else 0


def info(call: Call) -> Response:
    """``GET /jobs/ingest/<id>``."""
    job = jobs.asked(call, "ingest")
    if job.body.get("polls_left", 0) > 0:
        call.store.execute(
            "update job set body = json_set(body, '$.polls_left', ?) where id = ?",
            (job.body["polls_left"] - 1, job.id),
        )
        job.state = "InProgress"
    return JSONResponse(_full(call, job))


def _full(call: Call, job: Job) -> dict[str, Any]:
    answer = {
        **_open(call, job),
        "jobType": "V2Ingest",
        "numberRecordsProcessed": job.body["processed"],
        "numberRecordsFailed": job.body["failed"],
        "retries": 0,
        "totalProcessingTime": 0,
        "apiActiveProcessingTime": 0,
        "apexProcessingTime": 0,
    }
    if job.state == "Failed":
        answer["errorMessage"] = job.body["errorMessage"]
    return answer


def listing(call: Call) -> Response:
    """``GET /jobs/ingest``."""
    found = [_full(call, job) for job in jobs.all_of(call.store, "ingest")]
    return JSONResponse({"done": True, "nextRecordsUrl": None, "records": found})


def delete(call: Call) -> Response:
    """``DELETE /jobs/ingest/<id>``: 204, in a terminal state only."""
    job = jobs.asked(call, "ingest")
    if job.state not in jobs.TERMINAL:
        raise jobs.invalid_state(f"InvalidJobState : Deleting a Job in state {job.state}")
    with call.store.transaction():
        call.store.execute("delete from job where id = ?", (job.id,))
        call.store.execute("delete from job_result where job_id = ?", (job.id,))
    content_file(call.store, job).unlink(missing_ok=True)
    return Response(status_code=204)


def successful(call: Call) -> Response:
    """``GET .../successfulResults``."""
    job = _finished(call)
    rows = call.store.tuples(
        "select line, record_id, created from job_result where job_id = ? and error is null",
        (job.id,),
    )
    cells = {line: (record_id, str(bool(created)).lower()) for line, record_id, created in rows}
    return _results(call, job, ("sf__Id", "sf__Created"), cells)


def failed(call: Call) -> Response:
    """``GET .../failedResults``; ``sf__Id`` is always empty."""
    job = _finished(call)
    rows = call.store.tuples(
        "select line, error from job_result where job_id = ? and error is not null", (job.id,)
    )
    return _results(call, job, ("sf__Id", "sf__Error"), {line: ("", error) for line, error in rows})


def unprocessed(call: Call) -> Response:
    """``GET .../unprocessedrecords``: the lines that were never tried, as they were."""
    job = _finished(call)
    tried = call.store.tuples("select line from job_result where job_id = ?", (job.id,))
    upload = _uploaded(call, job)
    left = sorted(set(range(len(upload.rows))) - {row[0] for row in tried})
    return _csv(job, [upload.header_line], (upload.rows[line] for line in left))


def _finished(call: Call) -> Job:
    job = jobs.asked(call, "ingest")
    if job.state not in jobs.TERMINAL or job.body.get("polls_left", 0) > 0:
        raise jobs.invalid_state(
            f"InvalidJobState : The results of a job in state {job.state} cannot be read"
        )
    return job


def _uploaded(call: Call, job: Job) -> Upload:
    try:
        return read_upload(call.store, job)
    except UploadError:
        path = content_file(call.store, job)
        text = path.read_text("utf-8", "replace") if path.exists() else ""
        header, *lines = text.splitlines() or [""]
        return Upload(header, [], [[line] for line in lines])


def _results(
    call: Call, job: Job, columns: tuple[str, str], cells: dict[int, tuple[str, str]]
) -> Response:
    """The lines in ``cells``, in an order of their own: results never come in input order."""
    upload = _uploaded(call, job)
    order = sorted(cells, key=lambda line: md5(f"{job.id}{line}".encode()).digest())
    header = job.delimiter.join([*(f'"{name}"' for name in columns), upload.header_line])
    return _csv(job, [header], ([*cells[line], *upload.rows[line]] for line in order))


def _csv(job: Job, head: list[str], rows: Iterable[list[str]]) -> Response:
    text = io.StringIO()
    for line in head:
        text.write(line + job.line_ending)
    writer = csv.writer(
        text, delimiter=job.delimiter, lineterminator=job.line_ending, quoting=csv.QUOTE_ALL
    )
    writer.writerows(rows)
    return Response(text.getvalue(), media_type="text/csv")


def resume(org: Org) -> None:
    """Hand the jobs that were closed but not finished to the worker."""
    for row in org.store.execute(
        "select id from job where kind = 'ingest' and state in ('UploadComplete', 'InProgress') "
        "order by created_at, id"
    ):
        bulk_worker.submit(org, row["id"])
