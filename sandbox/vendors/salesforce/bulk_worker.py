"""Works off closed ingest jobs, one after the other, in chunks that commit with their results."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox.faults import Fault
from sandbox.vendors.salesforce import jobs, schema, values
from sandbox.vendors.salesforce.bulk_upload import Upload, UploadError, read_upload
from sandbox.vendors.salesforce.call import VENDOR, Org
from sandbox.vendors.salesforce.errors import ApiError, RowError
from sandbox.vendors.salesforce.incoming import NULL_CELL, from_cells, locked, refuse_rows
from sandbox.vendors.salesforce.jobs import Job
from sandbox.vendors.salesforce.records import Given, Outcome, Saver, external_key, refused_fields
from sandbox.vendors.salesforce.schema import Field, SObject

PARENTS = ("AccountId", "CampaignId", "OpportunityId", "WhatId")
_LOG = logging.getLogger(__name__)
_worker = ThreadPoolExecutor(1, thread_name_prefix="salesforce-bulk")


def submit(org: Org, job_id: str) -> None:
    """Queue a closed job."""
    _worker.submit(_work, org, job_id)


def _work(org: Org, job_id: str) -> None:
    try:
        job = jobs.get(org.store, "ingest", job_id)
        if job.state not in jobs.TERMINAL:
            _process(org, job)
    except ApiError:
        return  # the job was deleted meanwhile
    except Exception:
        _LOG.exception("The Bulk job %s broke off", job_id)
        raise


def _process(org: Org, job: Job) -> None:
    sobject = schema.objects()[job.body["object"].lower()]
    try:
        upload = read_upload(org.store, job)
        columns = _columns(sobject, job, upload)
    except UploadError as error:
        _finish(org, job, "Failed", str(error))
        return
    job.state = "InProgress"
    planned = job.body.get("faults", {})
    broken = planned.get("job_failed")
    last = len(upload.rows)
    if broken:
        last = min(last, int(broken["params"].get("after_rows", 0)))
    size = jobs.figures()["chunk_rows"]
    held: dict[str, int] = {}
    while job.body["processed"] < last:
        if jobs.get(org.store, "ingest", job.id).state == "Aborted":
            return
        start = job.body["processed"]
        chunk = upload.rows[start : min(start + size, last)]
        given = refuse_rows(
            [_row(sobject, job, columns, cells) for cells in chunk],
            locked=_fault(planned.get("locked_row")),
            failing=_fault(planned.get("partial_failure")),
        )
        if "parent_locks" in planned:
            given = _locked_out(org, sobject, given, held, start)
        with org.store.transaction():
            outcomes = _save(org, sobject, job, _resolved(org, columns, chunk, given))
            _keep(org, job, start, outcomes)
    message = str(broken["params"].get("message", "InternalServerError : failed")) if broken else ""
    _finish(org, job, "Failed" if broken else "JobComplete", message)


def _locked_out(
    org: Org, sobject: SObject, given: list[Given], held: dict[str, int], start: int
) -> list[Given]:
    """The rows of the chunk from ``start``, refused where another chunk has written to their
    parent; ``held`` is which chunk has which parent."""
    ids = [str(row["Id"]) for row in given if not isinstance(row, RowError) and row.get("Id")]
    stored = {row["Id"]: row for row in org.store.by_ids(sobject, "Id", ids)}
    result: list[Given] = []
    for row in given:
        if isinstance(row, RowError):
            result.append(row)
            continue
        whole = {**stored.get(str(row.get("Id")), {}), **row}
        parent = next((str(whole[name]) for name in PARENTS if whole.get(name)), None)
        free = parent is None or held.setdefault(parent, start) == start
        result.append(row if free else locked(parent))
    return result


def _fault(planned: dict[str, Any] | None) -> Fault | None:
    return Fault(VENDOR, "", planned["kind"], params=planned["params"]) if planned else None


def _columns(sobject: SObject, job: Job, upload: Upload) -> list[tuple[Field, Field | None]]:
    """Per column its field, and for ``Relation.Key`` the parent's field that finds the parent."""
    columns: list[tuple[Field, Field | None]] = []
    for name in upload.names:
        column = _column(sobject, name)
        if column is None:
            raise UploadError(f"InvalidBatch : Field name not found : {name}")
        columns.append(column)
    operation = job.body["operation"]
    names = {field.name for field, _ in columns}
    wanted = job.body["externalIdFieldName"] if operation == "upsert" else "Id"
    needed = sobject.field(wanted)
    if operation != "insert" and upload.names and needed and needed.name not in names:
        raise UploadError(f"InvalidBatch : Missing required header {needed.name}")
    if operation == "delete" and names - {"Id"}:
        raise UploadError("InvalidBatch : A delete may only have the column Id")
    return columns


