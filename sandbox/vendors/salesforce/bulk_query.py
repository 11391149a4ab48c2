"""Bulk API 2.0 query: a job whose whole result is written once and read by locator.

The rows are turned into CSV lines by SQLite itself; beside the file of lines lies the offset of
each, so that a page of any size is one read.
"""

from __future__ import annotations

import base64
import binascii
from array import array
from pathlib import Path

from starlette.responses import JSONResponse, Response

from sandbox.vendors.salesforce import jobs, soql, values
from sandbox.vendors.salesforce.call import Call
from sandbox.vendors.salesforce.errors import ApiError
from sandbox.vendors.salesforce.jobs import Job
from sandbox.vendors.salesforce.soql_sql import Column, Select, compile_query

_OPERATIONS = ("query", "queryAll")
_ROWS_AT_ONCE = 20_000
_CELLS_AT_ONCE = 100  # SQLite's functions take 127 arguments at most


def create(call: Call) -> Response:
    """``POST /jobs/query``: the SOQL is checked, and the result taken, at once."""
    body = call.json()
    operation = body.get("operation")
    if operation not in _OPERATIONS:
        raise jobs.invalid_job(f"Unsupported operation: {operation}")
    text = body.get("query")
    if not text:
        raise jobs.invalid_job("A query is required")
    select = _compiled(call, str(text), all_rows=operation == "queryAll")
    fault = call.fault("slow_job")
    broken = call.fault("job_failed")
    job = jobs.open_job(
        call,
        "query",
        "UploadComplete",
        {
            **jobs.read_format(body),
            "operation": operation,
            "object": select.sobject.name,
            "query": text,
            "polls_left": int(fault.params.get("polls", 1)) if fault else 0,
        },
    )
    if broken:
        job.body["errorMessage"] = str(broken.params.get("message", "InternalServerError : failed"))
        job.body["records"] = 0
    else:
        job.body["records"] = _write(call, job, select)
    jobs.save(call.store, job)
    return JSONResponse({**jobs.common(job), **_format(job)})


def _format(job: Job) -> dict[str, str]:
    return {name: job.body[name] for name in ("lineEnding", "columnDelimiter")}


def _compiled(call: Call, text: str, *, all_rows: bool) -> Select:
    query = soql.parse(text)
    select = compile_query(query, all_rows=all_rows, now=call.now)
    if select.aggregate or query.group_by:
        raise ApiError(
            400,
            "API_ERROR",
            "Aggregate Relationships not supported in Bulk V2 Query with CSV content type",
        )
    if query.offset is not None:
        raise ApiError(400, "API_ERROR", "OFFSET is not supported in Bulk V2 Query")
    if any(column.field.type == "address" for column in select.columns):
        raise ApiError(
            400,
            "FUNCTIONALITY_NOT_ENABLED",
            "Selecting compound data not supported in Bulk Query",
        )
    return select


def _write(call: Call, job: Job, select: Select) -> int:
    """Write header and rows; returns the number of rows."""
    cells = _line(job, select.columns)
    header = job.delimiter.join(f'"{".".join(column.path)}"' for column in select.columns)
    lines = call.store.tuples(select.sql([cells]), select.parameters)
    ending = job.line_ending.encode()
    offsets = array("Q")
    path = _file(call, job)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        at = file.write(header.encode() + ending)
        offsets.append(at)
        for start in range(0, len(lines), _ROWS_AT_ONCE):
            encoded = [line[0].encode() + ending for line in lines[start : start + _ROWS_AT_ONCE]]
            for line in encoded:
                at += len(line)
                offsets.append(at)
            file.write(b"".join(encoded))
    path.with_suffix(".offsets").write_bytes(offsets.tobytes())
    return len(lines)


def _line(job: Job, columns: list[Column]) -> str:
    """The SQL of a CSV line: ``%w`` doubles the quotes, and printf copies every cell once."""
    parts = []
    for start in range(0, len(columns), _CELLS_AT_ONCE):
        some = columns[start : start + _CELLS_AT_ONCE]
        pattern = job.delimiter.join(['"%w"'] * len(some))
        parts.append(f"printf('{pattern}', {', '.join(_cell(column) for column in some)})")
    return f" || '{job.delimiter}' || ".join(parts)


def _cell(column: Column) -> str:
    """The SQL of a cell's text."""
    sql = column.sql
    if column.field.type == "boolean":
        return f"case {sql} when 1 then 'true' when 0 then 'false' else '' end"
    if column.field.type == "datetime":
        return f"ifnull(substr({sql}, 1, 23) || 'Z', '')"
    return f"ifnull({sql}, '')"


