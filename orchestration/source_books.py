"""What the landing engine's books say of a source, for the pages of its assets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg
import duckdb

LOADS_SHOWN = 10
Row = dict[str, Any]


@dataclass(frozen=True)
class Books:
    """The books of one stream: its last loads and unknown fields, newest first, and how many bad
    records were quarantined lately."""

    loads: tuple[Row, ...] = ()
    drift: tuple[Row, ...] = ()
    quarantined_lately: int = 0

    def metadata(self) -> dict[str, dg.TableMetadataValue | int]:
        """As Dagster shows it: the numbers only, never a record."""
        shown: dict[str, dg.TableMetadataValue | int] = {"unknown_fields": len(self.drift)}
        if self.loads:
            shown["loads"] = _table(self.loads)
        if self.drift:
            shown["drift"] = _table(self.drift)
        return shown


def read_books(
    connection: duckdb.DuckDBPyConnection, source: str, lately: datetime
) -> Mapping[str, Books]:
    """Stream to its books; streams that nothing was ever heard of are not there.

    ``lately`` is the moment (UTC) after which a bad record counts as new.
    """
    loads = _by_stream(
        connection,
        """
        select
            stream, load_id, lane, strftime(landed_at, '%Y-%m-%d %H:%M:%S') as landed_at,
            received, landed, duplicates, quarantined, tombstoned, files, bytes
        from landing.loads
        where source = ?
        qualify row_number() over (partition by stream order by load_id desc) <= ?
        order by load_id desc
        """,
        [source, LOADS_SHOWN],
    )
    drift = _by_stream(
        connection,
        """
        select
            stream, field, strftime(first_seen_at, '%Y-%m-%d %H:%M:%S') as first_seen_at,
            strftime(last_seen_at, '%Y-%m-%d %H:%M:%S') as last_seen_at, seen
        from landing.drift
        where source = ?
        order by first_seen_at desc, field
        """,
        [source],
    )
    quarantined = dict(
        connection.execute(
            "select stream, count(*) from landing.quarantine "
            "where source = ? and quarantined_at > ? group by stream",
            [source, lately.replace(tzinfo=None)],
        ).fetchall()
    )
    return {
        stream: Books(
            loads=tuple(loads.get(stream, ())),
            drift=tuple(drift.get(stream, ())),
            quarantined_lately=quarantined.get(stream, 0),
        )
        for stream in loads.keys() | drift.keys() | quarantined.keys()
    }


def _by_stream(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: list[Any]
) -> dict[str, list[Row]]:
    """The rows of a query whose first column is the stream, without that column, by it."""
    cursor = connection.execute(query, parameters)
    names = [column[0] for column in cursor.description or []][1:]
    found: dict[str, list[Row]] = {}
    for stream, *values in cursor.fetchall():
        found.setdefault(stream, []).append(dict(zip(names, values, strict=True)))
    return found


def _table(rows: tuple[Row, ...]) -> dg.TableMetadataValue:
    kinds = {name: "int" if isinstance(value, int) else "string" for name, value in rows[0].items()}
    return dg.MetadataValue.table(
        records=[dg.TableRecord(row) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name, kind) for name, kind in kinds.items()]),
    )
