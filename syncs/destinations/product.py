"""The product's PostgreSQL: rows that the product shows, written in one transaction.

COPY into a temporary table, then insert, update or delete from it. The answer is the commit, so a
batch whose commit got no answer is read back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby

import psycopg
from psycopg import sql

from headwater.errors import (
    CredentialError,
    OutcomeUnknownError,
    SettingsError,
    VendorRejectedError,
    VendorUnavailableError,
)
from headwater.settings import ProductSettings, Settings, load
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    Batch,
    Capabilities,
    Change,
    Counts,
    Held,
    Operation,
    Outcome,
    RowResult,
)

BATCH_ROWS = 50_000
RETRYABLE = ("40001", "40P01", "55P03", "57P01", "57P03", "53300")


def connect(definition: Definition, settings: Settings) -> ProductDestination:
    """The destination of a definition."""
    return ProductDestination(definition, settings)


class ProductDestination:
    """One table of the writer's schema; ``key.field`` is its primary key.

    Option ``touched_column``: a column set to the database's time by every change.
    """

    name = "product"
    capabilities = Capabilities(
        frozenset({Mode.MIRROR, Mode.UPSERT}),
        frozenset({Removal.DELETE, Removal.IGNORE, Removal.CLEAR}),
        separate_operations=False,
    )

    def __init__(self, definition: Definition, settings: Settings) -> None:
        account = load(ProductSettings)
        if account.writer_database_url is None:
            raise SettingsError(
                "PRODUCT_WRITER_DATABASE_URL is missing.",
                next_step=f"Set it, or take {definition.name} out of HEADWATER_SYNCS.",
            )
        self._url = account.writer_database_url
        self._timeout = int(settings.http_timeout_seconds)
        self._table = sql.Identifier(account.writer_schema_name, definition.object)
        self._label = f"product {account.writer_schema_name}.{definition.object}"
        self._key = definition.key.field
        self._touched = definition.options.get("touched_column")
        self.calls = 0

    def check(self) -> None:
        """Connect and see that the table may be read."""
        with self._connection() as connection:
            self.calls += 1
            connection.execute(sql.SQL("select 1 from {} limit 0").format(self._table))

    def batch_rows(self, rows: int) -> int:
        """One transaction for up to 50,000 rows."""
        return BATCH_ROWS

    def least_calls(self, counts: Counts) -> int:
        """Transactions."""
        return -(-counts.total // BATCH_ROWS)

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Write the batch; all of it or nothing."""
        self.calls += 1
        with self._connection() as connection:
            for position, (shape, changes) in enumerate(_by_shape(batch.changes)):
                self._stage(connection, position, shape[1], changes)
                self._apply(connection, position, *shape)
            try:
                connection.commit()
            except psycopg.OperationalError as error:
                raise OutcomeUnknownError(
                    f"{self._label}: the connection was lost while committing.",
                    next_step="The rows are read back before they are sent again.",
                ) from error
        return [RowResult(change.key, Outcome.DELIVERED, change.key) for change in batch.changes]

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Write it again: the statements leave the same rows however often they run."""
        return self.deliver(batch, lambda _handle: None)

    def current(self, changes: Sequence[Change], fields: Sequence[str]) -> Mapping[str, Held]:
        """Not offered: policies that need it are refused by the capabilities."""
        raise NotImplementedError

    def _stage(
        self,
        connection: psycopg.Connection,
        position: int,
        fields: tuple[str, ...],
        changes: Sequence[Change],
    ) -> None:
        columns = _names((self._key, *fields))
        staged = _staged(position)
        connection.execute(
            sql.SQL(
                "create temporary table {} on commit drop as select {} from {} with no data"
            ).format(staged, columns, self._table)
        )
        copy = sql.SQL("copy {} ({}) from stdin").format(staged, columns)
        with connection.cursor() as cursor, cursor.copy(copy) as rows:
            for change in changes:
                rows.write_row([change.key, *(change.fields[name] for name in fields)])

    def _apply(
        self,
        connection: psycopg.Connection,
        position: int,
        operation: Operation,
        fields: tuple[str, ...],
    ) -> None:
        parts = {
            "table": self._table,
            "staged": _staged(position),
            "key": sql.Identifier(self._key),
            "columns": _names((self._key, *fields)),
        }
        if operation is Operation.REMOVE and not fields:
            statement = sql.SQL(
                "delete from {table} using {staged} where {table}.{key} = {staged}.{key}"
            )
        elif operation is Operation.CREATE:
            parts["updates"] = self._assignments(sql.SQL("excluded"), fields)
            statement = sql.SQL(
                "insert into {table} ({columns}) select {columns} from {staged} "
                "on conflict ({key}) do update set {updates}"
            )
        else:
            parts["updates"] = self._assignments(_staged(position), fields)
            statement = sql.SQL(
                "update {table} set {updates} from {staged} where {table}.{key} = {staged}.{key}"
            )
        connection.execute(statement.format(**parts))

    def _assignments(self, source: sql.Composable, fields: tuple[str, ...]) -> sql.Composed:
        pairs: list[sql.Composable] = [
            sql.SQL("{} = {}.{}").format(sql.Identifier(name), source, sql.Identifier(name))
            for name in (fields or (self._key,))
        ]
        if self._touched:
            pairs.append(sql.SQL("{} = now()").format(sql.Identifier(str(self._touched))))
        return sql.SQL(", ").join(pairs)

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        """A connection whose errors are Headwater's; the address never appears in them."""
        try:
            connection = psycopg.connect(
                self._url.get_secret_value(), connect_timeout=self._timeout
            )
        except psycopg.OperationalError as error:
            text = str(error)
            if "authentication" in text or "does not exist" in text:
                raise CredentialError(
                    f"{self._label}: the database refused the login.",
                    next_step="Check PRODUCT_WRITER_DATABASE_URL.",
                ) from None
            raise VendorUnavailableError(
                f"{self._label}: no connection.",
                next_step="Check PRODUCT_WRITER_DATABASE_URL and that the database runs.",
            ) from None
        try:
            with connection:
                yield connection
        except psycopg.errors.InsufficientPrivilege as error:
            raise CredentialError(
                f"{self._label}: {error}",
                next_step="The writer needs select, insert, update and delete on this table and "
                "temporary on the database.",
            ) from error
        except psycopg.Error as error:
            if error.sqlstate in RETRYABLE or (error.sqlstate or "08").startswith("08"):
                raise VendorUnavailableError(f"{self._label}: {error}") from error
            raise VendorRejectedError(
                f"{self._label}: {error.sqlstate}: {error.diag.message_primary or error}"
            ) from error


def _by_shape(
    changes: Sequence[Change],
) -> Iterator[tuple[tuple[Operation, tuple[str, ...]], list[Change]]]:
    """Changes by operation and set of fields, so that one statement fits each group."""

    def shape(change: Change) -> tuple[Operation, tuple[str, ...]]:
        return change.operation, tuple(sorted(change.fields))

    for key, group in groupby(sorted(changes, key=shape), key=shape):
        yield key, list(group)


def _staged(position: int) -> sql.Identifier:
    return sql.Identifier(f"headwater_{position}")


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in columns)
