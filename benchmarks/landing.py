"""Landing: Mixpanel-like lines through the landing engine, against DuckDB merely reading them."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from benchmarks.measuring import Figure, median_seconds
from connectors.landing import land
from connectors.raw_tables import ensure_raw_tables
from connectors.registry import STREAMS_BY_SOURCE
from connectors.zone import LoadFolder, Manifest, Zone
from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.warehouse import connect

NOW = datetime(2025, 8, 29, tzinfo=UTC)
(STREAM,) = STREAMS_BY_SOURCE["mixpanel"]


def measure(rows: int, runs: int) -> Figure:
    """Rows landed a second, each time into an empty warehouse."""
    with TemporaryDirectory(prefix="headwater-bench-") as place:
        root = Path(place)
        zone = Zone(root / "landing")
        folder = zone.open_load(STREAM, NOW)
        part = _lines(folder, rows)
        manifest = _manifest(folder)
        zone.commit(folder, manifest)
        number = 0

        def landed() -> None:
            nonlocal number
            number += 1
            settings = Settings(home=root, warehouse_path=root / f"warehouse-{number}.duckdb")
            with connect(settings) as connection:
                ensure_raw_tables(connection)
                result = land(connection, STREAM, manifest, folder.path, FixedClock(NOW))
            if result is None or result.landed != rows:
                raise AssertionError(f"{rows} lines written, but {result} came of them")
            settings.warehouse.unlink()

        def read() -> None:
            duckdb.sql(
                "create or replace temp table read as "
                f"select * from read_json('{part}', format = 'newline_delimited')"
            )

        return Figure(
            name="landing",
            amount=rows,
            unit="rows",
            runs=runs,
            seconds=median_seconds(landed, runs),
            floor="DuckDB's bare read_json of the same file",
            floor_seconds=median_seconds(read, runs),
        )


def _lines(folder: LoadFolder, rows: int) -> Path:
    path = folder.new_part("ndjson.gz")
    start = int(NOW.timestamp()) - 86_400 * 30
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8") as file:
        for number in range(rows):
            properties = {
                "time": start + number % (86_400 * 30),
                "distinct_id": str(number % 20_000),
                "$insert_id": f"{number:032x}",
                "$user_id": str(number % 20_000),
                "$device_id": f"device-{number % 30_000}",
                "workspace_id": number % 3_000,
                "$os": "Mac OS X",
                "$current_url": f"https://app.example.com/orders/{number % 977}",
            }
            file.write(json.dumps({"event": "Order Line Added", "properties": properties}) + "\n")
    folder.seal(path, rows)
    return path


def _manifest(folder: LoadFolder) -> Manifest:
    return Manifest(
        load_id=folder.load_id, source=STREAM.source, stream=STREAM.name, cycle_id="bench",
        started_at=NOW, received_at=NOW, cursor_before=None, cursor_after=None, timezone="UTC",
        calls=1, parts=tuple(folder.parts),
    )  # fmt: skip
