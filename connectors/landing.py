"""The landing engine: puts the files of one load into DuckDB, set-based.

    parts ──stage──> typed rows with a verdict ──compare──> raw table, quarantine, books

Staging parses, casts and checks in one pass. Rows, tombstones, quarantine, drift, the cursor and
the line in ``landing.loads`` are then written in one transaction, which ends only when
received = landed + duplicates + quarantined + erased.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

import duckdb

from connectors.erase_load import erase_load
from connectors.landing_keys import tombstone_missing
from connectors.landing_quarantine import count_open, keep_bad_records
from connectors.landing_rows import (
    apply_tombstones,
    as_timestamp,
    note_drift,
    note_merges,
    replace_rows,
    tombstone_vanished,
)
from connectors.landing_stage import create_records, create_stage, drop_stage
from connectors.stream import Mode, Stream
from connectors.zone import CYCLE, MANIFEST, Kind, Manifest, zone_of
from headwater.clock import Clock
from headwater.durable_file import write_durably
from headwater.erased_rows import Search
from headwater.erasures import read_tombstones
from headwater.errors import SourceDataError
from headwater.warehouse import ROW_GROUP
from headwater.worker_threads import worker_threads

SMALL_TABLE = 10_000_000
"""Rows of a raw table up to which its keys are soon looked through."""


@dataclass(frozen=True)
class LoadResult:
    """What one load of one stream did; ``received = landed + duplicates + quarantined + erased``.

    ``erased`` are records of people who were erased: they are dropped, in the zone too.
    ``open_quarantine`` counts the stream's bad records, of this load and of earlier ones, that no
    later load has made good. ``calls`` and ``bytes`` are those of the extraction, ``seconds`` those
    of the landing.
    """

    load_id: str
    source: str
    stream: str
    received: int
    landed: int
    duplicates: int
    quarantined: int
    open_quarantine: int
    tombstoned: int
    calls: int
    bytes: int
    seconds: float
    cursor: str | None
    erased: int = 0

    def in_words(self) -> str:
        """The account in one line, for a log."""
        erased = f", erased {self.erased}" if self.erased else ""
        return (
            f"{self.source}.{self.stream}: received {self.received}, landed {self.landed}, "
            f"duplicates {self.duplicates}, quarantined {self.quarantined}{erased}"
        )


def land(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    manifest: Manifest,
    folder: Path,
    clock: Clock,
) -> LoadResult | None:
    """Land one load; ``None`` when it landed before (nothing changes then).

    ``folder`` holds the manifest's parts. The raw tables must exist
    (:func:`connectors.raw_tables.ensure_raw_tables`). Raises
    :class:`headwater.errors.SourceDataError` when a part is not what the manifest says, or the
    accounts don't add up; the warehouse is then as it was. Records of erased people are taken out
    of the parts first (:mod:`connectors.erase_load`).
    """
    if connection.execute(
        "select 1 from landing.loads where load_id = ?", [manifest.load_id]
    ).fetchone():
        return None
    started = time.perf_counter()
    manifest = _in_order_of_landing(connection, stream, manifest, folder, clock)
    # Every way of landing comes through here, so that nobody can come back by another one.
    tombstones = read_tombstones(zone_of(folder))
    if tombstones:
        manifest = erase_load(Search(connection, tombstones), stream, manifest, folder)
    with (
        worker_threads(connection, is_small=_is_small(connection, stream, manifest)),
        _scratch(connection),
    ):
        create_stage(connection, stream, manifest, folder)
        connection.execute("begin transaction")
        try:
            result = _commit_rows(connection, stream, manifest, folder, clock)
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise
    return LoadResult(
        load_id=manifest.load_id,
        source=stream.source,
        stream=stream.name,
        received=manifest.received,
        landed=result.landed,
        duplicates=result.duplicates,
        quarantined=result.quarantined,
        open_quarantine=result.open_quarantine,
        tombstoned=result.tombstoned,
        calls=manifest.calls,
        bytes=manifest.bytes,
        seconds=time.perf_counter() - started,
        cursor=manifest.cursor_after,
        erased=manifest.erased,
    )


def _is_small(connection: duckdb.DuckDBPyConnection, stream: Stream, manifest: Manifest) -> bool:
    """Whether landing it is work for one thread."""
    if sum(part.rows for part in manifest.parts) > ROW_GROUP:
        return False
    [(rows,)] = connection.execute(
        "select estimated_size from duckdb_tables() "
        "where database_name = current_database() and schema_name = ? and table_name = ?",
        [stream.schema, stream.name],
    ).fetchall()
    return int(rows) <= SMALL_TABLE


def _in_order_of_landing(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    manifest: Manifest,
    folder: Path,
    clock: Clock,
) -> Manifest:
    """The manifest; received anew, in the zone too, where a load that was received after it landed
    before it (a cycle's before a backfill's): a replay knows no order but that of receipt, and of
    two loads that brought the same record the first one landed it."""
    [(newest,)] = connection.execute(
        "select max((received_at, load_id)) from landing.loads "
        "where source = ? and stream = ? and received_at is not null",
        [stream.source, stream.name],
    ).fetchall()
    if newest is None or newest < (as_timestamp(manifest.received_at), manifest.load_id):
        return manifest
    after = newest[0].replace(tzinfo=UTC) + timedelta(microseconds=1)
    moved = manifest.model_copy(update={"received_at": max(clock.now(), after)})
    write_durably(folder / MANIFEST, moved.model_dump_json(indent=2))
    return moved


@dataclass(frozen=True)
class _Account:
    landed: int
    duplicates: int
    quarantined: int
    open_quarantine: int
    tombstoned: int


def _commit_rows(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    manifest: Manifest,
    folder: Path,
    clock: Clock,
) -> _Account:
    received_at = as_timestamp(manifest.received_at)
    [(staged, bad)] = connection.execute("select count(*), count(_reason) from stage").fetchall()
    create_records(connection, all_good=not bad)
    quarantined = keep_bad_records(connection, stream, manifest, received_at) if bad else 0
    outdated = stream.mode is Mode.SNAPSHOT and _is_outdated(connection, stream, manifest)
    tombstoned = landed = 0
    if not outdated:
        landed, tombstoned = replace_rows(connection, stream, manifest, received_at)
        if any(part.kind is Kind.TOMBSTONES for part in manifest.parts):
            deleted = apply_tombstones(connection, stream, manifest, received_at)
            landed, tombstoned = landed + deleted, tombstoned + deleted
        note_drift(connection, stream, received_at)
        note_merges(connection, stream, received_at)
    if stream.mode is Mode.SNAPSHOT and not outdated:
        tombstoned += tombstone_vanished(connection, stream, manifest, received_at)
    tombstoned += tombstone_missing(connection, stream, manifest, folder, received_at)
    account = _Account(
        landed=landed,
        duplicates=(staged - bad - landed) + (bad - quarantined),
        quarantined=quarantined,
        open_quarantine=count_open(connection, stream, manifest),
        tombstoned=tombstoned,
    )
    told = landed + account.duplicates + quarantined + manifest.erased
    if manifest.received != told or account.duplicates < 0:
        raise SourceDataError(
            f"{manifest.load_id}: received {manifest.received}, but landed {landed}, duplicates "
            f"{account.duplicates}, quarantined {quarantined} and erased {manifest.erased} don't "
            "add up to it.",
            next_step="Nothing was written. This is a defect of the landing engine: report it.",
        )
    if manifest.lane == CYCLE:
        _move_cursor(connection, stream, manifest)
    _write_books(connection, stream, manifest, account, clock)
    return account


def _is_outdated(connection: duckdb.DuckDBPyConnection, stream: Stream, manifest: Manifest) -> bool:
    """Whether a newer snapshot landed before this one."""
    newer = connection.execute(
        "select 1 from landing.cursors where source = ? and stream = ? and load_id > ?",
        [stream.source, stream.name, manifest.load_id],
    ).fetchone()
    return newer is not None


def _move_cursor(connection: duckdb.DuckDBPyConnection, stream: Stream, manifest: Manifest) -> None:
    connection.execute(
        """
        merge into landing.cursors as present
        using (
            select $source as source, $stream as stream, $cursor as cursor, $load_id as load_id
        ) as moved
        on present.source = moved.source and present.stream = moved.stream
        when matched and moved.load_id > present.load_id
        then update set cursor = moved.cursor, load_id = moved.load_id
        when not matched then insert (source, stream, cursor, load_id)
        values (moved.source, moved.stream, moved.cursor, moved.load_id)
        """,
        {
            "source": stream.source,
            "stream": stream.name,
            "cursor": manifest.cursor_after,
            "load_id": manifest.load_id,
        },
    )


def _write_books(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    manifest: Manifest,
    account: _Account,
    clock: Clock,
) -> None:
    connection.execute(
        "insert into landing.loads values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            manifest.load_id,
            stream.source,
            stream.name,
            manifest.cycle_id,
            as_timestamp(manifest.started_at),
            as_timestamp(clock.now()),
            manifest.received,
            account.landed,
            account.duplicates,
            account.quarantined,
            account.tombstoned,
            len(manifest.parts),
            manifest.bytes,
            manifest.cursor_before,
            manifest.cursor_after,
            manifest.lane,
            as_timestamp(manifest.received_at),
            manifest.erased,
        ],
    )


@contextmanager
def _scratch(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Leave no temporary table behind, however it ends."""
    try:
        yield
    finally:
        for view in ("winners", "records"):
            connection.execute(f"drop view if exists temp.{view}")
        for table in ("met", "newer", "losers"):
            connection.execute(f"drop table if exists temp.{table}")
        drop_stage(connection)
