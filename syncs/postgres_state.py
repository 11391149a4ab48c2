"""PostgreSQL as the place of what syncs remember, for runners that share no disk.

All syncs share the tables; a session sees those of their rows that are its sync's, by temporary
views under the tables' names. The set-based work is done in a DuckDB of this process: what it needs
of the state is fetched as Arrow (ADBC), what it found is copied into the state (COPY).

Who runs a sync holds an advisory lock in the same session that he writes with. The server lets go
of it when the session ends, however it ends, and a runner without his session can write nothing:
so a lease that was lost can do no harm, and none is left behind by a crash.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.csv
from adbc_driver_manager import Error as AdbcError
from adbc_driver_postgresql import dbapi
from psycopg import sql

from headwater.database import NONE, Parameters, migrate
from headwater.errors import StateUnavailableError
from headwater.postgres import SESSION, PostgresDatabase, bound
from headwater.settings import Settings
from headwater.shared_state import URL_SETTING
from headwater.warehouse import connect, quote
from syncs.lease import Holder, busy, patiently
from syncs.state_tables import TABLES, Dialect, steps

_STEPS = tuple(
    (*step, *more)
    for step, more in zip(
        steps(Dialect(hash="varchar", json="varchar", scope="sync varchar not null,")),
        (
            (
                "create unique index sent_key on sent (sync, key)",
                "create unique index outbox_row on outbox (sync, run_id, seq)",
                "create index outbox_unsettled on outbox (sync, state) where not settled",
                "create unique index refused_key on refused (sync, key)",
                "create unique index attempts_batch on attempts (sync, batch_id)",
                "create unique index runs_run on runs (sync, run_id)",
                "create table leases (sync varchar primary key, holder varchar not null)",
            ),
            (),
            (),
        ),
        strict=True,
    )
)
_TYPES = {
    pa.int64(): "bigint",
    pa.string(): "varchar",
    pa.float64(): "double precision",
    pa.bool_(): "boolean",
    pa.timestamp("us"): "timestamp",
}
BATCH_ROWS = 50_000


class PostgresState(PostgresDatabase):
    """A session with the rows of one sync; see :class:`syncs.state.State`."""

    hash_type = "varchar"

    def __init__(self, settings: Settings, sync: str, compute: duckdb.DuckDBPyConnection) -> None:
        if settings.sync_state_url is None:
            raise AssertionError("opened without a URL")
        super().__init__(settings.sync_state_url, settings.sync_state_schema, setting=URL_SETTING)
        self.sync = sync
        self.compute = compute
        self._bulk: dbapi.Connection | None = None
        try:
            migrate(self, "syncs", _STEPS)
            for statement in self._views():
                self.change(statement)
        except BaseException:
            self.close()
            raise

    def _views(self) -> list[str]:
        """Under each table's name, the rows of this sync, for this session."""
        statements = []
        for table in TABLES:
            parts = {
                "view": sql.Identifier(table),
                "table": sql.Identifier(self.schema, table),
                "sync": sql.Literal(self.sync),
            }
            for text in (
                "create temp view {view} as select * from {table} where sync = {sync}",
                "alter view {view} alter column sync set default {sync}",
            ):
                statements.append(sql.SQL(text).format(**parts).as_string(self.connection))
        return statements

    def md5(self, text: str) -> str:
        """SQL of the md5 of a text, in the type that the tables keep."""
        return f"md5({text})"

    def hex_of(self, column: str) -> str:
        """SQL of a hash as text."""
        return column

    def fetch(
        self, name: str, query: str, parameters: Parameters = NONE, keys: str | None = None
    ) -> None:
        """Bring the rows of a query to ``compute`` as a temporary table. It is asked in a session
        of its own, so it sees what is committed."""
        with psycopg.ClientCursor(self.connection) as cursor:  # a COPY takes no parameters
            text = cursor.mogrify(bound(query), parameters)
        try:
            bulk = self._bulk_session()
            with bulk.cursor() as cursor:
                if keys is not None:
                    given = self.compute.execute(f"select key from ({keys})")  # noqa: S608
                    cursor.adbc_ingest(
                        "given_key", given.to_arrow_reader(BATCH_ROWS), mode="create",
                        temporary=True,
                    )  # fmt: skip
                    text = (
                        f"select * from ({text}) as asked "  # noqa: S608 (quoted by psycopg)
                        "where key in (select key from given_key)"
                    )
                cursor.execute(text)
                found = cursor.fetch_record_batch()
                self.compute.register("fetched", found)
                self.compute.execute(
                    f"create or replace temp table {quote(name)} as select * from fetched"  # noqa: S608
                )
                self.compute.unregister("fetched")
                if keys is not None:
                    cursor.execute("drop table given_key")
            bulk.commit()
        except (AdbcError, duckdb.InvalidInputException) as error:  # the latter: cut off
            raise StateUnavailableError(f"{self.label}: {error}") from None

    def _bulk_session(self) -> dbapi.Connection:
        if self._bulk is None:
            self._bulk = dbapi.connect(self.conninfo.get_secret_value())
            with self._bulk.cursor() as cursor:
                for statement in (SESSION, *self._views()):
                    cursor.execute(statement)
            self._bulk.commit()
        return self._bulk

    @contextmanager
    def given(self, name: str, rows: pa.Table | pa.RecordBatchReader | str) -> Iterator[None]:
        """Copy rows of this process, or of a query of ``compute``, to a temporary table. Within a
        transaction, at whose end they are gone."""
        if isinstance(rows, str):
            rows = self.compute.execute(rows).to_arrow_reader(BATCH_ROWS)
        reader = rows.to_reader() if isinstance(rows, pa.Table) else rows
        columns = ", ".join(f"{quote(field.name)} {_TYPES[field.type]}" for field in reader.schema)
        with self._told():
            self.connection.execute(
                f"create temp table if not exists {quote(name)} ({columns}) "
                "on commit delete rows".encode()
            )
            statement = f"copy {quote(name)} from stdin (format csv)".encode()
            with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
                for batch in reader:
                    if batch.num_rows:
                        copy.write(_csv(batch))
        yield

    def take_lease(self, settings: Settings, holder: Holder) -> None:
        """Become the one who runs the sync, until this session ends.

        Waits up to ``HEADWATER_WAREHOUSE_WAIT_SECONDS`` for another, then raises
        :class:`WarehouseBusyError` that names him.
        """
        for attempt in patiently(settings):
            with attempt:
                key = {"key": self.lock_key(_lease(self.sync))}
                if not self.rows("select pg_try_advisory_lock($key)", key)[0][0]:
                    raise busy(self.sync, _holder(self, self.sync), settings)
        self.tell(holder, "")

    def tell(self, holder: Holder, doing: str) -> None:
        """Let others read who runs the sync, and how far the run is."""
        self.change(
            "insert into leases (sync, holder) values ($sync, $holder) "
            "on conflict (sync) do update set holder = excluded.holder",
            {"sync": self.sync, "holder": json.dumps({**vars(holder), "doing": doing})},
        )

    def close(self) -> None:
        """End the sessions. The lease is given back first: the server ends a session some time
        after it was closed here. Of a session that is lost, the lease is lost too."""
        if self._bulk is not None:
            self._bulk.close()
        with suppress(psycopg.Error):
            self.connection.execute("select pg_advisory_unlock_all()")
        super().close()