def _file(call: Call, job: Job) -> Path:
    return call.store.folder / "bulk" / f"{job.id}.csv"


def info(call: Call) -> Response:
    """``GET /jobs/query/<id>``."""
    job = jobs.asked(call, "query")
    _move_on(call, job)
    return JSONResponse(_full(job))


def _move_on(call: Call, job: Job) -> None:
    """A poll finds the job done, unless a fault made it slow or broke it."""
    if job.state in jobs.TERMINAL:
        return
    if job.body["polls_left"] > 0:
        job.body["polls_left"] -= 1
        job.state = "InProgress"
    else:
        job.state = "Failed" if "errorMessage" in job.body else "JobComplete"
    job.changed_at = values.stamp(call.now)
    jobs.save(call.store, job)


def _full(job: Job) -> dict[str, object]:
    answer: dict[str, object] = {**jobs.common(job), **_format(job)}
    if job.state != "UploadComplete":
        answer |= {
            "jobType": "V2Query",
            "numberRecordsProcessed": job.body["records"] if job.state == "JobComplete" else 0,
            "retries": 0,
            "totalProcessingTime": 0,
        }
    if job.state == "Failed":
        answer["errorMessage"] = job.body["errorMessage"]
    return answer


def listing(call: Call) -> Response:
    """``GET /jobs/query``."""
    found = [_full(job) for job in jobs.all_of(call.store, "query")]
    return JSONResponse({"done": True, "nextRecordsUrl": None, "records": found})


def results(call: Call) -> Response:
    """``GET /jobs/query/<id>/results``: a page of CSV; the last locator is the word ``null``."""
    job = jobs.asked(call, "query")
    _move_on(call, job)
    if job.state != "JobComplete":
        raise ApiError(
            400, "JOB_NOT_COMPLETE", f"The results of a job in state {job.state} cannot be read"
        )
    start = _offset(call.query_parameter("locator"), job)
    rows = jobs.figures()["result_page_rows"]
    asked = call.query_parameter("maxRecords")
    if asked is not None:
        if not asked.isdigit() or int(asked) < 1:
            raise ApiError(400, "INVALID_ARGUMENT", f"maxRecords is not a number: {asked}")
        rows = min(rows, int(asked))
    if fault := call.fault("small_page"):
        rows = min(rows, int(fault.params.get("rows", 1)))
    end = min(start + rows, job.body["records"])
    path = _file(call, job)
    offsets = array("Q")
    offsets.frombytes(path.with_suffix(".offsets").read_bytes())
    with path.open("rb") as file:
        header = file.read(offsets[0])
        file.seek(offsets[start])
        content = header + file.read(offsets[end] - offsets[start])
    locator = "null" if end >= job.body["records"] else _locator(end)
    return Response(
        content,
        media_type="text/csv",
        headers={"Sforce-Locator": locator, "Sforce-NumberOfRecords": str(end - start)},
    )


def _locator(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).decode().rstrip("=")


def _offset(locator: str | None, job: Job) -> int:
    if not locator:
        return 0
    try:
        padded = locator + "=" * (-len(locator) % 4)
        offset = int(base64.urlsafe_b64decode(padded))
    except (binascii.Error, ValueError):
        offset = -1
    if not 0 <= offset <= job.body["records"]:
        raise ApiError(400, "INVALID_QUERY_LOCATOR", f"invalid query locator: {locator}")
    return offset


def abort(call: Call) -> Response:
    """``PATCH /jobs/query/<id>`` with ``{"state": "Aborted"}``."""
    job = jobs.asked(call, "query")
    state = call.json().get("state")
    if state != "Aborted":
        raise jobs.invalid_state(f"A query job cannot be put into state {state}")
    if job.state in jobs.TERMINAL:
        raise jobs.invalid_state(f"Aborting already {job.state} Job not allowed")
    job.state, job.changed_at = "Aborted", values.stamp(call.now)
    jobs.save(call.store, job)
    return JSONResponse(_full(job))


def delete(call: Call) -> Response:
    """``DELETE /jobs/query/<id>``: 204, in a terminal state only."""
    job = jobs.asked(call, "query")
    if job.state not in jobs.TERMINAL:
        raise jobs.invalid_state(f"Deleting a Job in state {job.state} not allowed")
    call.store.execute("delete from job where id = ?", (job.id,))
    path = _file(call, job)
    path.unlink(missing_ok=True)
    path.with_suffix(".offsets").unlink(missing_ok=True)
    return Response(status_code=204)
