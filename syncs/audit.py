"""The audit: what was sent, as immutable Parquet files that the warehouse reads as a dbt source.

One file per run, ``<home>/syncs/audit/<sync>/<run_id>.parquet``, and in it one line per key and
field (one with an empty field for a row that has none): what was acknowledged before, what was
sent, what came of it. A file is written once, when its run is closed (by the next run, if it died);
a row whose fate is found out later has a second line, in the file of the run that found it out.
Unlike the outbox, nothing is forgotten here until a person is purged.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from headwater.settings import Settings
from syncs.definition import Definition
from syncs.state import RowState

_CONCERNED = """
    outbox.run_id = $run_id
    or exists (
        from in_doubt
        where in_doubt.run_id = outbox.run_id and in_doubt.seq = outbox.seq
            and outbox.state not in ('in_flight', 'unknown')
    )
"""
_LINES = f"""
with looked_at as (
    select outbox.*
    from outbox
    where {_CONCERNED}
),

fielded as (
    select
        *,
        unnest(
            case when json_keys(fields) = [] then [null]::varchar[] else json_keys(fields) end
        ) as field
    from looked_at
)

select
    $sync as sync,
    $run_id as run_id,
    run_id as planned_run_id,
    seq,
    key,
    operation,
    field,
    json_extract(before, '$."' || field || '"')::varchar as before,
    json_extract(fields, '$."' || field || '"')::varchar as sent,
    state as status,
    code,
    message,
    destination_id,
    batch_id,
    attempts,
    changed_at,
    lower(to_hex(model_hash)) as model_hash,
    $map_hash as map_hash
from fielded
"""  # noqa: S608 (our own text)


def note_what_is_in_doubt(connection: duckdb.DuckDBPyConnection) -> None:
    """Remember the rows of earlier runs whose fate this run will find out."""
    connection.execute(
        "create or replace temp table in_doubt as "
        "select outbox.run_id, outbox.seq from outbox "
        "inner join runs on runs.run_id = outbox.run_id and runs.audited "
        "where outbox.state in (?, ?)",
        [RowState.IN_FLIGHT.value, RowState.UNKNOWN.value],
    )


def write_audit(
    connection: duckdb.DuckDBPyConnection, definition: Definition, settings: Settings
) -> None:
    """Write the files of closed runs that have none: this one's, and of those that died."""
    for (run_id,) in connection.execute(
        "select run_id from runs where audited is null and status <> 'running' order by fence"
    ).fetchall():
        concerned = f"select count(*) from outbox where {_CONCERNED}"  # noqa: S608 (our own text)
        if _one(connection, concerned, {"run_id": run_id}):
            file = _folder(settings, definition.name) / f"{run_id}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            _copy(
                connection,
                _LINES,
                file,
                {"run_id": run_id, "sync": definition.name, "map_hash": definition.map_hash},
            )
        connection.execute("update runs set audited = true where run_id = ?", [run_id])


def purge(connection: duckdb.DuckDBPyConnection, name: str, settings: Settings, key: str) -> int:
    """Forget everything about one key: in the audit and in the state. Returns the lines removed.

    The files concerned are written anew without it. A model that still has the key delivers it
    again.
    """
    lines = 0
    for file in sorted(_folder(settings, name).glob("*.parquet")):
        source = f"read_parquet({_text(file)})"
        count = f"select count(*) from {source} where key = $key"  # noqa: S608 (our own path)
        found = _one(connection, count, {"key": key})
        if found:
            lines += int(found)
            _copy(connection, f"from {source} where key <> $key", file, {"key": key})
    for table in ("outbox", "refused", "edits", "sent"):
        connection.execute(f"delete from {table} where key = ?", [key])  # noqa: S608 (our tables)
    return lines


def _copy(
    connection: duckdb.DuckDBPyConnection, query: str, file: Path, parameters: Mapping[str, str]
) -> None:
    """Write a query's rows to a file, in their order; the file is whole or not there."""
    draft = file.with_suffix(".draft")
    connection.execute(f"copy ({query}) to {_text(draft)} (format parquet)", dict(parameters))
    draft.replace(file)


def _folder(settings: Settings, name: str) -> Path:
    return settings.sync_audit / name


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _one(connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, str]) -> int:
    return int(connection.execute(query, dict(parameters)).fetchall()[0][0])
