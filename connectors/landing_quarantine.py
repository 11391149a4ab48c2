"""Quarantine: keeps the records that break their contract, and knows which are still missing.

Runs inside the transaction of :func:`connectors.landing.land`, on what ``stage`` holds.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from connectors import landing_checks as checks
from connectors.raw_tables import table_name
from connectors.stream import Mode, Stream
from connectors.zone import Manifest
from headwater.warehouse import literal, quote


def keep_bad_records(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    manifest: Manifest,
    received_at: datetime,
) -> int:
    """Keep what breaks the contract and was not kept by an earlier load; returns how many.

    An overlap brings the same bad record again and again: it is kept once.
    """
    kept = connection.execute(
        """
        insert into landing.quarantine
        select
            $load_id, $source, $stream, _file, _line_number, _record_key, _reason, _record,
            $received_at
        from stage
        where _reason is not null
            and not exists (
                select 1
                from landing.quarantine as known
                where known.source = $source and known.stream = $stream
                    and known.record = stage._record and known.reason = stage._reason
            )
        """,
        {
            "load_id": manifest.load_id,
            "source": stream.source,
            "stream": stream.name,
            "received_at": received_at,
        },
    ).fetchone()
    return int(kept[0]) if kept else 0


def count_open(connection: duckdb.DuckDBPyConnection, stream: Stream, manifest: Manifest) -> int:
    """How many bad records of the stream no later load has made good.

    A record is made good by a row of its key in the raw table that landed in a later load, be it
    a tombstone. A snapshot holds the whole: there, the bad records of this load are open and no
    others. A record whose key cannot be read stays open.
    """
    if stream.mode is Mode.SNAPSHOT:
        return _count(
            connection, "select count(distinct _record) from stage where _reason is not null", []
        )
    columns = [column for column in stream.columns if column.name in stream.key]
    raws = ", ".join(
        f"record ->> {literal(checks.json_path(column.path))} as {quote(column.name)}"
        for column in columns
    )
    keys = ", ".join(
        f"{checks.typed(column, quote(column.name), manifest.timezone, is_key=True)} "
        f"as {quote(column.name)}"
        for column in columns
    )
    same_key = " and ".join(f"good.{quote(name)} = bad.{quote(name)}" for name in stream.key)
    return _count(
        connection,
        f"""
        with quarantined as (
            select load_id, case when json_valid(record) then record end as record
            from landing.quarantine
            where source = ? and stream = ?
        ),
        written as (select load_id, {raws} from quarantined),
        bad as (select load_id, {keys} from written)
        select count(*)
        from bad
        where not exists (
            select 1
            from {table_name(stream)} as good
            where {same_key} and good._load_id > bad.load_id
        )
        """,
        [stream.source, stream.name],
    )


def _count(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[str]) -> int:
    row = connection.execute(sql, parameters).fetchone()
    return int(row[0]) if row else 0
