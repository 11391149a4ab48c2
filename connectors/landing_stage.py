"""Stages the parts of a load: every record becomes a typed row of the temporary view ``stage``,
with a verdict. Parsing, casting and checking are one pass over the data.

Lines are parsed once, into the table ``parsed`` that the view reads. Parquet is judged where it
lies: whoever reads the view reads the columns of the file that it asks for, and a copy would cost
more than all that is asked; but for small files, which are copied.

``stage`` holds the contract's columns, ``_extra``, and about the record: ``_kind``,
``_file``, ``_line_number``, ``_reason`` (null if it keeps the contract), ``_record_key``,
``_record`` (both only with a reason) and ``_row``, its number in the load, with gaps between parts.
No contract's column begins with an underscore.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from connectors import landing_checks as checks
from connectors.contract import Clock, Column
from connectors.landing_lines import SCHEMA, line_batches
from connectors.stream import Stream
from connectors.zone import PARQUET, Kind, Manifest
from headwater.errors import SourceDataError
from headwater.warehouse import ROW_GROUP, literal, quote

NATIVE = {
    "BIGINT": {"TINYINT", "SMALLINT", "INTEGER", "BIGINT"},
    "BOOLEAN": {"BOOLEAN"},
    "DOUBLE": {"DOUBLE"},
    "DATE": {"DATE"},
    "TIMESTAMP": {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"},
}
"""Per type of a contract, the types of a Parquet file that become it without being read as text."""


ROWS_OF_PARTS = 1 << 40
"""The distance between the row numbers of one part and the next."""


def create_stage(
    connection: duckdb.DuckDBPyConnection, stream: Stream, manifest: Manifest, folder: Path
) -> None:
    """Create ``stage`` with the records and tombstones of a load.

    Raises :class:`headwater.errors.SourceDataError` when a part holds more or fewer than the
    manifest says.
    """
    _create_parsed(connection, stream)
    selects = ["select *, rowid as _row from parsed"]
    for number, part in enumerate(manifest.parts, start=1):
        path = folder / part.file
        if part.kind is Kind.KEYS:
            continue
        if path.suffix == f".{PARQUET}":
            select = _parquet_select(connection, stream, path, part.kind, manifest.timezone)
            rows = _count(connection, f"select count(*) from read_parquet({_name(path)})")
            if rows <= ROW_GROUP:  # to judge it anew for each statement costs more than the copy
                connection.execute(f"insert into parsed {select}")
            else:
                first = number * ROWS_OF_PARTS
                selects.append(f"select *, {first} + _line_number as _row from ({select})")
        else:
            rows = _parse_lines(connection, stream, path, part.kind, manifest)
        if rows != part.rows:
            raise SourceDataError(
                f"{manifest.load_id}: {part.file} holds {rows} records, "
                f"its manifest says {part.rows}.",
                next_step="The file was damaged after it was written; remove the load's folder so "
                "that it is extracted again.",
            )
    connection.execute(f"create temp view stage as {' union all '.join(selects)}")


def create_records(connection: duckdb.DuckDBPyConnection, *, all_good: bool) -> None:
    """Create the view ``records``: the staged records that keep their contract.

    Of a file that is judged where it lies, each reading of the verdict is a judgement: where
    ``all_good`` it need not be asked again.
    """
    verdict = "" if all_good else " and _reason is null"
    connection.execute(
        "create temp view records as "
        f"select * from stage where _kind = '{Kind.RECORDS.value}'{verdict}"
    )


def drop_stage(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop ``stage`` and what it reads."""
    connection.execute("drop view if exists temp.stage")
    connection.execute("drop table if exists temp.parsed")


def _create_parsed(connection: duckdb.DuckDBPyConnection, stream: Stream) -> None:
    values = ", ".join(f"{quote(column.name)} {column.type}" for column in stream.columns)
    connection.execute(
        f"create temp table parsed ({values}, _extra json, _kind varchar, "
        "_file varchar, _line_number bigint, _reason varchar, _record_key varchar, "
        "_record varchar)"
    )


def _parse_lines(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    path: Path,
    kind: Kind,
    manifest: Manifest,
) -> int:
    """Parse a part of lines into ``parsed``; returns how many there were."""
    select = _lines_select(stream, path, kind, manifest.timezone)
    reader = pa.RecordBatchReader.from_batches(SCHEMA, line_batches(path))
    connection.register("part_lines", reader)
    try:
        return _count(connection, f"insert into parsed {select}")
    finally:
        connection.unregister("part_lines")


