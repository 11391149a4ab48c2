"""The product's PostgreSQL: changed rows of each table, as Arrow over ADBC into Parquet.

All tables are read in one repeatable-read transaction, so that a membership never points at a user
that was not there yet. The window's bounds are bound as settings of the session: a query without
parameters of its own is one that the driver reads by binary COPY.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from adbc_driver_manager import Error
from adbc_driver_postgresql import dbapi

from connectors.product.streams import STREAMS
from connectors.stream import Stream
from connectors.zone import PARQUET, Extracted, LoadFolder
from headwater.clock import Clock
from headwater.errors import CredentialError, SourceDataError, VendorUnavailableError
from headwater.settings import ProductSettings, Settings
from headwater.warehouse import quote

LAST_CHANGE = "updated_at"
INSUFFICIENT_PRIVILEGE = "42501"
UNDEFINED = ("42P01", "42703", "3F000")
"""SQLSTATEs of a table, column or schema that is not there."""
REFUSALS = ("authentication failed", "does not exist", "no pg_hba.conf entry", "not permitted")
"""What the server says when it is there and doesn't let us in."""
NO_WAY_THERE = ("Connection refused", "could not translate host name", "timeout expired", "SSL")
"""What libpq says when it cannot reach the server."""


@dataclass
class ProductSource:
    """The tables of the product's database."""

    settings: Settings
    product: ProductSettings
    name: str = "product"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 1  # one transaction is one connection
    _connection: Any = None
    _in_snapshot: bool = False
    _calls: int = field(default=0)

    def check(self) -> None:
        """Read no row of each table: proves the login and the right to read."""
        with self._cursor() as cursor:
            for stream in self.streams:
                cursor.execute(f"select * from {self._table(stream)} limit 0")
                cursor.fetch_arrow_table()
        self._rollback()

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """Rows with ``cursor - overlap < updated_at <= now``; ``cursor`` is ISO 8601.

        Rows without ``updated_at`` come with every read: the contract quarantines them, once.
        """
        since = "-infinity"
        if cursor is not None:
            since = (datetime.fromisoformat(cursor) - stream.overlap.window).isoformat()
        path = folder.new_part(PARQUET)
        newest: datetime | None = None
        rows = 0
        with self._cursor(snapshot=True) as statement:
            statement.execute(
                "select set_config('headwater.since', $1, true), "
                "set_config('headwater.horizon', $2, true)",
                (since, clock.now().isoformat()),
            )
            statement.fetchall()
            statement.execute(
                f"select * from {self._table(stream)} "
                f"where {quote(LAST_CHANGE)} is null "
                f"or ({quote(LAST_CHANGE)} > current_setting('headwater.since')::timestamptz "
                f"and {quote(LAST_CHANGE)} <= current_setting('headwater.horizon')::timestamptz)"
            )
            reader = statement.fetch_record_batch()
            with pq.ParquetWriter(path, reader.schema, compression="zstd") as writer:
                for batch in reader:
                    writer.write_batch(batch)
                    rows += batch.num_rows
                    found = pc.max(batch.column(LAST_CHANGE)).as_py()
                    if found is not None and (newest is None or found > newest):
                        newest = found
        folder.seal(path, rows)
        if newest is not None:
            cursor = (newest if newest.tzinfo else newest.replace(tzinfo=UTC)).isoformat()
        return folder.extracted(calls=1, cursor=cursor)

    def close(self) -> None:
        """End the transaction and the connection."""
        if self._connection is not None:
            self._rollback()
            self._connection.close()
            self._connection = None

    @contextmanager
    def _cursor(self, *, snapshot: bool = False) -> Iterator[Any]:
        """A cursor, within the common snapshot if asked; a failure ends the transaction, so that
        the next table starts a new one."""
        try:
            if self._connection is None:
                self._connection = dbapi.connect(self.product.database_url.get_secret_value())
            with self._connection.cursor() as cursor:
                if snapshot and not self._in_snapshot:
                    cursor.execute("set transaction isolation level repeatable read, read only")
                    cursor.execute("set time zone 'UTC'")
                    self._in_snapshot = True
                yield cursor
        except Error as error:
            if self._connection is not None:
                self._rollback()
            if error.sqlstate is None:  # libpq's text may repeat parts of the URL
                raise _no_connection(str(error)) from None
            raise _explained(error) from error

    def _rollback(self) -> None:
        self._in_snapshot = False
        self._connection.rollback()

    def _table(self, stream: Stream) -> str:
        return f"{quote(self.product.schema_name)}.{quote(stream.name)}"


def _explained(error: Error) -> Exception:
    """The server's error as one of ours, by SQLSTATE."""
    text = str(error).strip()
    if error.sqlstate == INSUFFICIENT_PRIVILEGE:
        return CredentialError(
            f"PostgreSQL refuses to let the product be read: {text}",
            next_step="The role of PRODUCT_DATABASE_URL needs USAGE on the schema in "
            "PRODUCT_SCHEMA_NAME and SELECT on its tables.",
        )
    if error.sqlstate in UNDEFINED:
        return SourceDataError(
            f"The product's database lacks what is read: {text}",
            next_step="Check PRODUCT_SCHEMA_NAME, and connectors/product/contracts.py.",
        )
    return VendorUnavailableError(
        f"PostgreSQL could not go on: {text}",
        next_step="Check that the server of PRODUCT_DATABASE_URL is up.",
    )


def _no_connection(text: str) -> Exception:
    """The driver's error without SQLSTATE as one of ours; only known words are repeated."""
    for refusal in REFUSALS:
        if refusal in text:
            return CredentialError(
                f"PostgreSQL refused the login ({refusal}).",
                next_step="Check user, password and database in PRODUCT_DATABASE_URL.",
            )
    known = next((words for words in NO_WAY_THERE if words in text), None)
    return VendorUnavailableError(
        f"PostgreSQL did not answer{f' ({known})' if known else ''}.",
        next_step="Check host and port in PRODUCT_DATABASE_URL, and that the server is up.",
    )