def _column(sobject: SObject, name: str) -> tuple[Field, Field | None] | None:
    field = sobject.field(name)
    if field is not None:
        return field, None
    path = name.rpartition(":")[2]
    kind = name.rpartition(":")[0]
    relation_name, _, key_name = path.partition(".")
    relation = sobject.relation(relation_name)
    if relation is None or not key_name:
        return None
    parent = schema.find(kind or relation.to[0])
    if parent is None or parent.name not in relation.to:
        return None
    key = external_key(parent, key_name)
    return (relation, key) if key is not None else None


def _row(
    sobject: SObject, job: Job, columns: list[tuple[Field, Field | None]], cells: list[str]
) -> Given:
    row = from_cells([key or field for field, key in columns], cells)
    if isinstance(row, RowError):
        return row
    row = from_cells(
        [field for field, key in columns if key is None],
        [cell for (_, key), cell in zip(columns, cells, strict=True) if key is None],
    )
    if isinstance(row, RowError) or job.body["operation"] == "delete":
        return row
    is_new = job.body["operation"] == "insert"
    return refused_fields(sobject, list(row), is_new=is_new) or row


def _resolved(
    org: Org,
    columns: list[tuple[Field, Field | None]],
    chunk: list[list[str]],
    given: list[Given],
) -> list[Given]:
    """Fill references given by a key of the parent (``Owner.Email``)."""
    result = list(given)
    for position, (relation, key) in enumerate(columns):
        if key is None:
            continue
        wanted = {cells[position] for cells in chunk} - {"", NULL_CELL}
        parents = [
            schema.objects()[name.lower()]
            for name in relation.to
            if schema.objects()[name.lower()].field(key.name) is key
        ]
        found = {
            str(row[key.name]).casefold(): row["Id"]
            for parent in parents
            for row in org.store.by_ids(parent, key.name, sorted(wanted))
            if not row.get("IsDeleted")
        }
        for line, cells in enumerate(chunk):
            row, cell = result[line], cells[position]
            if isinstance(row, RowError) or cell == "":
                continue
            parent_id = found.get(cell.casefold())
            if cell != NULL_CELL and parent_id is None:
                result[line] = RowError(
                    "INVALID_FIELD",
                    f"Foreign key external ID: {cell} not found for field {key.name} in entity "
                    f"{parents[0].name}",
                )
            else:
                result[line] = {**row, relation.name: parent_id}
    return result


def _save(org: Org, sobject: SObject, job: Job, given: list[Given]) -> list[Outcome]:
    saver = Saver(org.store, job.body["createdById"])
    operation = job.body["operation"]
    if operation == "upsert":
        key = external_key(sobject, job.body["externalIdFieldName"])
        assert key is not None
        return saver.upsert(sobject, key, given)
    writes = {"insert": saver.insert, "update": saver.update, "delete": saver.delete}
    return writes[operation](sobject, given)


def _keep(org: Org, job: Job, start: int, outcomes: list[Outcome]) -> None:
    """Keep what became of the lines from ``start`` on, and how far the job is."""
    org.store.executemany(
        "insert into job_result values (?, ?, ?, ?, ?)",
        (
            (
                job.id,
                start + position,
                outcome.id,
                outcome.created,
                outcome.error.as_bulk() if outcome.error else None,
            )
            for position, outcome in enumerate(outcomes)
        ),
    )
    job.body["processed"] = start + len(outcomes)
    job.body["failed"] += sum(1 for outcome in outcomes if outcome.error)
    _store_progress(org, job)


def _finish(org: Org, job: Job, state: str, message: str = "") -> None:
    job.state = state
    if message:
        job.body["errorMessage"] = message
    _store_progress(org, job)


def _store_progress(org: Org, job: Job) -> None:
    """Write what the worker knows and leave the rest of the job as it is."""
    org.store.execute(
        "update job set state = ?, changed_at = ?, body = json_set(body, '$.processed', ?, "
        "'$.failed', ?, '$.errorMessage', ?) where id = ? and state <> 'Aborted'",
        (
            job.state,
            values.stamp(org.store.clock.now()),
            job.body["processed"],
            job.body["failed"],
            job.body.get("errorMessage"),
            job.id,
        ),
    )
