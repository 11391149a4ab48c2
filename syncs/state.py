"""What a sync remembers: one DuckDB file per sync, held by one runner at a time.

docs/decisions/0002-sync-state.md says why. Each method that changes something is one transaction;
when it returns, the change survives the death of the process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb

from headwater.errors import WarehouseBusyError
from headwater.settings import Settings
from headwater.warehouse import connect
from syncs.lease import holder

SCHEMA = """
create table if not exists sent (
    key varchar not null,           -- the key as delivered
    model_hash uhugeint,             -- md5 of the model row that was acknowledged
    fields json,                    -- per field, what the destination acknowledged last
    destination_id varchar,         -- what the destination calls the record
    acknowledged_at timestamp not null,
    run_id varchar not null
);
create table if not exists outbox (
    run_id varchar not null,
    seq bigint not null,            -- order of delivery within the run
    key varchar not null,
    operation varchar not null,     -- create, update, remove
    fields json not null,           -- what is sent
    before json not null,           -- what the destination acknowledged for these fields before
    after json not null,            -- what `sent` says of the key once this is acknowledged
    model_hash uhugeint,
    token varchar not null,         -- the same whenever this key is sent
    destination_id varchar,
    batch_id varchar,
    state varchar not null,         -- pending, in_flight, delivered, rejected, unknown, superseded
    code varchar,
    message varchar,
    attempts integer not null,
    settled boolean not null,       -- `sent` or `refused` knows of it
    changed_at timestamp not null,
    content uhugeint,               -- md5 of operation and fields as planned
    suspect boolean,                -- spoiled its batch before: travels apart
    spoils boolean                  -- the destination refused its batch because of it
);
alter table outbox add column if not exists content uhugeint;
alter table outbox add column if not exists suspect boolean;
alter table outbox add column if not exists spoils boolean;
create table if not exists refused (
    key varchar not null,
    content uhugeint not null,      -- md5 of the operation and the fields that were refused
    operation varchar not null,
    fields json not null,
    code varchar,
    message varchar,
    spoils boolean not null,        -- the destination refuses the whole batch for it
    attempts integer not null,      -- runs in which it was refused
    first_seen_at timestamp not null,
    last_seen_at timestamp not null,
    retry_at timestamp,             -- not before; null: with the next run
    destination_fields varchar      -- md5 of the destination's fields when it was refused last
);
create table if not exists edits (  -- fields that others were seen to have changed
    run_id varchar not null,
    key varchar not null,
    field varchar not null,
    written json,                   -- what we wrote last
    found json,                     -- what was there instead
    wanted json,                    -- what the model says
    kept boolean not null,          -- theirs stayed
    seen_at timestamp not null
);
create table if not exists attempts (
    batch_id varchar not null,      -- one call or job
    run_id varchar not null,
    handle varchar,                 -- what the vendor calls it
    rows integer not null,
    started_at timestamp not null,
    finished_at timestamp
);
create table if not exists runs (
    run_id varchar not null,
    cycle_id varchar,
    as_of timestamp,
    started_at timestamp not null,
    finished_at timestamp,
    status varchar not null,        -- running, clean, partial, failed, blocked
    reason varchar,
    planned bigint not null default 0,
    created bigint not null default 0,
    updated bigint not null default 0,
    removed bigint not null default 0,
    adopted bigint not null default 0,
    unchanged bigint not null default 0,
    recovered bigint not null default 0,
    rejected bigint not null default 0,
    quarantined bigint default 0,   -- refused too often: not planned until they are let go
    owed bigint not null default 0,
    calls bigint not null default 0,
    least_calls bigint not null default 0,
    warehouse_seconds double not null default 0,
    model_rows bigint,              -- rows of the model when it was compared
    request varchar,                -- what a person asked of this run beyond the definition
    left_out bigint,                -- planned rows that the request left out
    audited boolean,                -- its file of the audit is written
    fence bigint                    -- counts up; only the newest run may write
);
alter table runs add column if not exists fence bigint;
alter table runs add column if not exists model_rows bigint;
alter table runs add column if not exists request varchar;
alter table runs add column if not exists left_out bigint;
alter table runs add column if not exists audited boolean;
alter table runs add column if not exists quarantined bigint default 0;
"""


class RowState(StrEnum):
    """Where a row of the outbox stands."""

    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    SUPERSEDED = "superseded"


class RunStatus(StrEnum):
    """How a run ended; ``busy``: another run of the sync was on, so this one did nothing;
    ``paused``: a person stopped it."""

    RUNNING = "running"
    CLEAN = "clean"
    PARTIAL = "partial"
    FAILED = "failed"
    BLOCKED = "blocked"
    BUSY = "busy"
    PAUSED = "paused"


@dataclass(frozen=True)
class Tally:
    """The rows of one run by what became of them."""

    planned: int = 0
    created: int = 0
    updated: int = 0
    removed: int = 0
    rejected: int = 0
    owed: int = 0

    @property
    def delivered(self) -> int:
        """Rows that the destination acknowledged."""
        return self.created + self.updated + self.removed


def state_path(settings: Settings, name: str) -> Path:
    """The state file of a sync."""
    return settings.sync_state / f"{name}.duckdb"


@contextmanager
def open_state(settings: Settings, name: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a sync's state for a runner that holds its lease."""
    with connect(settings, path=state_path(settings, name)) as connection:
        connection.execute(SCHEMA)
        yield connection


