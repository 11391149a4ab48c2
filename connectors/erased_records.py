"""Where the records of a stream hold identifiers of people, and what becomes of a record that holds
those of somebody erased: it goes, or it stays without them. Both follow from the contract
(``about``, ``mentions``).

The same rules in three places: lines of JSON, Parquet, and rows of the warehouse.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import duckdb

from connectors.contract import Column, Pii
from connectors.landing_checks import json_path
from connectors.raw_tables import table_name
from connectors.stream import Stream
from headwater.erased_rows import (
    Rows,
    Values,
    nodes_of,
    sql_without_addresses,
    without_addresses,
)
from headwater.warehouse import literal, quote

OF_PERSON = (Pii.CONTACT, Pii.NAME)
"""What a record that stays loses beside the address of somebody erased."""
_ESCAPE = "\\u"


def rows_of_lines(stream: Stream, relation: str, row: str, record: str) -> Rows:
    """Lines as the source sent them, each parsed once: ``record`` is the column with the text."""
    naming = [column for column in stream.columns if column.about or column.mentions]
    paths = ", ".join(literal(json_path(column.path)) for column in naming)
    parsed = (
        f"(select *, case when json_valid({record}) "
        f"then json_extract_string({record}, [{paths}]::varchar[]) end as held from {relation})"
    )
    place = {column.name: number for number, column in enumerate(naming, start=1)}
    about, mentions = _values(stream, lambda column: f"held[{place[column.name]}]")
    # JSON may write any character as an escape, and < and > often is: json() writes it plainly.
    plain = (
        f"case when held is not null and contains({record}, '{_ESCAPE}') "
        f"then cast(json({record}) as varchar) else {record} end"
    )
    return Rows(parsed, row, plain, about, mentions, "held is null")


def rows_of_parquet(stream: Stream, relation: str, row: str, present: list[str]) -> Rows:
    """A Parquet file with these columns, named as the source does."""

    def value(column: Column) -> str:
        name = ".".join(column.path)
        return f"cast({quote(name)} as varchar)" if name in present else "cast(null as varchar)"

    texts = ", ".join(f"cast({quote(name)} as varchar)" for name in present)
    about, mentions = _values(stream, value)
    return Rows(relation, row, f"concat_ws(' ', {texts})", about, mentions)


def rows_of_raw(stream: Stream) -> Rows:
    """The raw table."""
    names = [*(column.name for column in stream.columns), "_extra"]
    texts = ", ".join(f"cast({quote(name)} as varchar)" for name in names)
    about, mentions = _values(stream, lambda column: f"cast({quote(column.name)} as varchar)")
    return Rows(table_name(stream), "rowid", f"concat_ws(' ', {texts})", about, mentions)


def record_ids(stream: Stream) -> Values:
    """The key of the stream, where it names a record of a person (a lead's id, a ticket's)."""
    return {
        f"cast({quote(column.name)} as varchar)": column.about
        for column in stream.columns
        if stream.key == (column.name,) and column.about
    }


def key_type(stream: Stream) -> str | None:
    """The type of identifier that the stream's key is, if it is one."""
    for column in stream.columns:
        if stream.key == (column.name,) and column.about:
            return column.about[0]
    return None


def cleared_line(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    line: str,
    nodes: frozenset[str],
    pattern: str | None,
) -> str:
    """A line that stays, without what it mentions of somebody erased."""
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if isinstance(record, dict):
        values = {column: _at(record, column.path) for column in stream.columns}
        gone = _naming(connection, values, nodes)
        if any("email" in column.mentions for column in gone):
            gone |= {c for c in stream.columns if c.pii in OF_PERSON and values[c] is not None}
        for column in gone:
            _put(record, column.path, _nobody(column))
        if gone or _ESCAPE in line:
            line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return without_addresses(line, pattern)


def cleared_columns(stream: Stream, pattern: str | None, *, by_path: bool) -> dict[str, str]:
    """SQL: per column of a table (or, ``by_path``, of a Parquet file), what a row that stays holds
    instead. ``$nodes`` is bound to the identifiers of the erased."""

    def name(column: Column) -> str:
        return quote(".".join(column.path) if by_path else column.name)

    def holds(column: Column) -> str:
        value = {f"cast({name(column)} as varchar)": column.mentions}
        return f"list_has_any({nodes_of(value)}, $nodes)"

    by_address = [holds(column) for column in stream.columns if "email" in column.mentions]
    cleared = {}
    for column in stream.columns:
        cases = [holds(column)] if column.mentions else []
        if column.pii in OF_PERSON:
            cases += by_address
        present = f"{name(column)}"
        if pattern is not None and column.type in ("VARCHAR", "JSON"):
            present = sql_without_addresses(f"cast({present} as varchar)", pattern)
            if not by_path:
                present = f"cast({present} as {column.type})"
        if cases:
            nobody = _nobody(column)
            instead = "null" if nobody is None else literal(str(nobody))
            present = f"case when {' or '.join(cases)} then {instead} else {present} end"
        if present != name(column):
            cleared[name(column)] = present
    return cleared


def _values(stream: Stream, value: Any) -> tuple[Values, Values]:
    about = {value(column): column.about for column in stream.columns if column.about}
    mentions = {value(column): column.mentions for column in stream.columns if column.mentions}
    return about, mentions


def _nobody(column: Column) -> int | str | None:
    """What stands for somebody erased: nothing, or where there must be something, user 0."""
    if not column.required:
        return None
    return 0 if column.type == "BIGINT" else "erased"


def _naming(
    connection: duckdb.DuckDBPyConnection, values: Mapping[Column, Any], nodes: frozenset[str]
) -> set[Column]:
    """The columns whose values mention one of ``nodes``, as the search understands them."""
    texts = {
        column: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for column, value in values.items()
        if column.mentions and value is not None
    }
    if not texts:
        return set()
    terms = [
        f"list_has_any({nodes_of({f'cast($value{number} as varchar)': column.mentions})}, $nodes)"
        for number, column in enumerate(texts)
    ]
    bound = {f"value{number}": text for number, text in enumerate(texts.values())}
    [(named,)] = connection.execute(
        f"select [{', '.join(terms)}]", {**bound, "nodes": sorted(nodes)}
    ).fetchall()
    return {column for column, is_named in zip(texts, named, strict=True) if is_named}


def _at(record: dict[str, Any], path: tuple[str, ...]) -> Any:
    node: Any = record
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _put(record: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        record = record[step]
    record[path[-1]] = value
