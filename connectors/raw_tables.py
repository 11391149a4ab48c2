"""Creates the raw tables of every known stream and the landing engine's own tables.

Also where a source is switched off: dbt always finds typed columns. A column that a contract
gained since is added; nothing is ever dropped.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from connectors.stream import Stream
from headwater.warehouse import quote

SYSTEM_COLUMNS = {
    "_extra": ("JSON", "Fields of the source record that the contract does not know."),
    "_load_id": ("VARCHAR", "The load that landed this version."),
    "_landed_at": ("TIMESTAMP", "When it landed, UTC."),
    "_deleted_at": (
        "TIMESTAMP",
        "The tombstone: since when the source no longer has the row, UTC; null while it lives.",
    ),
}
"""Type and description of the columns every raw table ends with."""

LANDING_TABLES = {
    "loads": (
        "One row per load of one stream; received = landed + duplicates + quarantined + erased.",
        {
            "load_id": ("VARCHAR PRIMARY KEY", "The load."),
            "source": ("VARCHAR", "The source."),
            "stream": ("VARCHAR", "The stream."),
            "cycle_id": ("VARCHAR", "The cycle that asked for it."),
            "started_at": ("TIMESTAMP", "When its extraction began, UTC."),
            "landed_at": ("TIMESTAMP", "When it landed, UTC."),
            "received": ("BIGINT", "Records received."),
            "landed": ("BIGINT", "Records that became or replaced a row."),
            "duplicates": ("BIGINT", "Records that said nothing new."),
            "quarantined": ("BIGINT", "Records that break the contract."),
            "tombstoned": ("BIGINT", "Rows that this load marked as deleted."),
            "files": ("BIGINT", "Files in the landing zone."),
            "bytes": ("BIGINT", "Their size in bytes, compressed."),
            "cursor_before": (
                "VARCHAR",
                "Where the stream stood before; the first day of a backfill's load.",
            ),
            "cursor_after": (
                "VARCHAR",
                "Where it stands after; the last day of a backfill's load, inclusive.",
            ),
            "lane": (
                "VARCHAR",
                "cycle (also where null), or the extraction beside it, such as backfill-1, whose "
                "load moves no cursor.",
            ),
            "received_at": (
                "TIMESTAMP",
                "When it was whole in the landing zone, or later, where a load that was received "
                "after it landed before it: a replay lands in this order.",
            ),
            "erased": (
                "BIGINT",
                "Records that were dropped, since they were somebody's who had been erased; null "
                "is 0.",
            ),
        },
    ),
    "cursors": (
        "One row per stream: how far it was read, moved in the transaction that lands the rows.",
        {
            "source": ("VARCHAR", "The source."),
            "stream": ("VARCHAR", "The stream."),
            "cursor": ("VARCHAR", "How far it was read."),
            "load_id": ("VARCHAR", "The load that moved it."),
        },
    ),
    "quarantine": (
        "One row per record that breaks its contract.",
        {
            "load_id": ("VARCHAR", "The load."),
            "source": ("VARCHAR", "The source."),
            "stream": ("VARCHAR", "The stream."),
            "file": ("VARCHAR", "File of the landing zone."),
            "line_number": ("BIGINT", "Line in that file, from 1."),
            "record_key": ("VARCHAR", "The record's key, where it could be read."),
            "reason": ("VARCHAR", "Which column, which value, which rule."),
            "record": ("VARCHAR", "The record as received."),
            "quarantined_at": ("TIMESTAMP", "When, UTC."),
        },
    ),
    "merges": (
        "One row per record that was merged into another, and the record it became part of.",
        {
            "source": ("VARCHAR", "The source."),
            "stream": ("VARCHAR", "The stream whose keys these are."),
            "loser_key": ("VARCHAR", "The record that is no more."),
            "winner_key": ("VARCHAR", "The record it was merged into; may have lost since."),
            "seen_at": ("TIMESTAMP", "First load that brought it, UTC."),
        },
    ),
    "drift": (
        "One row per stream and field that the contract does not know.",
        {
            "source": ("VARCHAR", "The source."),
            "stream": ("VARCHAR", "The stream."),
            "field": ("VARCHAR", "Dotted path in the source record."),
            "first_seen_at": ("TIMESTAMP", "First load that brought it, UTC."),
            "last_seen_at": ("TIMESTAMP", "Last load that brought it, UTC."),
            "seen": ("BIGINT", "Landed records that held it."),
        },
    ),
}
"""Description and columns of each table of schema ``landing``."""


def ensure_raw_tables(
    connection: duckdb.DuckDBPyConnection, streams: Iterable[Stream] | None = None
) -> None:
    """Create what is missing: schemas, raw tables of ``streams`` (all known ones by default),
    and the tables of schema ``landing``."""
    if streams is None:
        from connectors.registry import all_streams

        streams = all_streams()
    present = {
        (schema, table)
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where database_name = current_database()"
        ).fetchall()
    }
    missing: list[str] = []
    for table, (_, described) in LANDING_TABLES.items():
        columns = {name: type_ for name, (type_, _) in described.items()}
        missing += _missing(connection, "landing", table, columns, present)
    for stream in streams:
        missing += _missing(connection, stream.schema, stream.name, raw_columns(stream), present)
    if missing:  # as one script: a commit for each table would be a sync to disk each
        connection.execute("begin transaction")
        try:
            connection.execute(";".join(dict.fromkeys(missing)))
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise


def _missing(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    columns: dict[str, str],
    present: set[tuple[str, str]],
) -> list[str]:
    """The statements that bring one table to its columns."""
    name = f"{quote(schema)}.{quote(table)}"
    if (schema, table) not in present:
        body = ", ".join(f"{quote(column)} {type_}" for column, type_ in columns.items())
        return [
            f"create schema if not exists {quote(schema)}",
            f"create table if not exists {name} ({body})",
        ]
    # Table by table: duckdb_columns() looks at all there is, the engine's own views too.
    known = {
        column
        for (column,) in connection.execute(
            "select name from pragma_table_info(?)", [name]
        ).fetchall()
    }
    return [
        f"alter table {name} add column {quote(column)} {type_}"
        for column, type_ in columns.items()
        if column not in known
    ]


def raw_columns(stream: Stream) -> dict[str, str]:
    """Column name to DuckDB type of a raw table, in order."""
    return {column.name: column.type for column in stream.columns} | {
        name: type_ for name, (type_, _) in SYSTEM_COLUMNS.items()
    }


def table_name(stream: Stream) -> str:
    """The raw table's name, quoted for SQL."""
    return f"{quote(stream.schema)}.{quote(stream.name)}"
