"""Stages the parts of a load: every record becomes a typed row of the temporary table ``stage``,
with a verdict. Parsing, casting and checking are one pass over the data.

``stage`` holds the contract's columns, ``_extra``, ``_row_hash``, and about the record: ``_kind``,
``_file``, ``_line_number``, ``_reason`` (null if it keeps the contract), ``_record_key`` and
``_record`` (both only with a reason). No contract's column begins with an underscore.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from connectors import landing_checks as checks
from connectors.contract import Column
from connectors.landing_lines import SCHEMA, line_batches
from connectors.stream import Stream
from connectors.zone import PARQUET, Kind, Manifest
from headwater.warehouse import quote


def create_stage(connection: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    """Create the empty ``stage`` of a stream."""
    values = ", ".join(f"{quote(column.name)} {column.type}" for column in stream.columns)
    connection.execute(
        f"create temp table stage ({values}, _extra json, _row_hash varchar, _kind varchar, "
        "_file varchar, _line_number bigint, _reason varchar, _record_key varchar, "
        "_record varchar)"
    )


def stage_part(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    path: Path,
    kind: Kind,
    manifest: Manifest,
) -> int:
    """Stage one part; returns how many records it held."""
    if path.suffix == f".{PARQUET}":
        select = _parquet_select(connection, stream, path, kind, manifest.timezone)
        inserted = connection.execute(f"insert into stage {select}", {"file": path.name})
    else:
        select = _lines_select(stream, kind, manifest.timezone)
        reader = pa.RecordBatchReader.from_batches(SCHEMA, line_batches(path))
        connection.register("part_lines", reader)
        try:
            inserted = connection.execute(f"insert into stage {select}", {"file": path.name})
        finally:
            connection.unregister("part_lines")
    row = inserted.fetchone()
    return int(row[0]) if row else 0


def _lines_select(stream: Stream, kind: Kind, timezone: str) -> str:
    """Lines of JSON: all columns come from one parse."""
    raws = ", ".join(
        f"_fields.{'.'.join(quote(step) for step in column.path)} as {_raw(column)}"
        for column in stream.columns
    )
    source = f"""
        select
            _line_number,
            _record,
            _readable,
            {checks.unknown_fields(stream, "_rest")} as _extra,
            {raws}
        from (
            select
                *,
                case
                    when _readable then {checks.without_known_fields(stream, "_record")}
                end as _rest,
                case when _readable then {checks.fields(stream, "_record")} end as _fields
            from (
                select
                    line_number as _line_number,
                    record as _record,
                    json_valid(record) and left(ltrim(record), 1) = '{{' as _readable
                from part_lines
            )
        )
    """
    return _judged(stream, source, kind, timezone, record="_record")


def _parquet_select(
    connection: duckdb.DuckDBPyConnection, stream: Stream, path: Path, kind: Kind, timezone: str
) -> str:
    """Parquet: columns that the file lacks are typed nulls, those that the contract lacks go to
    ``_extra``."""
    file = checks.literal(str(path))
    present = [
        str(row[0])
        for row in connection.execute(f"describe select * from read_parquet({file})").fetchall()
    ]
    known = {".".join(known_path) for known_path in checks.known_paths(stream)}
    unknown = [name for name in present if name not in known]
    raws = ", ".join(
        f"cast({quote('.'.join(column.path))} as varchar) as {_raw(column)}"
        if ".".join(column.path) in present
        else f"cast(null as varchar) as {_raw(column)}"
        for column in stream.columns
    )
    extra = _as_json(unknown) if unknown else "cast(null as json)"
    source = f"""
        select
            file_row_number + 1 as _line_number,
            {_as_json(present)} as _record,
            true as _readable,
            {extra} as _extra,
            {raws}
        from read_parquet({file}, file_row_number = true)
    """
    return _judged(stream, source, kind, timezone, record=None)


def _judged(stream: Stream, source: str, kind: Kind, timezone: str, record: str | None) -> str:
    """The rest of the pass: cast, check, hash. A tombstone needs its key and nothing else."""
    columns = stream.columns
    values = ", ".join(
        f"{checks.typed(column, _raw(column), timezone, is_key=column.name in stream.key)} "
        f"as {quote(column.name)}"
        for column in columns
    )
    checked = [column for column in columns if kind is Kind.RECORDS or column.name in stream.key]
    verdict = " and ".join(
        f"({checks.holds(column, quote(column.name), _raw(column), record)})" for column in checked
    )
    complaints = ", ".join(
        checks.complaint(column, quote(column.name), _raw(column), record) for column in checked
    )
    key = ", ".join(
        f"coalesce({_raw(column)}, '')" for column in columns if column.name in stream.key
    )
    kept = ", ".join(f"{quote(column.name)}" for column in columns)
    return f"""
        with source as ({source}),
        typed as (select *, {values} from source),
        judged as (select *, _readable and {verdict} as _is_good from typed)
        select
            {kept},
            _extra,
            {checks.row_hash(stream, "_extra")} as _row_hash,
            '{kind.value}' as _kind,
            $file as _file,
            _line_number,
            case
                when _is_good then null
                when not _readable
                then concat(
                    'not a JSON object: ', '''', left(_record, {checks.LONGEST_VALUE}), ''''
                )
                else concat_ws('; ', {complaints})
            end as _reason,
            case when _readable and not _is_good then concat_ws('|', {key}) end as _record_key,
            case when not _is_good then cast(_record as varchar) end as _record
        from judged
    """


def _raw(column: Column) -> str:
    return quote(f"raw {column.name}")


def _as_json(names: list[str]) -> str:
    fields = ", ".join(f"{quote(name)} := {quote(name)}" for name in names)
    return f"to_json(struct_pack({fields}))"
