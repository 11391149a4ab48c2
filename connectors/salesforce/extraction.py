"""One extraction of one object: the query, its pages by REST or a bulk job, and where it goes on
after it was cut off.

The step ``pages`` remembers the next page of the query, or, should the org have dropped the query,
from which stamp on to ask anew. The step ``bulk`` remembers the job and the next locator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from connectors.moments import moment_or_none
from connectors.salesforce.bulk_query import BulkQuery, newest_of
from connectors.salesforce.client import GoneError, SalesforceClient, soql_moment
from connectors.salesforce.streams import OBJECTS
from connectors.stream import Stream
from connectors.zone import LINES, LoadFolder
from headwater.clock import Clock
from headwater.warehouse import literal, quote

PAGES, BULK = "pages", "bulk"


@dataclass(frozen=True)
class Extraction:
    """Rows of ``stream`` changed since ``cursor`` (ISO 8601) less the overlap, up to the moment at
    which the extraction began."""

    client: SalesforceClient
    stream: Stream
    cursor: str | None
    folder: LoadFolder
    clock: Clock

    def run(self, bulk_from_rows: int) -> str | None:
        """Write the rows; returns the next cursor.

        The first page says how many rows there are; from ``bulk_from_rows`` on they come by a bulk
        job.
        """
        if self.folder.token(BULK) is not None:
            return self._bulk()
        first: Mapping[str, Any] | None = None
        if self.folder.token(PAGES) is None:
            first = self._query(self._since())
            if first["totalSize"] >= bulk_from_rows:
                return self._bulk()
        token = self.folder.write_pages(PAGES, lambda token: self._pages(token, first))
        return self._later((token or {}).get("newest"))

    def _pages(
        self, token: dict[str, Any] | None, first: Mapping[str, Any] | None
    ) -> Iterator[tuple[Iterable[Mapping[str, Any]], dict[str, Any]]]:
        newest = token["newest"] if token else None
        answer = first if token is None else self._go_on(token)
        while answer is not None:
            path = None if answer["done"] else str(answer["nextRecordsUrl"])
            newest = newest_of([newest, *(row.get(self._stamp) for row in answer["records"])])
            yield answer["records"], {"next": path, "newest": newest}
            answer = self.client.page(path) if path else None

    def _go_on(self, token: dict[str, Any]) -> Mapping[str, Any] | None:
        """The next page of a query that was cut off; asked anew where the org dropped it."""
        if token["next"] is None:
            return None
        try:
            return self.client.page(token["next"])
        except GoneError:
            newest = moment_or_none(token["newest"])
            return self._query(newest or self._since())

    def _bulk(self) -> str | None:
        """In CSV null and empty are the same; DuckDB turns it into lines of JSON."""
        query = BulkQuery(
            client=self.client,
            folder=self.folder,
            clock=self.clock,
            step=BULK,
            soql=lambda: self._select(self._since()),
            save=lambda csv, part: _csv_to_lines(csv, part, self.stream, self._stamp),
            extension=LINES,
        )
        return self._later(query.run())

    @property
    def _stamp(self) -> str:
        """The field that is read along."""
        [path] = [c.path for c in self.stream.columns if c.name == self.stream.cursor]
        return path[0]

    def _query(self, since: datetime | None) -> Mapping[str, Any]:
        return self.client.query(f"{self._select(since)} ORDER BY {self._stamp}, Id")

    def _select(self, since: datetime | None) -> str:
        fields = ", ".join(column.path[0] for column in self.stream.columns)
        window = f"{self._stamp} <= {soql_moment(self.folder.started_at)}"
        if since is not None:
            window = f"{self._stamp} >= {soql_moment(since)} AND {window}"
        return f"SELECT {fields} FROM {OBJECTS[self.stream.name]} WHERE {window}"

    def _since(self) -> datetime | None:
        if self.cursor is None:
            return None
        return datetime.fromisoformat(self.cursor) - self.stream.overlap.window

    def _later(self, newest: str | None) -> str | None:
        if newest is None:
            return self.cursor
        found = min(datetime.fromisoformat(newest), self.folder.started_at.astimezone(UTC))
        known = datetime.fromisoformat(self.cursor) if self.cursor else found
        return max(known, found).isoformat()


def _csv_to_lines(csv: Path, part: Path, stream: Stream, stamp: str) -> tuple[int, str | None]:
    """Write a page as lines; returns how many rows it has and the newest stamp that can be read."""
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
        row = memory.execute(
            "select count(*), "
            f"max({quote(stamp)}) filter (try_cast({quote(stamp)} as timestamptz) is not null) "
            "from result"
        ).fetchone()
    return (int(row[0]), row[1]) if row else (0, None)
