"""Calls to one org: SOQL by REST pages, and by the jobs of Bulk API 2.0.

They go through our own session, because simple-salesforce never renews a token for Bulk, does not
retry and holds results in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from connectors.salesforce.login import Token, mounted
from headwater.allowance import Allowance
from headwater.clock import Clock
from headwater.errors import (
    QuotaExhaustedError,
    RateLimitedError,
    SourceDataError,
    VendorRejectedError,
    VendorUnavailableError,
)
from headwater.http import ApiSession
from headwater.settings import Settings
from headwater.system_settings import SalesforceSettings

BULK_PAGE_ROWS = 250_000
CHUNK_BYTES = 1024 * 1024
FIRST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 30.0
DONE_STATES = frozenset({"JobComplete", "Failed", "Aborted"})
LAST_LOCATOR = "null"
"""The vendor ends with the word null."""


class GoneError(VendorRejectedError):
    """A query cursor or a bulk job that the org no longer keeps: they live two and seven days."""


class JobFailedError(VendorUnavailableError):
    """A bulk job ended without a result; another one may have one."""


@dataclass(frozen=True)
class BulkPage:
    """A page of bulk results on disk, how many records the vendor put into it, and where the next
    one is (None after the last)."""

    file: Path
    records: int
    locator: str | None


class SalesforceClient:
    """One session's worth of calls; each stream has its own, all share token and allowance."""

    def __init__(
        self,
        settings: Settings,
        salesforce: SalesforceSettings,
        token: Token,
        allowance: Allowance,
    ) -> None:
        self._token = token
        self._allowance = allowance
        self._sent: str | None = None
        token.login()
        self._root = f"/services/data/v{salesforce.api_version}"
        self.session = mounted(
            ApiSession(
                "salesforce",
                f"https://{token.instance}",
                settings,
                token=self._authorization,
                refused=_refused,
            ),
            salesforce,
        )

    @property
    def calls(self) -> int:
        """HTTP calls made, without logins."""
        return self.session.calls

    def close(self) -> None:
        """Close the session."""
        self.session.close()

    def query(self, soql: str) -> Mapping[str, Any]:
        """The first page of a query over all rows, deleted ones included; ``totalSize`` is the
        number of all of them."""
        return self._json("GET", f"{self._root}/queryAll", params={"q": soql})

    def page(self, path: str) -> Mapping[str, Any]:
        """The page that another one named as ``nextRecordsUrl``. Raises :class:`GoneError`."""
        return self._kept("GET", path)

    def open_job(self, soql: str) -> str:
        """Start a Bulk 2.0 ``queryAll``; returns the job's id."""
        job = self._json(
            "POST",
            f"{self._root}/jobs/query",
            json={
                "operation": "queryAll",
                "query": soql,
                "contentType": "CSV",
                "columnDelimiter": "COMMA",
                "lineEnding": "LF",
            },
            # A job that nobody asks for costs nothing but one of the day's 10,000.
            idempotent=True,
        )
        return str(job["id"])

    def wait_for_job(self, job_id: str, clock: Clock) -> int:
        """Wait until a job is done; returns how many records it found.

        Raises :class:`GoneError` and :class:`JobFailedError`.
        """
        path = f"{self._root}/jobs/query/{job_id}"
        wait = FIRST_POLL_SECONDS
        while (job := self._kept("GET", path))["state"] not in DONE_STATES:
            clock.sleep(wait)
            wait = min(wait * 2, LONGEST_POLL_SECONDS)
        if job["state"] != "JobComplete":
            raise JobFailedError(
                f"salesforce bulk query job {job_id} ended as {job['state']}: "
                f"{job.get('errorMessage', 'no reason given')}",
                next_step="The stream is read again on the next try.",
            )
        return int(job["numberRecordsProcessed"])

    def bulk_pages(self, job_id: str, locator: str | None, folder: Path) -> Iterator[BulkPage]:
        """The result pages from ``locator`` on, each saved as a CSV file in ``folder``.

        An answer has no end mark: whoever reads a file compares its records with what its page
        says.
        """
        path = f"{self._root}/jobs/query/{job_id}/results"
        file = folder / "bulk.csv"
        while locator != LAST_LOCATOR:
            locator, records = self._save_results(path, locator, file)
            yield BulkPage(file, records, None if locator == LAST_LOCATOR else locator)

    def _save_results(self, path: str, locator: str | None, file: Path) -> tuple[str, int]:
        """Save one page; returns the next page's locator and how many records this one holds."""
        params: dict[str, str] = {"maxRecords": str(BULK_PAGE_ROWS)}
        if locator:
            params["locator"] = locator
        response = self._call(
            "GET", path, params=params, headers={"Accept": "text/csv"}, stream=True
        )
        last_byte = b""
        try:
            with closing(response), file.open("wb") as out:
                for chunk in response.iter_content(CHUNK_BYTES):
                    out.write(
                        chunk.replace(b"\0", b"")
                    )  # occurs in real data; no CSV reader bears it
                    last_byte = chunk[-1:] or last_byte
        except (HTTPError, requests.RequestException) as error:
            raise VendorUnavailableError(
                f"salesforce {path}: the connection broke while reading results "
                f"({type(error).__name__})."
            ) from error
        if last_byte not in (b"", b'"', b"\n"):  # a row cut before its last value would still count
            raise VendorUnavailableError(
                f"salesforce {path}: the results end in the middle of a row.",
                next_step="The answer was cut off; the page is read again on the next try.",
            )
        found = response.headers.get("Sforce-Locator")
        records = response.headers.get("Sforce-NumberOfRecords", "")
        if found is None or found == locator or not records.isdecimal():
            raise SourceDataError(
                f"salesforce {path}: an answer without usable headers Sforce-Locator and "
                "Sforce-NumberOfRecords.",
                next_step="A proxy may strip headers: let Sforce-* through.",
            )
        return found, int(records)

    def _kept(self, method: str, path: str) -> Mapping[str, Any]:
        """What the org keeps for some days only."""
        try:
            return self._json(method, path)
        except VendorRejectedError as error:
            if error.status == 404 or "INVALID_QUERY_LOCATOR" in error.body:
                raise GoneError(error.what, status=error.status, body=error.body) from error
            raise

    def _json(self, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._call(method, path, **options).json()
        return answer

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        self._allowance.check()
        response = self.session.call(method, path, **options)
        self._allowance.note(response.headers)
        return response

    def _authorization(self, renew: bool) -> str:
        self._sent = self._token.login(refused=self._sent if renew else None)
        return f"Bearer {self._sent}"


def soql_moment(moment: datetime) -> str:
    """A moment as a SOQL literal, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refused(response: requests.Response) -> Exception | None:
    """A 403 says that the day's calls are used up, or that there are too many at once; else a right
    is missing."""
    body = response.text
    if response.status_code != 403 or "REQUEST_LIMIT_EXCEEDED" not in body:
        return None
    if "Concurrent" in body:
        return RateLimitedError(f"salesforce: too many long calls at once: {body[:500]}")
    return QuotaExhaustedError(
        f"salesforce: the day's API calls are used up: {body[:500]}",
        next_step="Reading goes on when the rolling 24 hours allow it; "
        "see DailyApiRequests under Setup, System Overview.",
    )