def _lines_select(stream: Stream, path: Path, kind: Kind, timezone: str) -> str:
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
                end as _rest
            from (
                select
                    *,
                    _fields is not null and left(ltrim(_record), 1) = '{{' as _readable
                from (
                    select
                        line_number as _line_number,
                        record as _record,
                        try({checks.fields(stream, "record")}) as _fields
                    from part_lines
                )
            )
        )
    """
    return _judged(stream, source, path, kind, timezone, record="_record")


def _parquet_select(
    connection: duckdb.DuckDBPyConnection, stream: Stream, path: Path, kind: Kind, timezone: str
) -> str:
    """Parquet: columns that the file lacks are typed nulls, those that the contract lacks go to
    ``_extra``."""
    file = _name(path)
    types = {
        str(row[0]): str(row[1])
        for row in connection.execute(f"describe select * from read_parquet({file})").fetchall()
    }
    present = list(types)
    known = {".".join(known_path) for known_path in checks.known_paths(stream)}
    unknown = [name for name in present if name not in known]
    native = {
        column.name
        for column in stream.columns
        if types.get(".".join(column.path)) in NATIVE.get(column.type, ())
        and column.clock is not Clock.EPOCH_SECONDS
    }
    raws = ", ".join(
        f"{_parquet_value(column, native, types.get('.'.join(column.path)))} as {_raw(column)}"
        for column in stream.columns
    )
    extra = f"to_json({_as_struct(unknown)})" if unknown else "cast(null as json)"
    source = f"""
        select
            file_row_number + 1 as _line_number,
            {_as_struct(present)} as _record,
            true as _readable,
            {extra} as _extra,
            {raws}
        from read_parquet({file}, file_row_number = true)
    """
    return _judged(stream, source, path, kind, timezone, record=None, native=frozenset(native))


def _parquet_value(column: Column, native: set[str], written: str | None) -> str:
    """A column of the file in the contract's type where that needs no reading, else as text."""
    name = quote(".".join(column.path))
    if written is None:
        return "cast(null as varchar)"
    if column.name not in native:
        return f"cast({name} as varchar)"
    if written == "TIMESTAMP WITH TIME ZONE":
        # Its microseconds are UTC already; the cast, right for infinity too, asks a calendar.
        return (
            f"case when isfinite({name}) then make_timestamp(epoch_us({name})) "
            f"else cast({name} as timestamp) end"
        )
    return f"cast({name} as {column.type})"


def _judged(
    stream: Stream,
    source: str,
    path: Path,
    kind: Kind,
    timezone: str,
    *,
    record: str | None,
    native: frozenset[str] = frozenset(),
) -> str:
    """The rest of the pass: cast, compute, check. A tombstone needs its key and nothing else.

    ``native`` columns have their type already: only a missing value can be wrong with them.
    """
    columns = stream.columns
    text = "_record" if record is not None else "cast(to_json(_record) as varchar)"
    values = ", ".join(
        f"{_typed(stream, column, timezone, native)} as {quote(column.name)}" for column in columns
    )
    checked = [
        column
        for column in columns
        if (kind is Kind.RECORDS or column.name in stream.key)
        and (column.name not in native or column.required)
    ]
    holding = [checks.holds(column, quote(column.name), _raw(column)) for column in checked]
    if record is not None:
        texts = {column: _raw(column) for column in checked if column.type == "VARCHAR"}
        holding.append(checks.holds_text(texts, record))
    rules = stream.rules(stream) if kind is Kind.RECORDS else ()
    holding += [checks.keeps(rule) for rule in rules]
    verdict = " and ".join(f"({term})" for term in holding if term != "true") or "true"
    complaints = ", ".join(
        [
            *(
                checks.complaint(column, quote(column.name), _raw_text(column), record)
                for column in checked
            ),
            *(checks.reproach(rule) for rule in rules),
        ]
    )
    computed = ", ".join(
        f"{column.computed} as {quote(column.name)}" for column in columns if column.computed
    )
    key = ", ".join(
        f"coalesce(cast({_raw(column)} as varchar), '')"
        for column in columns
        if column.name in stream.key
    )
    kept = ", ".join(f"{quote(column.name)}" for column in columns)
    return f"""
        with source as ({source}),
        typed as (select *, {values} from source),
        computed as (select * {f"replace ({computed})" if computed else ""} from typed),
        judged as (select *, _readable and {verdict} as _is_good from computed)
        select
            {kept},
            _extra,
            '{kind.value}' as _kind,
            {literal(path.name)} as _file,
            _line_number,
            case
                when _is_good then null
                when not _readable
                then concat(
                    'not a JSON object: ', '''', left({text}, {checks.LONGEST_VALUE}), ''''
                )
                else concat_ws('; ', {complaints})
            end as _reason,
            case when _readable and not _is_good then concat_ws('|', {key}) end as _record_key,
            case when not _is_good then {text} end as _record
        from judged
    """


def _typed(stream: Stream, column: Column, timezone: str, native: frozenset[str]) -> str:
    if column.name in native:
        return _raw(column)
    return checks.typed(column, _raw(column), timezone, is_key=column.name in stream.key)


def _raw(column: Column) -> str:
    return quote(f"raw {column.name}")


def _raw_text(column: Column) -> str:
    return f"cast({_raw(column)} as varchar)"


def _as_struct(names: list[str]) -> str:
    return "struct_pack(" + ", ".join(f"{quote(name)} := {quote(name)}" for name in names) + ")"


def _name(path: Path) -> str:
    """A file's name as an SQL literal."""
    return literal(str(path))


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The single number that a statement gives: a count, or the rows it inserted."""
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
