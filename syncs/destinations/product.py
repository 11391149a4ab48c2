"""The product's PostgreSQL: rows that the product shows, written in one transaction.

COPY into a temporary table, then insert, update or delete from it; a row to update that somebody
deleted is made again. The answer is the commit, so a batch whose commit got no answer is written
again, which leaves the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import groupby

import psycopg
from psycopg import sql

from headwater.budget import call_budget
from headwater.errors import (
    CredentialError,
    OutcomeUnknownError,
    SettingsError,
    VendorRejectedError,
    VendorUnavailableError,
)
from headwater.settings import Settings, load
from headwater.system_settings import ProductSettings
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    Batch,
    Capabilities,
    Change,
    Counts,
    FieldInfo,
    Held,
    Operation,
    Outcome,
    RowResult,
    Value,
)

BATCH_ROWS = 50_000
STAGED = sql.Identifier("headwater_staged")
PLACE = sql.Identifier("headwater_place")
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
        self._budget = call_budget("to product", settings)
        self.calls = 0

    def check(self) -> Mapping[str, FieldInfo]:
        """Connect, see that the table may be read, and which of its columns may be written."""
        self._count_call()
        with self._connection() as connection:
            connection.execute(sql.SQL("select 1 from {} limit 0").format(self._table))
            columns = connection.execute(
                """
                select
                    attname, format_type(atttypid, atttypmod),
                    has_column_privilege(attrelid, attnum, 'insert'),
                    has_column_privilege(attrelid, attnum, 'update')
                from pg_attribute
                where attrelid = %s::regclass and attnum > 0 and not attisdropped
                """,
                [self._table.as_string(connection)],
            ).fetchall()
        return {name: FieldInfo(*rest) for name, *rest in columns}

    def batch_rows(self, rows: int) -> int:
        """One transaction for up to 50,000 rows."""
        return BATCH_ROWS

    def least_calls(self, counts: Counts) -> int:
        """Transactions, those of looks included."""
        return -(-counts.total // BATCH_ROWS) + -(-counts.to_read // BATCH_ROWS)

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Write the batch; all of it or nothing."""
        self._count_call()
        with self._connection() as connection:
            gone = self._write(connection, batch.changes)
            self._write(connection, gone)
            try:
                connection.commit()
            except psycopg.OperationalError:
                raise OutcomeUnknownError(
                    f"{self._label}: the connection was lost while committing.",
                    next_step="The rows are written again, which leaves the same rows.",
                ) from None
        return [RowResult(change.key, Outcome.DELIVERED, change.key) for change in batch.changes]

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Write it again: the statements leave the same rows however often they run."""
        return self.deliver(batch, lambda _handle: None)

    def current(self, changes: Sequence[Change], fields: Sequence[str]) -> Mapping[str, Held]:
        """Select the rows."""
        self._count_call()
        with self._connection() as connection:
            found = connection.execute(
                sql.SQL(
                    "select {key}::text, {columns} from {table} where {key}::text = any(%s)"
                ).format(key=sql.Identifier(self._key), columns=_names(fields), table=self._table),
                [[change.key for change in changes]],
            ).fetchall()
        return {
            key: Held(key, dict(zip(fields, map(_value, values), strict=True)))
            for key, *values in found
        }

    def _count_call(self) -> None:
        if self._budget is not None:
            self._budget.spend()
        self.calls += 1

    def _write(self, connection: psycopg.Connection, changes: Sequence[Change]) -> list[Change]:
        """Write changes; returns those whose row is gone, as rows to create."""
        gone: list[Change] = []
        for (operation, fields), alike in _by_shape(changes):
            self._stage(connection, fields, alike)
            if operation is Operation.UPDATE:
                gone += self._gone(connection, alike)
            self._apply(connection, operation, fields)
            connection.execute(sql.SQL("drop table {}").format(STAGED))
        return gone

    def _gone(self, connection: psycopg.Connection, changes: Sequence[Change]) -> list[Change]:
        """Staged rows that the table does not have, whole and to be created."""
        found = connection.execute(
            sql.SQL(
                "select {staged}.{place} from {staged} "
                "left join {table} on {table}.{key} = {staged}.{key} where {table}.{key} is null"
            ).format(staged=STAGED, place=PLACE, table=self._table, key=sql.Identifier(self._key))
        ).fetchall()
        return [
            replace(changes[place], operation=Operation.CREATE, fields=changes[place].whole)
            for (place,) in sorted(found)
        ]

    def _stage(
        self,
        connection: psycopg.Connection,
        fields: tuple[str, ...],
        changes: Sequence[Change],
    ) -> None:
        columns = _names((self._key, *fields))
        connection.execute(
            sql.SQL(
                "create temporary table {} on commit drop as "
                "select {}, 0 as {} from {} with no data"
            ).format(STAGED, columns, PLACE, self._table)
        )
        copy = sql.SQL("copy {} ({}, {}) from stdin").format(STAGED, columns, PLACE)
        with connection.cursor() as cursor, cursor.copy(copy) as rows:
            for place, change in enumerate(changes):
                rows.write_row([change.key, *(change.fields[name] for name in fields), place])

    def _apply(
        self,
        connection: psycopg.Connection,
        operation: Operation,
        fields: tuple[str, ...],
    ) -> None:
        parts = {
            "table": self._table,
            "staged": STAGED,
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
            parts["updates"] = self._assignments(STAGED, fields)
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
        """A connection whose errors are Headwater's.

        libpq repeats parts of an address that it cannot take apart, and of one with an unescaped
        ``@`` or ``/`` it takes a part of the password for the host. So what it says is told only
        where it comes from the server (it has an SQLSTATE then).
        """
        try:
            connection = psycopg.connect(
                self._url.get_secret_value(), connect_timeout=self._timeout
            )
        except (psycopg.Error, ValueError, UnicodeError) as error:
            text = str(error)
            if "authentication failed" in text or "does not exist" in text:
                raise CredentialError(
                    f"{self._label}: the database refused the login.",
                    next_step="Check PRODUCT_WRITER_DATABASE_URL.",
                ) from None
            raise VendorUnavailableError(
                f"{self._label}: could not connect.",
                next_step="Check that the database runs and that PRODUCT_WRITER_DATABASE_URL is "
                "postgresql://user:password@host:port/database, with every @, / and : of the "
                "password escaped (%40, %2F, %3A).",
            ) from None
        try:
            with connection:
                yield connection
        except psycopg.errors.InsufficientPrivilege as error:
            raise CredentialError(
                f"{self._label}: {error.diag.message_primary}",
                next_step="The writer needs select, insert, update and delete on this table and "
                "temporary on the database.",
            ) from None
        except psycopg.Error as error:
            if error.sqlstate is None and isinstance(error, psycopg.OperationalError):
                raise VendorUnavailableError(
                    f"{self._label}: the connection was lost.",
                    next_step="Check that the database runs.",
                ) from None
            said = (
                f"{error.sqlstate or type(error).__name__}: {error.diag.message_primary or error}"
            )
            if error.sqlstate in RETRYABLE or str(error.sqlstate).startswith("08"):
                raise VendorUnavailableError(f"{self._label}: {said}") from None
            raise VendorRejectedError(f"{self._label}: {said}") from None


def _by_shape(
    changes: Sequence[Change],
) -> Iterator[tuple[tuple[Operation, tuple[str, ...]], list[Change]]]:
    """Changes by operation and set of fields, so that one statement fits each group."""

    def shape(change: Change) -> tuple[Operation, tuple[str, ...]]:
        return change.operation, tuple(sorted(change.fields))

    for key, group in groupby(sorted(changes, key=shape), key=shape):
        yield key, list(group)


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in columns)


def _value(value: object) -> Value:
    """A value of the database as a destination's field."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
