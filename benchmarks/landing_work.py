"""One piece of landing in a process of its own, measured: ``python -m benchmarks.landing_work``.

``export HOME FILE...`` and ``orders HOME URL`` are Headwater's way; ``bare-json DATABASE FILE...``
and ``bare-adbc DATABASE URL`` are the least that any way must do.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
from adbc_driver_postgresql import dbapi
from pydantic import SecretStr

from benchmarks.landing_data import lines_file
from benchmarks.measuring import report_cost
from connectors.landing import land
from connectors.product.client import ProductSource
from connectors.raw_tables import ensure_raw_tables
from connectors.registry import STREAMS_BY_SOURCE
from connectors.stream import Stream
from connectors.zone import LINES, Extracted, LoadFolder, Manifest, Zone
from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.system_settings import ProductSettings
from headwater.warehouse import connect, limited_memory

NOW = datetime(2025, 9, 1, tzinfo=UTC)
(EVENTS,) = STREAMS_BY_SOURCE["mixpanel"]
[ORDERS] = [stream for stream in STREAMS_BY_SOURCE["product"] if stream.name == "group_orders"]


def export(home: Path, *files: str) -> None:
    """Seal the files of an export into the zone and land them."""
    settings = Settings(home=home)
    with report_cost() as came:
        with Zone(settings.landing_zone).extraction(EVENTS, NOW, cursor=None, landed=()) as folder:
            for file in files:
                path = folder.new_part(LINES)
                os.link(file, path)
                # The connector counts lines while the stream passes: not measured.
                folder.seal(path, int(lines_file(Path(file)).read_text()))
            landed = _land(settings, EVENTS, folder, folder.extracted(calls=1, cursor=None))
        came(landed)


def orders(home: Path, url: str) -> None:
    """Extract what changed in the table of orders since the last time, and land it."""
    settings = Settings(home=home)
    source = ProductSource(settings, ProductSettings(database_url=SecretStr(url)))
    with report_cost() as came:
        cursor = None
        landed: list[str] = []
        number = 0
        if settings.warehouse.exists():
            with connect(settings) as connection:
                [(cursor, load_id)] = connection.execute(
                    "select cursor, load_id from landing.cursors where stream = 'group_orders'"
                ).fetchall()
            landed, number = [load_id], 1
        clock = FixedClock(NOW + timedelta(minutes=number))
        with Zone(settings.landing_zone).extraction(
            ORDERS, clock.now(), cursor=cursor, landed=landed
        ) as folder:
            extracted = source.extract(ORDERS, cursor, folder, clock)
            came(_land(settings, ORDERS, folder, extracted))
        source.close()


def bare_json(database: Path, *files: str) -> None:
    """DuckDB's own read_json, into a table."""
    with report_cost() as came, duckdb.connect(str(database)) as connection:
        connection.execute(
            "create table events as select * from read_json($files, format = 'nd')",
            {"files": list(files)},
        )
        came(_count(connection, "events"))


def bare_adbc(database: Path, url: str) -> None:
    """ADBC's record batches straight into a DuckDB table."""
    with (
        report_cost() as came,
        dbapi.connect(url) as postgres,
        postgres.cursor() as cursor,
        duckdb.connect(str(database)) as connection,
    ):
        cursor.execute("select * from app.group_orders")
        reader = cursor.fetch_record_batch()  # noqa: F841 - DuckDB finds it by its name
        connection.execute("create table group_orders as select * from reader")
        came(_count(connection, "group_orders"))


def _land(settings: Settings, stream: Stream, folder: LoadFolder, extracted: Extracted) -> int:
    manifest = Manifest(
        load_id=folder.load_id, source=stream.source, stream=stream.name, cycle_id="bench",
        started_at=NOW, received_at=NOW, cursor_before=None, cursor_after=extracted.cursor,
        timezone=extracted.timezone, calls=extracted.calls, parts=tuple(folder.parts),
    )  # fmt: skip
    Zone(settings.landing_zone).commit(folder, manifest)
    with (
        connect(settings) as connection,
        limited_memory(connection, settings.landing_memory_limit),
    ):
        ensure_raw_tables(connection, [stream])
        result = land(connection, stream, manifest, folder.path, FixedClock(NOW))
    if result is None or result.quarantined:
        raise AssertionError(f"rows are missing: {result}")
    return result.landed


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    [(rows,)] = connection.execute(f"select count(*) from {table}").fetchall()
    return int(rows)


WORK = {"export": export, "orders": orders, "bare-json": bare_json, "bare-adbc": bare_adbc}

if __name__ == "__main__":
    name, place, *arguments = sys.argv[1:]
    WORK[name](Path(place), *arguments)
