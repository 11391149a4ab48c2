"""A slice: what a stretch of days changed everywhere, ready to be loaded, now or on a later day."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.company import truth
from sandbox.company.product_schema import TABLES
from sandbox.company.timeline import ALL_DAYS, DAYS, at
from sandbox.company.versions import Row
from sandbox.company.world import World

BEFORE = -100_000.0
"""A moment, in days, before everything."""


@dataclass
class Slice:
    """What became visible up to ``until``: product rows, vendor records, events, truth.

    ``events`` are Mixpanel's by day, ``event_files`` the website's by name, both compressed lines.
    """

    until: datetime
    product: dict[str, pa.Table]
    records: dict[tuple[str, str], list[Row]]
    sheet: list[list[str]]
    events: list[tuple[date, bytes]]
    event_files: list[tuple[str, bytes]]
    truth: dict[str, pa.Table]

    def save(self, folder: Path) -> None:
        """Write the slice into a folder of its own, to be loaded on its day."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in self.product.items():
            pq.write_table(table, folder / f"product.{name}.parquet")
        for name, table in self.truth.items():
            pq.write_table(table, folder / f"{name}.parquet")
        rest = {
            "until": self.until.isoformat(),
            "records": [[vendor, table, rows] for (vendor, table), rows in self.records.items()],
            "sheet": self.sheet,
            "events": [
                [day.isoformat(), base64.b64encode(lines).decode()] for day, lines in self.events
            ],
            "event_files": [
                [name, base64.b64encode(lines).decode()] for name, lines in self.event_files
            ],
        }
        (folder / "records.json").write_text(json.dumps(rest), encoding="utf-8")


def read(folder: Path) -> Slice:
    """The slice that :meth:`Slice.save` wrote."""
    rest = json.loads((folder / "records.json").read_text(encoding="utf-8"))
    return Slice(
        until=datetime.fromisoformat(rest["until"]),
        product={
            name: pq.read_table(folder / f"product.{name}.parquet", schema=schema)
            for name, schema in TABLES.items()
        },
        records={(vendor, table): rows for vendor, table, rows in rest["records"]},
        sheet=rest["sheet"],
        events=[
            (date.fromisoformat(day), base64.b64decode(lines)) for day, lines in rest["events"]
        ],
        event_files=[(name, base64.b64decode(lines)) for name, lines in rest["event_files"]],
        truth={file.stem: pq.read_table(file) for file in sorted(folder.glob("truth_*.parquet"))},
    )


def cut(world: World, start: float, end: float) -> Slice:
    """What changes in [start, end) days; the truth is that of ``end``."""
    return Slice(
        until=at(end),
        product={name: world.product_rows(name, start, end) for name in TABLES},
        records=world.records(start, end),
        sheet=world.sheet_grid(end),
        events=list(world.events.files(start, end)),
        event_files=list(world.website.files(start, end)),
        truth=truth.tables(world, end),
    )


def first(world: World) -> Slice:
    """Everything up to the first cycle."""
    return cut(world, BEFORE, float(DAYS))


def following(world: World) -> Iterator[Slice]:
    """One slice for each day after the first cycle."""
    for day in range(DAYS, ALL_DAYS):
        yield cut(world, float(day), float(day + 1))