@contextmanager
def open_postgres(settings: Settings, sync: str) -> Iterator[PostgresState]:
    """Open a sync's rows, with a DuckDB for the set-based work that leaves nothing behind."""
    with (
        tempfile.TemporaryDirectory(prefix="headwater-") as place,
        connect(settings, path=Path(place) / "compute.duckdb") as compute,
    ):
        state = PostgresState(settings, sync, compute)
        try:
            yield state
        finally:
            state.close()


def holder_in_postgres(settings: Settings, sync: str) -> Holder | None:
    """Who runs a sync just now. Never waits."""
    if settings.sync_state_url is None:
        raise AssertionError("asked without a URL")
    database = PostgresDatabase(
        settings.sync_state_url, settings.sync_state_schema, setting=URL_SETTING
    )
    try:
        key = database.lock_key(_lease(sync))
        held = database.rows(
            "select 1 from pg_locks where locktype = 'advisory' and objsubid = 1 and granted "
            "and database = (select oid from pg_database where datname = current_database()) "
            "and (classid::bigint << 32 | objid::bigint) = $key",
            {"key": key},
        )
        return _holder(database, sync) if held else None
    finally:
        database.close()


def _lease(sync: str) -> str:
    return f"lease of {sync}"


def _holder(database: PostgresDatabase, sync: str) -> Holder:
    found = database.rows("select holder from leases where sync = $sync", {"sync": sync})
    return Holder.read(found[0][0] if found else "", sync)


def _csv(batch: pa.RecordBatch) -> memoryview:
    """As COPY reads it: text quoted, so that an empty one differs from a null."""
    written = pa.BufferOutputStream()
    options = pyarrow.csv.WriteOptions(
        include_header=False, quoting_style="all_valid", batch_size=BATCH_ROWS
    )
    pyarrow.csv.write_csv(batch, written, options)
    return memoryview(written.getvalue())