def require_not_running(settings: Settings, name: str) -> None:
    """Raise :class:`WarehouseBusyError` at once while somebody runs the sync."""
    running = holder(settings, name)
    if running is not None:
        raise WarehouseBusyError(
            f"{name} is being run by {running}.",
            next_step="Its rows can be looked at when it has ended.",
        )


@contextmanager
def look_at_state(settings: Settings, name: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a sync's state for reading. Raises :class:`WarehouseBusyError` at once while it runs."""
    require_not_running(settings, name)
    with connect(settings, read_only=True, path=state_path(settings, name)) as connection:
        yield connection


def begin_run(
    connection: duckdb.DuckDBPyConnection, cycle_id: str, as_of: datetime, started_at: datetime
) -> tuple[str, int]:
    """Open a run and return its id and its fencing number, greater than that of any run before.

    Runs that a crash left open are closed as failed first.
    """
    with transaction(connection):
        for (abandoned,) in connection.execute(
            "select run_id from runs where status = 'running'"
        ).fetchall():
            _close(
                connection,
                abandoned,
                RunStatus.FAILED,
                "The process died.",
                finished_at=started_at,
                measures={},
            )
        fence = one(connection, "select greatest(max(fence), count(*)) + 1 from runs")
        run_id = f"{naive(started_at):%Y%m%dT%H%M%SZ}-{fence:04d}"
        connection.execute(
            "insert into runs (run_id, cycle_id, as_of, started_at, status, fence) "
            "values (?, ?, ?, ?, 'running', ?)",
            [run_id, cycle_id, naive(as_of), naive(started_at), fence],
        )
    return run_id, fence


def finish_run(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    status: RunStatus,
    reason: str | None,
    *,
    fence: int,
    finished_at: datetime,
    measures: Mapping[str, int | float | str | None],
) -> Tally:
    """Close a run. Raises AssertionError if its rows do not add up, and
    :class:`WarehouseBusyError` if another run has begun since."""
    with transaction(connection, fence):
        return _close(
            connection, run_id, status, reason, finished_at=finished_at, measures=measures
        )


def _close(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    status: RunStatus,
    reason: str | None,
    *,
    finished_at: datetime,
    measures: Mapping[str, int | float | str | None],
) -> Tally:
    tally = tally_of(connection, run_id)
    values: dict[str, Any] = {
        "finished_at": naive(finished_at),
        "status": status.value,
        "reason": reason,
        "planned": tally.planned,
        "created": tally.created,
        "updated": tally.updated,
        "removed": tally.removed,
        "rejected": tally.rejected,
        "owed": tally.owed,
        **measures,
    }
    assignments = ", ".join(f"{column} = ?" for column in values)
    connection.execute(
        f"update runs set {assignments} where run_id = ?",  # noqa: S608 (our own column names)
        [*values.values(), run_id],
    )
    return tally


def tally_of(connection: duckdb.DuckDBPyConnection, run_id: str) -> Tally:
    """Count a run's rows; planned = delivered + rejected + owed always holds."""
    row = connection.execute(
        """
        select
            count(*),
            count(*) filter (state = 'delivered' and operation = 'create'),
            count(*) filter (state = 'delivered' and operation = 'update'),
            count(*) filter (state = 'delivered' and operation = 'remove'),
            count(*) filter (state = 'rejected'),
            count(*) filter (state in ('pending', 'in_flight', 'unknown'))
        from outbox
        where run_id = ? and state <> 'superseded'
        """,
        [run_id],
    ).fetchall()[0]
    tally = Tally(*row)
    if tally.planned != tally.delivered + tally.rejected + tally.owed:
        raise AssertionError(f"Run {run_id} does not add up: {tally}.")
    return tally


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection, fence: int | None = None) -> Iterator[None]:
    """All of the block, or nothing of it; durable when it ends.

    Raises :class:`WarehouseBusyError` before the block when a run with a greater ``fence`` began.
    """
    connection.execute("begin")
    try:
        if fence is not None and one(connection, "select max(fence) from runs") != fence:
            raise WarehouseBusyError(
                "Another run of this sync has begun, so this one may not write any more.",
                next_step="The other one resolves what this one had in flight.",
            )
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def naive(at: datetime) -> datetime:
    """UTC without a zone, as DuckDB keeps it."""
    return at.astimezone(UTC).replace(tzinfo=None)


def one(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] = ()
) -> Any:
    """The single value of a query that has one."""
    return connection.execute(query, list(parameters)).fetchall()[0][0]
