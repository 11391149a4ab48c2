"""Bulk API 2.0 jobs, of queries and of ingests: kept in the store, told apart by ``kind``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.vendors.salesforce import schema, values
from sandbox.vendors.salesforce.call import Call
from sandbox.vendors.salesforce.errors import ApiError, not_found
from sandbox.vendors.salesforce.store import Store

TERMINAL = frozenset({"JobComplete", "Failed", "Aborted"})
DELIMITERS = {
    "COMMA": ",",
    "TAB": "\t",
    "SEMICOLON": ";",
    "PIPE": "|",
    "CARET": "^",
    "BACKQUOTE": "`",
}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


@dataclass
class Job:
    """One job; ``body`` has what depends on its kind."""

    id: str
    kind: str
    api_version: float
    state: str
    created_at: str
    changed_at: str
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def delimiter(self) -> str:
        """The character between cells."""
        return DELIMITERS[self.body["columnDelimiter"]]

    @property
    def line_ending(self) -> str:
        """The characters between lines."""
        return LINE_ENDINGS[self.body["lineEnding"]]


def open_job(call: Call, kind: str, state: str, body: dict[str, Any]) -> Job:
    """Make a job and keep it."""
    now = values.stamp(call.now)
    job_id = call.store.new_ids("750", 1)[0]
    body = {**body, "createdById": call.user_id}
    job = Job(job_id, kind, float(call.version), state, now, now, body)
    save(call.store, job)
    return job


def save(store: Store, job: Job) -> None:
    """Keep a job's state and body."""
    store.execute(
        "insert or replace into job values (?, ?, ?, ?, ?, ?, ?)",
        (
            job.id,
            job.kind,
            job.api_version,
            job.state,
            job.created_at,
            job.changed_at,
            json.dumps(job.body),
        ),
    )


def get(store: Store, kind: str, job_id: str) -> Job:
    """A job by id. Raises ``NOT_FOUND``."""
    found = store.execute("select * from job where id = ? and kind = ?", (job_id, kind))
    if not found:
        raise not_found()
    row = found[0]
    return Job(**{**row, "body": json.loads(row["body"])})


def asked(call: Call, kind: str) -> Job:
    """The job named in the path. Raises ``NOT_FOUND``, or 409 for another API version."""
    job = get(call.store, kind, call.parameters["job"])
    if job.api_version != float(call.version):
        raise ApiError(
            409,
            "API_VERSION_MISMATCH",
            f"The job was created with API version {job.api_version}, not {call.version}",
        )
    return job


def all_of(store: Store, kind: str) -> list[Job]:
    """All jobs of a kind, oldest first."""
    rows = store.execute("select * from job where kind = ? order by created_at, id", (kind,))
    return [Job(**{**row, "body": json.loads(row["body"])}) for row in rows]


def common(job: Job) -> dict[str, Any]:
    """The fields that every answer about a job has."""
    return {
        "id": job.id,
        "operation": job.body["operation"],
        "object": job.body["object"],
        "createdById": job.body["createdById"],
        "createdDate": job.created_at,
        "systemModstamp": job.changed_at,
        "state": job.state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": job.api_version,
    }


def read_format(body: dict[str, Any]) -> dict[str, str]:
    """Delimiter and line ending of a create call. Raises ``INVALIDJOB``."""
    chosen = {
        "columnDelimiter": body.get("columnDelimiter", "COMMA"),
        "lineEnding": body.get("lineEnding", "LF"),
    }
    if body.get("contentType", "CSV") != "CSV":
        raise invalid_job(f"Unsupported contentType: {body['contentType']}")
    if chosen["columnDelimiter"] not in DELIMITERS:
        raise invalid_job(f"Unsupported columnDelimiter: {chosen['columnDelimiter']}")
    if chosen["lineEnding"] not in LINE_ENDINGS:
        raise invalid_job(f"Unsupported lineEnding: {chosen['lineEnding']}")
    return chosen


def invalid_job(reason: str) -> ApiError:
    """A create call that makes no job."""
    return ApiError(400, "INVALIDJOB", reason)


def invalid_state(reason: str) -> ApiError:
    """A call that the job's state forbids."""
    return ApiError(400, "INVALIDJOBSTATE", reason)


def figures() -> dict[str, int]:
    """The org's figures for Bulk."""
    found: dict[str, int] = schema.org()["bulk"]
    return found
