"""Salesforce: SOQL by REST for small changes, by Bulk API 2.0 for many rows.

simple-salesforce logs in (client credentials); the calls go through our own session, because
simple-salesforce never renews a token for Bulk, does not retry and holds results in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin
from urllib3.exceptions import HTTPError

from headwater.clock import Clock
from headwater.errors import (
    CredentialError,
    QuotaExhaustedError,
    RateLimitedError,
    SourceDataError,
    VendorUnavailableError,
)
from headwater.http import ApiSession, BaseUrlAdapter, error_for
from headwater.settings import SalesforceSettings, Settings

BULK_PAGE_ROWS = 250_000
CHUNK_BYTES = 1024 * 1024
FIRST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 30.0
DONE_STATES = frozenset({"JobComplete", "Failed", "Aborted"})


@dataclass(frozen=True)
class BulkPage:
    """A page of bulk results on disk, and how many records the vendor put into it."""

    file: Path
    records: int


@dataclass(frozen=True)
class BulkResult:
    """All pages of a bulk job, and how many records the job found."""

    job_id: str
    pages: tuple[BulkPage, ...]
    records: int


@dataclass
class Token:
    """The access token that all sessions of one run share, renewed once however many ask."""

    settings: Settings
    salesforce: SalesforceSettings
    logins: int = 0
    instance: str = ""
    _value: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def login(self, refused: str | None = None) -> str:
        """The token; a new one if there is none yet or the present one is ``refused``."""
        with self._lock:
            if not self._value or self._value == refused:
                self._value, self.instance = self._log_in()
                self.logins += 1
            return self._value

    def _log_in(self) -> tuple[str, str]:
        session = mounted(ApiSession("salesforce", "", self.settings), self.salesforce)
        try:
            token, instance = SalesforceLogin(
                session=session,
                consumer_key=self.salesforce.client_id,
                consumer_secret=self.salesforce.client_secret.get_secret_value(),
                domain=self.salesforce.domain,
            )
        except SalesforceAuthenticationFailed as error:
            raise CredentialError(
                f"Salesforce refused the login at {self.salesforce.domain}.salesforce.com: "
                f"{error.message}.",
                next_step="Check SALESFORCE_DOMAIN (the My Domain, such as acme.my), "
                "SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, and that the client "
                "credentials flow of the connected app has a user to run as.",
            ) from None
        except requests.RequestException as error:
            raise VendorUnavailableError(
                f"Salesforce at {self.salesforce.domain}.salesforce.com could not be reached "
                f"({type(error).__name__}).",
                next_step="Check SALESFORCE_DOMAIN, SALESFORCE_BASE_URL and the network.",
            ) from error
        finally:
            session.close()
        return str(token), str(instance)


class SalesforceClient:
    """One session's worth of calls; each stream has its own, all share the token."""

    def __init__(self, settings: Settings, salesforce: SalesforceSettings, token: Token) -> None:
        self._token = token
        self._sent: str | None = None
        token.login()
        self._root = f"/services/data/v{salesforce.api_version}"
        self.session = mounted(
            ApiSession(
                "salesforce", f"https://{token.instance}", settings, token=self._authorization
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

    def pages(self, answer: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """The records of a first page, and of every page behind it."""
        yield answer["records"]
        while not answer["done"]:
            answer = self._json("GET", answer["nextRecordsUrl"])
            yield answer["records"]

    def bulk_query(self, soql: str, folder: Path, clock: Clock) -> BulkResult:
        """Run a Bulk 2.0 ``queryAll`` and save its result pages as CSV files in ``folder``.

        An answer has no end mark: whoever reads the files compares their records with what the
        result says.
        """
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
        path = f"{self._root}/jobs/query/{job['id']}"
        wait = FIRST_POLL_SECONDS
        while job["state"] not in DONE_STATES:
            clock.sleep(wait)
            wait = min(wait * 2, LONGEST_POLL_SECONDS)
            job = self._json("GET", path)
        if job["state"] != "JobComplete":
            raise VendorUnavailableError(
                f"salesforce bulk query job {job['id']} ended as {job['state']}: "
                f"{job.get('errorMessage', 'no reason given')}",
                next_step="The stream is read again on the next try.",
            )
        pages: list[BulkPage] = []
        locator: str | None = None
        while locator != "null":  # the vendor ends with the word null
            file = folder / f"bulk-{len(pages) + 1:05d}.csv"
            locator, records = self._save_results(f"{path}/results", locator, file)
            pages.append(BulkPage(file, records))
        return BulkResult(str(job["id"]), tuple(pages), int(job["numberRecordsProcessed"]))

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
                next_step="The answer was cut off; the stream is read again on the next try.",
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

    def _json(self, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._call(method, path, **options).json()
        return answer

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        response = self.session.call(method, path, accept=(403,), **options)
        if response.status_code == 403:
            raise _refused(response)
        return response

    def _authorization(self, renew: bool) -> str:
        self._sent = self._token.login(refused=self._sent if renew else None)
        return f"Bearer {self._sent}"


def mounted(session: ApiSession, salesforce: SalesforceSettings) -> ApiSession:
    """The session, sent through ``SALESFORCE_BASE_URL`` where that is set."""
    if salesforce.base_url is not None:
        session.mount("https://", BaseUrlAdapter(str(salesforce.base_url)))
    return session


def soql_moment(moment: datetime) -> str:
    """A moment as a SOQL literal, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refused(response: requests.Response) -> Exception:
    """A 403: the day's calls are used up, too many at once, or a right is missing."""
    body = response.text
    if "REQUEST_LIMIT_EXCEEDED" not in body:
        return error_for("salesforce", response)
    if "Concurrent" in body:
        return RateLimitedError(f"salesforce: too many long calls at once: {body[:500]}")
    return QuotaExhaustedError(
        f"salesforce: the day's API calls are used up: {body[:500]}",
        next_step="Reading goes on when the rolling 24 hours allow it; "
        "see DailyApiRequests under Setup, System Overview.",
    )
