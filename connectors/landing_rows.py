"""Changes the raw table by what ``stage`` holds: new versions, tombstones, drift.

Runs inside the transaction of :func:`connectors.landing.land`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import duckdb

from connectors import landing_checks as checks
from connectors.landing_versions import find_losers, find_met, find_newer
from connectors.raw_tables import table_name
from connectors.stream import Stream
from connectors.zone import Kind, Manifest
from headwater.warehouse import literal, quote


def replace_rows(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    manifest: Manifest,
    received_at: datetime,
) -> tuple[int, int]:
    """Put the winning version of each key into the raw table; returns (landed, tombstoned).

    Leaves the view ``winners`` behind: the staged records that landed.
    """
    table = table_name(stream)
    same_key = " and ".join(f"newer.{quote(name)} = present.{quote(name)}" for name in stream.key)
    find_losers(connection, stream)
    find_newer(connection, stream)
    find_met(connection, stream, manifest)
    connection.execute(
        f"""
        create temp view winners as
        select staged.*, {checks.tombstone(stream, "staged")} as _gone_at
        from records as staged
        where staged._row not in (select stage_row from losers)
            and staged._row not in (select stage_row from met where not supersedes)
        """
    )
    connection.execute(
        f"delete from {table} where rowid in (select present_row from met where supersedes)"
    )
    connection.execute(
        f"delete from {table} as present where exists (select 1 from newer where {same_key})"
    )
    names = ", ".join(quote(column.name) for column in stream.columns)
    landed = connection.execute(
        f"""
        insert into {table} ({names}, _extra, _load_id, _landed_at, _deleted_at)
        select {names}, _extra, ?, ?, _gone_at
        from winners
        """,
        [manifest.load_id, received_at],
    ).fetchone()
    tombstoned = connection.execute(
        """
        select count(*)
        from winners
        left join met on winners._row = met.stage_row
        where winners._gone_at is not null and met.was_deleted_at is null
        """
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
    fields = " union all ".join(
        f"select {literal(''.join(f'{step}.' for step in parent))} || name as field, "
        f"records from (select unnest(names[{number}]) as name, records from shapes) "
        f"where not list_contains({_as_list(_children(stream, parent))}, name)"
        for number, parent in enumerate(parents, start=1)
    )
    connection.execute(
        f"""
        merge into landing.drift as present
        using (
            with shapes as (
                select json_keys(_extra, {_as_list(map(checks.json_path, parents))}) as names,
                    count(*) as records
                from winners
                where _extra is not null
                group by names
            )
            select $source as source, $stream as stream, field, sum(records) as seen
            from ({fields})
            group by field
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
        {"source": stream.source, "stream": stream.name, "received_at": received_at},
    )


def note_merges(
    connection: duckdb.DuckDBPyConnection, stream: Stream, received_at: datetime
) -> None:
    """Note which records were merged into which, by the records that landed."""
    merges = stream.merges
    if merges is None:
        return
    types = {column.name: column.type for column in stream.columns}
    loser = quote(merges.loser)
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
                    cast({quote(merges.winner)} as varchar) as winner_key
                from winners
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


def _children(stream: Stream, parent: tuple[str, ...]) -> list[str]:
    """The objects directly below ``parent`` that known paths run through."""
    return [path[-1] for path in checks.parents(stream) if path and path[:-1] == parent]


def _as_list(texts: Iterable[str]) -> str:
    """Texts as an SQL list."""
    return f"[{', '.join(literal(text) for text in texts)}]::varchar[]"


def _changed(
    connection: duckdb.DuckDBPyConnection, sql: str, manifest: Manifest, received_at: datetime
) -> int:
    row = connection.execute(
        sql, {"load_id": manifest.load_id, "received_at": received_at}
    ).fetchone()
    return int(row[0]) if row else 0
