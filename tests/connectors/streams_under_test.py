"""A small stream of each mode, and loads written by hand: what the landing engine is tested on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.contract import Clock as Timekeeping
from connectors.contract import Contract, column
from connectors.landing import LoadResult, land
from connectors.raw_tables import ensure_raw_tables
from connectors.stream import Deletes, Mode, Stream
from connectors.zone import LINES, PARQUET, Kind, Manifest, Zone
from headwater.clock import FixedClock

NOON = datetime(2025, 8, 29, 12, tzinfo=UTC)


class Thing(Contract):
    """One row per thing."""

    id: str = column("id", "Id.")
    size: int | None = column("properties.size", "Size.")
    ratio: float | None = column("properties.ratio", "Ratio.")
    is_red: bool | None = column("properties.red", "Colour.")
    label: str | None = column("properties.label", "Label.")
    tags: list | None = column("properties.tags", "Tags.")  # type: ignore[type-arg]
    changed_at: datetime = column("changed", "Last change; the cursor.")
    gone: bool = column("gone", "Deleted.")


class Lead(Contract):
    """One row per lead."""

    id: str = column("id", "Id.")
    changed_at: datetime = column("changed", "Last change.")
    master_id: str | None = column("master", "The lead it became part of.")
    absorbed: str | None = column("absorbed", "The leads that became part of it.")
    absorbed_list: list | None = column("list", "The same as a list.")  # type: ignore[type-arg]


class Happening(Contract):
    """One row per happening."""

    name: str = column("event", "Name.")
    actor: str = column("properties.actor", "Actor.")
    happened_at: datetime = column("properties.time", "When.", clock=Timekeeping.EPOCH_SECONDS)
    note: str | None = column("properties.$note", "Note.")
    stored_at: int | None = column("properties.stored", "When it was stored.")


class Line(Contract):
    """One row per line; its columns are named like what the engine keeps about a record."""

    row_number: int = column("row_number", "Line.")
    key: str = column("key", "Key.")
    reason: str | None = column("reason", "Reason.")
    record: str | None = column("record", "Record.")
    kind: str | None = column("kind", "Kind.")
    file: str | None = column("file", "File.")
    line_number: int | None = column("line_number", "Line number.")
    fields: str | None = column("fields", "Fields.")


THINGS = Stream(
    source="shop",
    name="things",
    contract=Thing,
    mode=Mode.MERGE,
    key=("id",),
    version=("changed_at",),
    cursor="changed_at",
    deletes=Deletes("a flag", flag="gone", at="changed_at"),
    ignored=("url",),
)
LISTED = Stream(
    source="shop",
    name="listed",
    contract=Thing,
    mode=Mode.MERGE,
    key=("id",),
    version=("changed_at",),
    cursor="changed_at",
    deletes=Deletes("a feed"),
)
HAPPENINGS = Stream(
    source="shop",
    name="happenings",
    contract=Happening,
    mode=Mode.APPEND,
    key=("name", "actor", "happened_at"),
    version=("stored_at",),
    cursor="day",
    deletes=Deletes("none"),
)
LINES_OF_A_SHEET = Stream(
    source="shop",
    name="lines",
    contract=Line,
    mode=Mode.SNAPSHOT,
    key=("row_number",),
    version=(),
    cursor="none",
    deletes=Deletes("vanished lines"),
)


def thing(id_: str, changed: int = 0, *, gone: bool = False, **properties: Any) -> dict[str, Any]:
    """A record of :data:`THINGS`; ``changed`` is in seconds after noon."""
    moment = (NOON + timedelta(seconds=changed)).isoformat()
    return {"id": id_, "properties": properties, "changed": moment, "gone": gone}


def happening(actor: str, time: int, **properties: Any) -> dict[str, Any]:
    """A record of :data:`HAPPENINGS`."""
    return {"event": "Opened", "properties": {"actor": actor, "time": time, **properties}}


@dataclass
class Shop:
    """A warehouse in memory and a zone, with one call to receive and land a load."""

    root: Path

    def __post_init__(self) -> None:
        self.zone = Zone(self.root)
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'")
        ensure_raw_tables(self.connection, (THINGS, LISTED, HAPPENINGS, LINES_OF_A_SHEET))

    def receive(
        self,
        stream: Stream,
        *parts: Iterable[Mapping[str, Any] | str] | pa.Table,
        tombstones: Iterable[Mapping[str, Any]] = (),
        keys: pa.Table | None = None,
        timezone: str = "UTC",
        cursor: str | None = None,
    ) -> tuple[Path, Manifest]:
        """Write a load; strings are lines as they are, tables are Parquet."""
        folder = self.zone.open_load(stream, NOON)
        for part in parts:
            if isinstance(part, pa.Table):
                path = folder.new_part(PARQUET)
                pq.write_table(part, path)
                folder.seal(path, part.num_rows)
                continue
            lines = [line if isinstance(line, str) else json.dumps(line) for line in part]
            path = folder.new_part(LINES)
            text = "".join(f"{line}\n" for line in lines).encode()
            path.write_bytes(gzip.compress(text, compresslevel=1))
            folder.seal(path, len(lines))
        folder.write_records([list(tombstones)], Kind.TOMBSTONES)
        if keys is not None:
            path = folder.new_part(PARQUET)
            pq.write_table(keys, path)
            folder.seal(path, keys.num_rows, Kind.KEYS)
        received_at = NOON + timedelta(minutes=int(folder.load_id[-8:]))
        manifest = Manifest(
            load_id=folder.load_id,
            source=stream.source,
            stream=stream.name,
            cycle_id="cycle",
            started_at=received_at,
            received_at=received_at,
            cursor_before=None,
            cursor_after=cursor,
            timezone=timezone,
            calls=1,
            parts=tuple(folder.parts),
        )
        self.zone.commit(folder, manifest)
        return folder.path, manifest

    def land(self, stream: Stream, load: tuple[Path, Manifest]) -> LoadResult | None:
        """Land a received load."""
        folder, manifest = load
        return land(self.connection, stream, manifest, folder, FixedClock(manifest.received_at))

    def load(
        self,
        stream: Stream,
        *parts: Iterable[Mapping[str, Any] | str] | pa.Table,
        **options: Any,
    ) -> LoadResult:
        """Receive and land."""
        result = self.land(stream, self.receive(stream, *parts, **options))
        assert result is not None
        assert result.received == result.landed + result.duplicates + result.quarantined
        return result

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(sql).fetchall()
