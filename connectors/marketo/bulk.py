"""Bulk extract: a job is made, queued, waited for, and its CSV file becomes lines of JSON.

A job costs some five calls for up to 31 days of records, and minutes of waiting.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from connectors.marketo.activity_log import moment
from connectors.marketo.answers import BusyError, envelope
from connectors.marketo.client import MarketoClient, Record
from connectors.zone import LINES, LoadFolder
from headwater.clock import Clock
from headwater.errors import RetryableError, VendorRejectedError, VendorUnavailableError
from headwater.http import LOST_CONNECTION
from headwater.warehouse import literal, quote

WINDOW = timedelta(days=31)
LONGEST_WAIT_POLLS = 240
CHUNK_BYTES = 1024 * 1024
DIRT = b"\r\0"
"""Stray characters of the vendor's files, which stand for nothing and break lines."""
NOT_FOUND = 404
PARTIAL = 206


@dataclass
class BulkExtract:
    """Runs jobs of one entity (``leads``, ``activities``, ``program/members``) into a folder."""

    client: MarketoClient
    entity: str
    folder: LoadFolder
    clock: Clock
    poll_seconds: float
    json_columns: tuple[str, ...] = ()

    def run(self, step: str, body: Mapping[str, Any]) -> None:
        """Run one job as a step of the extraction; a job that a crash left goes on.

        Raises :class:`headwater.errors.QuotaExhaustedError` when the day's export quota is used
        up, and :class:`headwater.errors.RetryableError` when the job failed or is still not done.
        """
        if self.folder.is_done(step):
            return
        export_id = self.folder.token(step)
        job = self._resumed(export_id) if export_id else None
        if job is None:
            job = self._create(body)
            export_id = str(job["exportId"])
            self.folder.checkpoint(step, export_id)
        job = self._wait(step, export_id, job)
        if int(job.get("numberOfRecords") or 0):
            try:
                self._save(export_id, job)
            except BusyError:  # a job can be done without a file: the next try makes a new one
                self.folder.checkpoint(step, None)
                raise
        self.folder.finish(step)

    def _create(self, body: Mapping[str, Any]) -> Record:
        answer = self.client.ask("POST", self._path("create"), json={"format": "CSV", **body})
        job: Record = answer["result"][0]
        return job

    def _resumed(self, export_id: str) -> Record | None:
        """A job that an earlier run made, None if Marketo has forgotten it or gave it up."""
        try:
            job = self._status(export_id)
        except VendorRejectedError:
            return None
        return job if job["status"] in {"Created", "Queued", "Processing", "Completed"} else None

    def _wait(self, step: str, export_id: str, job: Record) -> Record:
        for _ in range(LONGEST_WAIT_POLLS):
            match job["status"]:
                case "Completed":
                    return job
                case "Created":
                    self._enqueue(export_id)
                case "Queued" | "Processing":
                    pass
                case _:  # Failed, Canceled, Cancelled
                    self.folder.checkpoint(step, None)
                    raise VendorUnavailableError(
                        f"marketo export job {export_id} ended as {job['status']}: "
                        f"{str(job.get('errorMsg', ''))[:500]}",
                        next_step="The next try makes a new job.",
                    )
            self.clock.sleep(self.poll_seconds)
            job = self._status(export_id)
        raise RetryableError(
            f"marketo export job {export_id} is still {job['status']}.",
            next_step="The next try goes on waiting for the same job.",
        )

    def _enqueue(self, export_id: str) -> None:
        """Queue the job; a full queue, which all integrations share, is waited out."""
        try:
            self.client.ask("POST", self._path("enqueue", export_id))
        except BusyError:
            return
        except VendorRejectedError as error:
            if "already queued" not in error.what:
                raise

    def _status(self, export_id: str) -> Record:
        job: Record = self.client.ask("GET", self._path("status", export_id))["result"][0]
        return job

    def _save(self, export_id: str, job: Record) -> None:
        file = self.folder.path / "export.csv"
        self._download(export_id, job, file)
        part = self.folder.new_part(LINES)
        rows = csv_to_lines(file, part, self.json_columns)
        file.unlink()
        if rows != int(job["numberOfRecords"]):
            raise VendorUnavailableError(
                f"marketo export job {export_id}: the file holds {rows} records, the job says "
                f"{job['numberOfRecords']}.",
                next_step="The file is read again on the next try.",
            )
        self.folder.seal(part, rows)

    def _download(self, export_id: str, job: Record, file: Path) -> None:
        """Fetch the whole file: a download that was cut goes on where it broke."""
        size = int(job.get("fileSize") or 0)
        digest = hashlib.sha256()
        received = 0
        with file.open("wb") as out:

            def fetch() -> None:
                nonlocal received
                for chunk in self._chunks(export_id, received):
                    digest.update(chunk)
                    out.write(chunk.translate(None, DIRT))
                    received += len(chunk)
                if received < size:
                    raise BusyError(
                        f"marketo export job {export_id}: {received} of {size} bytes arrived."
                    )

            self.client.patiently(fetch)
        expected = str(job.get("fileChecksum") or "").removeprefix("sha256:")
        if expected and expected != digest.hexdigest():
            raise VendorUnavailableError(
                f"marketo export job {export_id}: the file is not what its checksum says.",
                next_step="The file is read again on the next try.",
            )

    def _chunks(self, export_id: str, start: int) -> Iterator[bytes]:
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        response = self.client.send(
            "GET", self._path("file", export_id), headers, stream=True, accept=(NOT_FOUND,)
        )
        with response:
            if "json" in response.headers.get("Content-Type", ""):
                envelope(response)
            if response.status_code == NOT_FOUND or (start and response.status_code != PARTIAL):
                raise BusyError(f"marketo export job {export_id}: its file is not there yet.")
            try:
                yield from response.iter_content(CHUNK_BYTES)
            except LOST_CONNECTION as error:
                raise BusyError(
                    f"marketo export job {export_id}: the download broke ({type(error).__name__})."
                ) from error

    def _path(self, action: str, export_id: str | None = None) -> str:
        job = f"/{export_id}" if export_id else ""
        return f"/bulk/v1/{self.entity}/export{job}/{action}.json"


def windows(since: datetime, until: datetime) -> Iterator[tuple[str, str]]:
    """Date filters of at most 31 days, both ends in, that cover ``[since, until]`` without a
    gap and without a second twice."""
    since = since.replace(microsecond=0)
    while since <= until:
        end = min(since + WINDOW - timedelta(seconds=1), until)
        yield moment(since), moment(end)
        since += WINDOW


def csv_to_lines(file: Path, part: Path, json_columns: Iterable[str]) -> int:
    """Turn a bulk file into lines of JSON and return how many; the text ``null`` is null.

    ``json_columns`` hold JSON in their cells, which becomes part of the record.
    """
    with file.open(encoding="utf-8", newline="") as text:
        names = next(csv.reader(text))
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    values = ", ".join(
        f"coalesce(try_cast({quote(name)} as json), to_json({quote(name)})) as {quote(name)}"
        if name in set(json_columns)
        else quote(name)
        for name in names
    )
    with duckdb.connect() as memory:
        copied = memory.execute(
            f"copy (select {values} from read_csv({literal(str(file))}, columns = {{{types}}}, "
            "header = true, delim = ',', quote = '\"', escape = '\"', nullstr = 'null', "
            "auto_detect = false, parallel = false, max_line_size = 16000000)) "
            f"to {literal(str(part))} (format json, compression gzip)"
        ).fetchone()
    return int(copied[0]) if copied else 0
