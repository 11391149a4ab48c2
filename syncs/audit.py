"""The audit: what was sent, as immutable Parquet files that the warehouse reads as a dbt source.

One file per run, ``<home>/syncs/audit/<sync>/<run_id>.parquet``, and in it one line per key and
field (one with an empty field for a row that has none): what was acknowledged before, what was
sent, what came of it. A file is written once, when its run is closed (by the next run, if it died);
a row whose fate is found out later has a second line, in the file of the run that found it out.
Unlike the outbox, nothing is forgotten here until a person is purged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from headwater.settings import Settings
from headwater.warehouse import literal
from syncs.definition import Definition
from syncs.kept_files import bring, keep
from syncs.state import State

_COLUMNS = (
    "run_id, seq, key, operation, fields, before, state, code, message, destination_id, batch_id, "
    "attempts, changed_at, model_hash"
)
_LINES = """
with looked_at as (
    select *
    from delivered_now

    union all

    select found_out.*
    from found_out
    semi join in_doubt on in_doubt.run_id = found_out.run_id and in_doubt.seq = found_out.seq
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
    {model_hash} as model_hash,
    $map_hash as map_hash
from fielded
"""


def note_what_is_in_doubt(state: State) -> None:
    """Remember the rows of earlier runs whose fate this run will find out."""
    rows = state.rows(
        "select outbox.run_id, outbox.seq, outbox.key from outbox "
        "inner join runs on runs.run_id = outbox.run_id and runs.audited "
        "where outbox.state in ('in_flight', 'unknown')"
    )
    columns = {
        "run_id": pa.array([row[0] for row in rows], pa.string()),
        "seq": pa.array([row[1] for row in rows], pa.int64()),
        "key": pa.array([row[2] for row in rows], pa.string()),
    }
    state.compute.register("doubts", pa.table(columns))
    state.compute.execute("create or replace temp table in_doubt as select * from doubts")
    state.compute.unregister("doubts")


def write_audit(state: State, definition: Definition, settings: Settings) -> None:
    """Write the files of closed runs that have none: this one's, and of those that died."""
    for (run_id,) in state.rows(
        "select run_id from runs where audited is null and status <> 'running' order by fence"
    ):
        this_run = {"run_id": run_id}
        state.fetch(
            "delivered_now",
            f"select {_COLUMNS} from outbox where run_id = $run_id",  # noqa: S608 (our own text)
            this_run,
        )
        state.fetch(
            "found_out",
            f"select {_COLUMNS} from outbox where run_id <> $run_id "  # noqa: S608 (our own text)
            "and state not in ('in_flight', 'unknown')",
            this_run,
            keys="select key from in_doubt",
        )
        said = {"run_id": run_id, "sync": definition.name, "map_hash": definition.map_hash}
        lines = _LINES.format(model_hash=state.hex_of("model_hash"))
        anything = (
            "select exists (from delivered_now) or exists (from found_out semi join in_doubt "
            "on in_doubt.run_id = found_out.run_id and in_doubt.seq = found_out.seq)"
        )
        if state.compute.execute(anything).fetchall()[0][0]:
            file = _folder(settings, definition.name) / f"{run_id}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            _copy(state.compute, lines, file, said)
            keep(file, settings)
        state.change("update runs set audited = true where run_id = $run_id", this_run)


def bring_audit(settings: Settings) -> None:
    """Write the files of the audit that other runners made into this home."""
    bring(settings.sync_audit, settings)


def purge(state: State, name: str, settings: Settings, keys: Sequence[str]) -> int:
    """Forget everything about these keys: in the audit and in the state. Returns the lines removed.

    The files concerned are written anew without them. A model that still has a key delivers it
    again.
    """
    bring(_folder(settings, name), settings)
    lines = 0
    named = {"keys": list(keys)}
    for file in sorted(_folder(settings, name).glob("*.parquet")):
        source = f"read_parquet({literal(file)})"
        among = "key in (select unnest($keys))"
        count = f"select count(*) from {source} where {among}"  # noqa: S608 (our own path)
        found = state.compute.execute(count, named).fetchall()[0][0]
        if found:
            lines += int(found)
            _copy(state.compute, f"from {source} where not {among}", file, named)
            keep(file, settings)
    forgotten = pa.table({"key": pa.array(keys, pa.string())})
    with state.transaction(), state.given("forgotten", forgotten):
        for table in ("outbox", "refused", "edits", "sent"):
            state.change(f"delete from {table} where key in (select key from forgotten)")  # noqa: S608
    return lines


def _copy(
    connection: duckdb.DuckDBPyConnection, query: str, file: Path, parameters: Mapping[str, object]
) -> None:
    """Write a query's rows to a file, in their order; the file is whole or not there."""
    draft = file.with_suffix(".draft")
    connection.execute(f"copy ({query}) to {literal(draft)} (format parquet)", dict(parameters))
    draft.replace(file)


def _folder(settings: Settings, name: str) -> Path:
    return settings.sync_audit / name
