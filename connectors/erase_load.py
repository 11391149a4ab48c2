"""Takes erased people out of the files of a load: before it lands, and out of the whole zone when
somebody is erased.

A part that holds them is written anew under another name; then the manifest, which names the parts
that count, is replaced in one rename; then the old part goes. So a load is whole at any moment, and
doing it again finishes what was cut off. The manifest keeps how many records each part lost.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from connectors.erased_records import (
    cleared_columns,
    cleared_line,
    rows_of_lines,
    rows_of_parquet,
)
from connectors.landing_lines import SCHEMA, line_batches
from connectors.load_folder import PARQUET, Part, digest
from connectors.stream import Stream
from connectors.zone import MANIFEST, Manifest, verify
from headwater.durable_file import sync_folder, write_durably
from headwater.erased_rows import Found, Search, covering, sql_without_addresses
from headwater.warehouse import literal, quote

LINES_AT_A_TIME = 10_000


def erase_load(search: Search, stream: Stream, manifest: Manifest, folder: Path) -> Manifest:
    """The load without the erased: the manifest as it is now. Where there is nothing to do, no file
    is touched.

    Raises :class:`headwater.errors.SourceDataError` naming a part that is missing or damaged:
    written anew it would get a digest that fits.
    """
    verify(folder, manifest)
    parts = tuple(_erased_part(search, stream, part, folder) for part in manifest.parts)
    if parts != manifest.parts:
        manifest = manifest.model_copy(update={"parts": parts})
        sync_folder(folder)
        write_durably(folder / MANIFEST, manifest.model_dump_json(indent=2))
        sync_folder(folder)
    named = {part.file for part in manifest.parts} | {MANIFEST}
    for path in folder.iterdir():
        if path.name not in named and path.name.startswith("part-"):
            path.unlink()
    return manifest


def look_at_load(
    search: Search, stream: Stream, manifest: Manifest, folder: Path
) -> tuple[int, int]:
    """How many records of the load would be removed, and how many changed."""
    found = [_find(search, stream, folder / part.file) for part in manifest.parts]
    return sum(len(one.about) for one in found), sum(len(one.mentioning) for one in found)


def _find(search: Search, stream: Stream, path: Path) -> Found:
    if path.suffix == f".{PARQUET}":
        relation = f"read_parquet({literal(str(path))}, file_row_number = true)"
        present = [*_types(search.connection, path)]
        rows = rows_of_parquet(stream, relation, "file_row_number", present)
        return search.find(rows)

    def read() -> None:
        reader = pa.RecordBatchReader.from_batches(SCHEMA, line_batches(path))
        search.connection.register("erased_lines", reader)

    read()
    try:
        rows = rows_of_lines(stream, "erased_lines", "line_number", "record")
        return search.find(rows, read)
    finally:
        search.connection.unregister("erased_lines")


def _erased_part(search: Search, stream: Stream, part: Part, folder: Path) -> Part:
    path = folder / part.file
    found = _find(search, stream, path)
    if not found:
        return part
    written = folder / _next_name(part.file)
    if path.suffix == f".{PARQUET}":
        _write_parquet(search.connection, stream, path, written, found)
    else:
        _write_lines(search.connection, stream, path, written, found)
    with written.open("rb") as file:
        os.fsync(file.fileno())
    return part.model_copy(
        update={
            "file": written.name,
            "rows": part.rows - len(found.about),
            "erased": part.erased + len(found.about),
            "bytes": written.stat().st_size,
            "sha256": digest(written),
        }
    )


def _next_name(file: str) -> str:
    """``part-00001.ndjson.gz`` becomes ``part-00001-r1.ndjson.gz``, that ``part-00001-r2...``."""
    stem, dot, extension = file.partition(".")
    number, _, revision = stem.partition("-r")
    return f"{number}-r{int(revision or 0) + 1}{dot}{extension}"


def _write_lines(
    connection: duckdb.DuckDBPyConnection, stream: Stream, path: Path, written: Path, found: Found
) -> None:
    gone, changed = frozenset(found.about), frozenset(found.mentioning)
    pattern = covering(found.nodes)

    def kept() -> Iterator[str]:
        for batch in line_batches(path):
            for number, line in zip(*batch.to_pydict().values(), strict=True):
                if number in changed:
                    yield cleared_line(connection, stream, line, found.nodes, pattern)
                elif number not in gone:
                    yield line

    with (
        written.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed,
    ):
        lines: list[str] = []
        for line in kept():
            lines.append(line)
            if len(lines) == LINES_AT_A_TIME:
                packed.write(("\n".join(lines) + "\n").encode())
                lines = []
        if lines:
            packed.write(("\n".join(lines) + "\n").encode())


def _write_parquet(
    connection: duckdb.DuckDBPyConnection, stream: Stream, path: Path, written: Path, found: Found
) -> None:
    types = _types(connection, path)
    pattern = covering(found.nodes)
    cleared = {
        name: value
        for name, value in cleared_columns(stream, pattern, by_path=True).items()
        if name[1:-1].replace('""', '"') in types
    }
    if pattern is not None:
        known = {quote(".".join(column.path)) for column in stream.columns}
        for name, written_as in types.items():
            if quote(name) not in known:
                cleared[quote(name)] = _unknown_without(quote(name), written_as, pattern)
    replaced = ", ".join(
        f"case when file_row_number in (select unnest($changed)) then {value} else {name} end "
        f"as {name}"
        for name, value in cleared.items()
    )
    statement = f"""
        copy (
            select * exclude (file_row_number) {f"replace ({replaced})" if replaced else ""}
            from read_parquet({literal(str(path))}, file_row_number = true)
            where file_row_number not in (select unnest($gone))
            order by file_row_number
        ) to {literal(str(written))} (format parquet)
    """
    bound = {
        "gone": [*found.about],
        "changed": [*found.mentioning],
        "nodes": sorted(found.nodes),
    }
    connection.execute(statement, {k: v for k, v in bound.items() if f"${k}" in statement})


def _unknown_without(name: str, written_as: str, pattern: str) -> str:
    """SQL: a column that the contract does not know, without addresses, in the type it has."""
    if written_as == "VARCHAR":
        return sql_without_addresses(name, pattern)
    if written_as != "JSON" and "VARCHAR" not in written_as:
        return name
    told = sql_without_addresses(f"cast(to_json({name}) as varchar)", pattern)
    return f"cast(cast({told} as json) as {written_as})"


def _types(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """The columns of a Parquet file and their types."""
    described = connection.execute(
        f"describe select * from read_parquet({literal(str(path))})"
    ).fetchall()
    return {str(row[0]): str(row[1]) for row in described}
