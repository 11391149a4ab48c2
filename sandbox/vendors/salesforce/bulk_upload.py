"""The CSV that was uploaded to an ingest job: its header, its lines, and what is wrong with it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from sandbox.vendors.salesforce.jobs import Job
from sandbox.vendors.salesforce.store import Store

_LARGEST_CELL = 131_072
csv.field_size_limit(_LARGEST_CELL)


class UploadError(Exception):
    """The upload as a whole cannot be worked off; the text is the job's ``errorMessage``."""


@dataclass(frozen=True)
class Upload:
    """The header as it was written, its names, and the lines."""

    header_line: str
    names: list[str]
    rows: list[list[str]]


def content_file(store: Store, job: Job) -> Path:
    """Where the upload is kept."""
    return store.folder / "bulk" / f"{job.id}.upload.csv"


def read_upload(store: Store, job: Job) -> Upload:
    """Read the upload of a job. Raises :class:`UploadError`."""
    path = content_file(store, job)
    if not path.exists():
        return Upload("", [], [])
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UploadError("ClientInputError : The content is not encoded in UTF-8") from None
    first = text.split("\n", 1)[0]
    has_return = first.endswith("\r")
    if "\n" in text and has_return != (job.body["lineEnding"] == "CRLF"):
        raise UploadError(
            "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is "
            + job.body["lineEnding"]
        )
    try:
        lines = list(
            csv.reader(io.StringIO(text, newline=""), delimiter=job.delimiter, strict=True)
        )
    except csv.Error as error:
        raise UploadError(f"ClientInputError : Failed to parse the CSV: {error}") from None
    if not lines:
        raise UploadError("InvalidBatch : Missing required header row")
    names, rows = lines[0], [line for line in lines[1:] if line]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise UploadError(
                f"InvalidBatch : Row {number} has {len(row)} columns, the header has {len(names)}"
            )
    return Upload(first.rstrip("\r"), names, rows)
