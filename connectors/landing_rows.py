"""Changes the raw table by what ``stage`` holds: new versions, tombstones, drift.

Runs inside the transaction of :func:`connectors.landing.land`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from connectors import landing_checks as checks
from connectors.raw_tables import table_name
from connectors.stream import Mode, Stream
from connectors.zone import Kind, Manifest
from headwater.warehouse import quote


def replace_rows(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    manifest: Manifest,
    received_at: datetime,
) -> tuple[int, int]:
    """Put the winning version of each key into the raw table; returns (landed, tombstoned)."""
    table = table_name(stream)
    keys = ", ".join(quote(name) for name in stream.key)
    same_key = " and ".join(f"stage.{quote(name)} = present.{quote(name)}" for name in stream.key)
    pick = "arg_min" if stream.mode is Mode.APPEND else "arg_max"
    order = f"row({checks.version(stream, 'stage')}, _row_hash, stage.rowid)"
    connection.execute(
        f"""
        create temp table winners as
        with best as (
            select {pick}(stage.rowid, {order}) as stage_row
            from stage
            where _reason is null and _kind = '{Kind.RECORDS.value}'
            group by {keys}
        )
        select
            stage.rowid as stage_row,
            present.rowid as present_row,
            {checks.tombstone(stream, "stage")} as deleted_at,
            present._deleted_at as was_deleted_at
        from stage
        inner join best on stage.rowid = best.stage_row
        left join {table} as present on {same_key}
        where present.rowid is null or {_supersedes(stream, checks.literal(manifest.load_id))}
        """
    )
    connection.execute(
        f"delete from {table} where rowid in "
        "(select present_row from winners where present_row is not null)"
    )
    values = ", ".join(f"stage.{quote(column.name)}" for column in stream.columns)
    names = ", ".join(quote(column.name) for column in stream.columns)
    landed = connection.execute(
        f"""
        insert into {table} ({names}, _extra, _row_hash, _load_id, _landed_at, _deleted_at)
        select {values}, stage._extra, stage._row_hash, ?, ?, winners.deleted_at
        from stage
        inner join winners on stage.rowid = winners.stage_row
        """,
        [manifest.load_id, received_at],
    ).fetchone()
    tombstoned = connection.execute(
        "select count(*) from winners where deleted_at is not null and was_deleted_at is null"
    ).fetchone()
    return int(landed[0]) if landed else 0, int(tombstoned[0]) if tombstoned else 0


def apply_tombstones(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    manifest: Manifest,
    received_at: datetime,
) -> int:
    """Mark the rows whose keys the source lists as deleted; returns how many lived until now."""
    keys = ", ".join(quote(name) for name in stream.key)
    return _changed(
        connection,
        f"""
        update {table_name(stream)}
        set _deleted_at = $received_at, _load_id = $load_id, _landed_at = $received_at
        where _deleted_at is null
            and _load_id <= $load_id
            and ({keys}) in (
                select ({keys})
                from stage
                where _reason is null and _kind = '{Kind.TOMBSTONES.value}'
            )
        """,
        manifest,
        received_at,
    )


def tombstone_vanished(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    manifest: Manifest,
    received_at: datetime,
) -> int:
    """Mark the rows that a snapshot no longer holds; returns how many.

    A record in quarantine whose key can be read has not vanished: its last good version stays.
    """
    same_key = " and ".join(f"stage.{quote(name)} = present.{quote(name)}" for name in stream.key)
    return _changed(
        connection,
        f"""
        update {table_name(stream)} as present
        set _deleted_at = $received_at, _load_id = $load_id, _landed_at = $received_at
        where _deleted_at is null
            and not exists (select 1 from stage where {same_key})
        """,
        manifest,
        received_at,
    )


def note_drift(
    connection: duckdb.DuckDBPyConnection, stream: Stream, received_at: datetime
) -> None:
    """Sum the unknown fields of the records that landed into ``landing.drift``."""
    parents = checks.parents(stream)
    for parent in parents:
        known = [path[-1] for path in parents if path and path[:-1] == parent]
        connection.execute(
            """
            merge into landing.drift as present
            using (
                select $source as source, $stream as stream, $prefix || name as field,
                    sum(records) as seen
                from (
                    select unnest(names) as name, records
                    from (
                        select json_keys(stage._extra, $path) as names, count(*) as records
                        from stage
                        inner join winners on stage.rowid = winners.stage_row
                        where stage._extra is not null
                        group by names
                    )
                )
                where not list_contains($known, name)
                group by name
            ) as brought
            on present.source = brought.source
                and present.stream = brought.stream
                and present.field = brought.field
            when matched then update set
                first_seen_at = least(present.first_seen_at, $received_at),
                last_seen_at = greatest(present.last_seen_at, $received_at),
                seen = present.seen + brought.seen
            when not matched then insert values (
                brought.source, brought.stream, brought.field, $received_at, $received_at,
                brought.seen
            )
            """,
            {
                "source": stream.source,
                "stream": stream.name,
                "prefix": "".join(f"{step}." for step in parent),
                "path": checks.json_path(parent),
                "known": known,
                "received_at": received_at,
            },
        )


def note_merges(
    connection: duckdb.DuckDBPyConnection, stream: Stream, received_at: datetime
) -> None:
    """Note which records were merged into which, by the records that landed."""
    merges = stream.merges
    if merges is None:
        return
    types = {column.name: column.type for column in stream.columns}
    loser = f"stage.{quote(merges.loser)}"
    losers = {
        "JSON": f"from_json({loser}, '[\"varchar\"]')",
        "VARCHAR": f"string_split({loser}, ';')",
    }.get(types[merges.loser], f"[cast({loser} as varchar)]")
    connection.execute(
        f"""
        merge into landing.merges as present
        using (
            select distinct $source as source, $stream as stream, trim(loser_key) as loser_key,
                winner_key
            from (
                select unnest({losers}) as loser_key,
                    cast(stage.{quote(merges.winner)} as varchar) as winner_key
                from stage
                inner join winners on stage.rowid = winners.stage_row
                where {loser} is not null
            )
            where trim(loser_key) <> '' and winner_key <> ''
        ) as brought
        on present.source = brought.source
            and present.stream = brought.stream
            and present.loser_key = brought.loser_key
            and present.winner_key = brought.winner_key
        when matched then update set seen_at = least(present.seen_at, $received_at)
        when not matched then insert values (
            brought.source, brought.stream, brought.loser_key, brought.winner_key, $received_at
        )
        """,
        {
            "source": stream.source,
            "stream": merges.of or stream.name,
            "received_at": received_at,
        },
    )


def as_timestamp(moment: datetime) -> datetime:
    """A moment as the warehouse keeps it: UTC without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _supersedes(stream: Stream, load_id: str) -> str:
    """Whether a staged record takes the place of the present row of its key.

    Merged: the later version; of equal versions the one received later. Appended: the earlier
    copy. A record that is received after its row was marked as deleted brings it back, unless the
    mark is part of the row itself.
    """
    staged, present = checks.version(stream, "stage"), checks.version(stream, "present")
    if stream.mode is Mode.APPEND:
        return (
            f"row({staged}, stage._row_hash) < row({present}, present._row_hash) "
            "and stage._row_hash <> present._row_hash"
        )
    later = (
        f"(row({staged}, {load_id}, stage._row_hash) "
        f"> row({present}, present._load_id, present._row_hash) "
        "and stage._row_hash <> present._row_hash)"
    )
    returned = (
        f"(present._deleted_at is not null and {checks.tombstone(stream, 'present')} is null "
        f"and {load_id} > present._load_id and {staged} >= {present})"
    )
    return f"({later} or {returned})"


def _changed(
    connection: duckdb.DuckDBPyConnection, sql: str, manifest: Manifest, received_at: datetime
) -> int:
    row = connection.execute(
        sql, {"load_id": manifest.load_id, "received_at": received_at}
    ).fetchone()
    return int(row[0]) if row else 0
