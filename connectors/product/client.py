"""The product's PostgreSQL: changed rows of each table, as Arrow over ADBC into Parquet.

All tables are read in one repeatable-read transaction, so that a membership never points at a user
that was not there yet. The window's bounds are bound as settings of the session: a query without
parameters of its own is one that the driver reads by binary COPY.

Rows that are deleted physically leave nothing to see, so once in a while all keys of a table are
read, too: the landing engine marks the rows that are not among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from adbc_driver_manager import Error
from adbc_driver_postgresql import dbapi

from connectors.keyed_cursor import KeyedCursor
from connectors.product.streams import STREAMS
from connectors.stream import Mode, Stream
from connectors.zone import PARQUET, Extracted, Kind, LoadFolder
from headwater.clock import Clock
from headwater.errors import CredentialError, SourceDataError, VendorUnavailableError
from headwater.settings import Settings
from headwater.system_settings import ProductSettings
from headwater.warehouse import quote

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
        """Rows with ``cursor - overlap < changed <= now``, by the column that the stream is read
        along; the whole where it has none. See :class:`connectors.keyed_cursor.KeyedCursor`.

        Rows without that moment come with every read: the contract quarantines them, once.
        """
        if stream.mode is Mode.SNAPSHOT:
            with self._cursor(snapshot=True) as statement:
                _save(statement, f"select * from {self._table(stream)}", folder)
            return folder.extracted(calls=1, cursor=None)
        known, now = KeyedCursor.read(cursor), clock.now()
        changed = quote(stream.cursor)
        with self._cursor(snapshot=True) as statement:
            self._bind_window(statement, stream, known, now)
            newest = _save(
                statement,
                f"select * from {self._table(stream)} where {changed} is null "
                f"or ({changed} > current_setting('headwater.since')::timestamptz "
                f"and {changed} <= current_setting('headwater.horizon')::timestamptz)",
                folder,
                moment=stream.cursor,
            )
            compares = known.keys_are_due(now, timedelta(hours=self.product.key_check_hours))
            if compares:
                keys = ", ".join(quote(name) for name in stream.key)
                _save(
                    statement, f"select {keys} from {self._table(stream)}", folder, kind=Kind.KEYS
                )
        reached = KeyedCursor(
            newest or known.changed_at,
            now if compares or known.changed_at is None else known.keys_at,
        )
        return folder.extracted(calls=2 if compares else 1, cursor=reached.text())

    def _bind_window(
        self, statement: Any, stream: Stream, known: KeyedCursor, now: datetime
    ) -> None:
        since = "-infinity"
        if known.changed_at is not None:
            since = (known.changed_at - stream.overlap.window).isoformat()
        statement.execute(
            "select set_config('headwater.since', $1, true), "
            "set_config('headwater.horizon', $2, true)",
            (since, now.isoformat()),
        )
        statement.fetchall()

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


def _save(
    statement: Any,
    query: str,
    folder: LoadFolder,
    *,
    kind: Kind = Kind.RECORDS,
    moment: str | None = None,
) -> datetime | None:
    """Write what a query gives as one part; returns the newest ``moment`` in it, if asked.

    While a batch is compressed the next one is read: of two at a time, no more.
    """
    path = folder.new_part(PARQUET)
    newest: datetime | None = None
    rows = 0
    statement.execute(query)
    reader = statement.fetch_record_batch()
    packed = [field.name for field in reader.schema if _is_packed(field.type)]
    texts = [field.name for field in reader.schema if pa.types.is_string(field.type)]
    with (
        pq.ParquetWriter(
            path,
            reader.schema,
            compression="zstd",
            use_dictionary=texts,
            column_encoding=dict.fromkeys(packed, "DELTA_BINARY_PACKED"),
        ) as writer,
        ThreadPoolExecutor(1, thread_name_prefix="write-parquet") as pool,
    ):
        written: Future[None] | None = None
        for batch in reader:
            if written is not None:
                written.result()
            written = pool.submit(writer.write_batch, batch)
            rows += batch.num_rows
            found = pc.max(batch.column(moment)).as_py() if moment else None
            if found is not None and (newest is None or found > newest):
                newest = found
        if written is not None:
            written.result()
    folder.seal(path, rows, kind)
    if newest is not None and newest.tzinfo is None:
        newest = newest.replace(tzinfo=UTC)
    return newest


def _is_packed(type_: pa.DataType) -> bool:
    """Whether Parquet keeps a type as whole numbers: their differences are packed in a fraction of
    the time, and space, that a dictionary of them takes."""
    return bool(
        pa.types.is_integer(type_)
        or pa.types.is_timestamp(type_)
        or pa.types.is_date(type_)
        or pa.types.is_time(type_)
    )


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
