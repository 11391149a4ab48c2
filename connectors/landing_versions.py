"""Tells which of several copies of one key counts: within a load, and against the raw table.

Runs inside the transaction of :func:`connectors.landing.land`. Only the keys and versions of the
raw table are read; the values of a row are looked at where its version doesn't tell.
"""

from __future__ import annotations

import duckdb

from connectors import landing_checks as checks
from connectors.raw_tables import table_name
from connectors.stream import Mode, Stream
from connectors.zone import Manifest
from headwater.warehouse import literal, quote


def find_losers(connection: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    """Fill the table ``losers`` (``stage_row``) with the records of which the same load holds a
    better copy: the latest version, of facts the earliest, and of equal versions the one with the
    greatest values, of facts the least, so that no order of records changes what lands."""
    keys = ", ".join(f"staged.{quote(name)}" for name in stream.key)
    same_key = " and ".join(f"staged.{quote(name)} = repeated.{quote(name)}" for name in stream.key)
    better = "arg_min" if stream.mode is Mode.APPEND else "arg_max"
    order = f"row({checks.version(stream, 'staged')}, {_values(stream, 'staged')}, staged._row)"
    connection.execute(
        f"""
        create temp table losers as
        with repeated as (
            select {keys}
            from records as staged
            group by {keys}
            having count(*) > 1
        ),
        copies as (
            select
                list(staged._row) as stage_rows,
                {better}(staged._row, {order}) as best
            from records as staged
            inner join repeated on {same_key}
            group by {keys}
        ),
        each as (select unnest(stage_rows) as stage_row, best from copies)
        select stage_row from each where stage_row <> best
        """
    )


def find_newer(connection: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    """Fill the table ``newer`` (``stage_row`` and the key) with the living records, losers apart,
    of a version that is later than that of any row: whatever row they meet, they supersede it.

    Most of what changed is newer than all that was read before. Nothing has to be read of the rows
    that it meets, and they are found once, where they are deleted.
    """
    keys = ", ".join(f"staged.{quote(name)}" for name in stream.key)
    table = table_name(stream)
    has_rows = connection.execute(f"select 1 from {table} limit 1").fetchone() is not None
    is_newer = "false"
    if has_rows and stream.mode is Mode.MERGE and stream.version:
        present = checks.version(stream, "present")
        # A version that is missing comes after all others: then nothing is newer than it.
        is_newer = f"""{checks.tombstone(stream, "staged")} is null
            and {checks.version(stream, "staged")} > (
                select case when count(*) = count({present}) then max({present}) end
                from {table} as present
            )"""
    connection.execute(
        f"""
        create temp table newer as
        select staged._row as stage_row, {keys}
        from records as staged
        anti join losers on staged._row = losers.stage_row
        where {is_newer}
        """
    )


def find_met(connection: duckdb.DuckDBPyConnection, stream: Stream, manifest: Manifest) -> None:
    """Fill the table ``met`` with the staged records whose key has a row, losers and newer ones
    apart: ``stage_row``, ``present_row``, ``was_deleted_at`` and whether the record
    ``supersedes``."""
    table = table_name(stream)
    same_key = " and ".join(f"staged.{quote(name)} = present.{quote(name)}" for name in stream.key)
    connection.execute(
        f"""
        create temp table met as
        select
            staged._row as stage_row,
            present.rowid as present_row,
            present._deleted_at as was_deleted_at,
            {_supersedes(stream, literal(manifest.load_id))} as supersedes
        from records as staged
        inner join {table} as present on {same_key}
        anti join losers on staged._row = losers.stage_row
        anti join newer on staged._row = newer.stage_row
        """
    )
    if not connection.execute("select 1 from met where supersedes is null limit 1").fetchone():
        return
    connection.execute(
        f"""
        update met
        set supersedes = met.stage_row in (
            select tied.stage_row
            from met as tied
            inner join records as staged on staged._row = tied.stage_row
            inner join {table} as present on present.rowid = tied.present_row
            where tied.supersedes is null and {_differs(stream)}
        )
        where met.supersedes is null
        """
    )


def _supersedes(stream: Stream, load_id: str) -> str:
    """Whether a staged record takes the place of the present row of its key; null where only their
    values tell.

    Merged: the later version; of equal versions the one received later. Appended: the earlier
    copy. A record that is received after its row was marked as deleted brings it back, unless the
    mark is part of the row itself.
    """
    # As rows: a version that is missing comes after all others.
    staged = f"row({checks.version(stream, 'staged')})"
    present = f"row({checks.version(stream, 'present')})"
    if stream.mode is Mode.APPEND:
        return f"case when {staged} < {present} then true when {staged} > {present} then false end"
    returned = (
        f"present._deleted_at is not null and {checks.tombstone(stream, 'present')} is null "
        f"and {load_id} > present._load_id "
        f"and {checks.version(stream, 'staged')} >= {checks.version(stream, 'present')}"
    )
    return (
        f"case when {returned} or {staged} > {present} then true "
        f"when {staged} < {present} or {load_id} < present._load_id then false end"
    )


def _differs(stream: Stream) -> str:
    """Whether, of equal versions, the staged record's values take the place of the present row's:
    merged, where they are others; appended, where they are less."""
    staged = f"row({_values(stream, 'staged')})"
    present = f"row({_values(stream, 'present')})"
    if stream.mode is Mode.APPEND:
        return f"{staged} < {present}"
    return f"{staged} is distinct from {present}"


def _values(stream: Stream, alias: str) -> str:
    return ", ".join(
        f"{alias}.{quote(name)}" for name in [*(column.name for column in stream.columns), "_extra"]
    )
