"""Salesforce as a source: which rows are asked for, and by which of its two APIs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from connectors.landing_checks import literal
from connectors.salesforce.client import SalesforceClient, Token, soql_moment
from connectors.salesforce.streams import OBJECTS, STREAMS
from connectors.stream import Stream
from connectors.zone import LINES, Extracted, LoadFolder
from headwater.clock import Clock
from headwater.errors import CredentialError, VendorRejectedError, VendorUnavailableError
from headwater.settings import SalesforceSettings, Settings
from headwater.warehouse import quote


@dataclass
class SalesforceSource:
    """The objects of one Salesforce org."""

    settings: Settings
    salesforce: SalesforceSettings
    name: str = "salesforce"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 4
    token: Token = field(init=False)

    def __post_init__(self) -> None:
        self.token = Token(self.settings, self.salesforce)

    def check(self) -> None:
        """Log in and count users: proves the credential and the right to use the API."""
        client = self._client()
        try:
            client.query("SELECT COUNT() FROM User")
        except VendorRejectedError as error:
            raise CredentialError(
                f"Salesforce took the login but not a query: {error.what}",
                next_step="Check SALESFORCE_API_VERSION, and that the user of SALESFORCE_CLIENT_ID "
                "has API Enabled.",
            ) from error
        finally:
            client.close()

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """Rows changed since ``cursor`` (ISO 8601) less the overlap, up to now.

        The first page says how many there are; from ``SALESFORCE_BULK_FROM_ROWS`` on a bulk job
        costs fewer calls than the other pages.
        """
        client = self._client()
        try:
            where = _window(stream, cursor, clock.now())
            name = OBJECTS[stream.name]
            fields = ", ".join(column.path[0] for column in stream.columns)
            soql = f"SELECT {fields} FROM {name} WHERE {where}"
            first = client.query(f"{soql} ORDER BY SystemModstamp, Id")
            if first["totalSize"] >= self.salesforce.bulk_from_rows:
                newest = _save_bulk(client, soql, stream, folder, clock)
            else:
                newest = _save_pages(client.pages(first), folder)
            return folder.extracted(calls=client.calls, cursor=_later(cursor, newest))
        finally:
            client.close()

    def close(self) -> None:
        """Nothing is held between calls."""

    def _client(self) -> SalesforceClient:
        return SalesforceClient(self.settings, self.salesforce, self.token)


def _window(stream: Stream, cursor: str | None, now: datetime) -> str:
    window = f"SystemModstamp <= {soql_moment(now)}"
    if cursor is None:
        return window
    since = datetime.fromisoformat(cursor) - stream.overlap.window
    return f"SystemModstamp >= {soql_moment(since)} AND {window}"


def _save_pages(pages: Iterable[list[dict[str, Any]]], folder: LoadFolder) -> str | None:
    newest: str | None = None

    def watched() -> Iterator[list[dict[str, Any]]]:
        nonlocal newest
        for page in pages:
            if page:
                newest = str(page[-1]["SystemModstamp"])  # the query is sorted by it
            yield page

    folder.write_records(watched())
    return newest


def _save_bulk(
    client: SalesforceClient, soql: str, stream: Stream, folder: LoadFolder, clock: Clock
) -> str | None:
    """Bulk results, turned into lines of JSON by DuckDB: in CSV null and empty are the same.

    Raises :class:`headwater.errors.VendorUnavailableError` when a page or the whole doesn't hold
    the records that Salesforce counted: an answer that was cut off looks like a whole one.
    """
    newest: list[str] = []
    received = 0
    result = client.bulk_query(soql, folder.path, clock)
    for number, page in enumerate(result.pages, start=1):
        part = folder.new_part(LINES)
        rows, stamp = _csv_to_lines(page.file, part, stream)
        page.file.unlink()
        folder.seal(part, rows)
        _expect(page.records, rows, f"page {number} of bulk query job {result.job_id}")
        received += rows
        newest += [stamp] if stamp else []
    _expect(result.records, received, f"bulk query job {result.job_id}")
    return max(newest, default=None)


def _expect(counted: int, rows: int, what: str) -> None:
    if rows != counted:
        raise VendorUnavailableError(
            f"salesforce {what}: {rows} records arrived whole, but Salesforce counted {counted}.",
            next_step="The answer was cut off; the stream is read again on the next try.",
        )


def _csv_to_lines(csv: Path, part: Path, stream: Stream) -> tuple[int, str | None]:
    names = [column.path[0] for column in stream.columns]
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    values = ", ".join(f"nullif({quote(name)}, '') as {quote(name)}" for name in names)
    with duckdb.connect() as memory:
        memory.execute(
            f"create view result as select {values} from read_csv({literal(str(csv))}, "
            f"columns = {{{types}}}, header = true, delim = ',', quote = '\"', escape = '\"', "
            "auto_detect = false, parallel = false, max_line_size = 16000000)"
        )
        memory.execute(f"copy result to {literal(str(part))} (format json, compression gzip)")
        row = memory.execute("select count(*), max(SystemModstamp) from result").fetchone()
    return (int(row[0]), row[1]) if row else (0, None)


def _later(cursor: str | None, newest: str | None) -> str | None:
    if newest is None:
        return cursor
    found = datetime.fromisoformat(newest).astimezone(UTC)
    known = datetime.fromisoformat(cursor) if cursor else found
    return max(known, found).isoformat()
