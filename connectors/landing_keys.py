"""Key comparison: marks the rows that are gone at the source without a trace.

A load may bring, beside what changed, the keys of all records that the source holds (parts of kind
``keys``, Parquet with the key's columns only). A row that is neither among them nor in the load
itself is gone. An empty part is never written, so that a source that suddenly shows nothing at all
(a right that was lost, say) is not taken for one whose records were all deleted.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb

from connectors.raw_tables import table_name
from connectors.stream import Stream
from connectors.zone import Kind, Manifest
from headwater.warehouse import literal, quote


def tombstone_missing(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    manifest: Manifest,
    folder: Path,
    received_at: datetime,
) -> int:
    """Mark the rows whose keys the source no longer holds; returns how many. Rows of later loads
    are left alone. Without parts of kind ``keys`` nothing is marked."""
    files = [literal(str(folder / p.file)) for p in manifest.parts if p.kind is Kind.KEYS]
    if not files:
        return 0
    types = {column.name: column.type for column in stream.columns}
    paths = {column.name: ".".join(column.path) for column in stream.columns}
    keys = ", ".join(
        f"cast({quote(paths[name])} as {types[name]}) as {quote(name)}" for name in stream.key
    )
    in_keys, in_stage = (
        " and ".join(f"{there}.{quote(name)} = present.{quote(name)}" for name in stream.key)
        for there in ("held", "stage")
    )
    row = connection.execute(
        f"""
        update {table_name(stream)} as present
        set _deleted_at = $received_at, _load_id = $load_id, _landed_at = $received_at
        where _deleted_at is null
            and _load_id <= $load_id
            and not exists (
                select 1
                from (select {keys} from read_parquet([{", ".join(files)}])) as held
                where {in_keys}
            )
            and not exists (select 1 from stage where {in_stage})
        """,
        {"load_id": manifest.load_id, "received_at": received_at},
    ).fetchone()
    return int(row[0]) if row else 0
