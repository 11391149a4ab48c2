"""Where the records of a stream hold identifiers of people, and what becomes of a record that holds
those of somebody erased: it goes, or it stays without them. Both follow from the contract
(``about``, ``mentions``).

The same rules in three places: lines of JSON, Parquet, and rows of the warehouse.
"""

from __future__ import annotations

import json
from typing import Any

from connectors.contract import Column, Pii
from connectors.landing_checks import json_path, literal
from connectors.raw_tables import table_name
from connectors.stream import Stream
from headwater.erased_rows import (
    DEVICE,
    Rows,
    Values,
    nodes_of,
    sql_without_addresses,
    without_addresses,
)
from headwater.warehouse import quote

OF_PERSON = (Pii.CONTACT, Pii.NAME)
"""What a record that stays loses beside the address of somebody erased."""


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
    return Rows(parsed, row, record, about, mentions, "held is null")


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


def cleared_line(stream: Stream, line: str, nodes: frozenset[str], pattern: str | None) -> str:
    """A line that stays, without what it mentions of somebody erased."""
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if isinstance(record, dict):
        values = {column: _at(record, column.path) for column in stream.columns}
        gone = {c for c in stream.columns if c.mentions and _is_any(c, values[c], nodes)}
        if any("email" in column.mentions for column in gone):
            gone |= {c for c in stream.columns if c.pii in OF_PERSON and values[c] is not None}
        for column in gone:
            _put(record, column.path, _nobody(column))
        if gone:
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


def _is_any(column: Column, value: Any, nodes: frozenset[str]) -> bool:
    if value is None:
        return False
    text = value.strip() if isinstance(value, str) else json.dumps(value)
    text = text.replace(DEVICE, "")
    return any(
        node == f"{id_type}:{text.lower() if id_type == 'email' else text}"
        for id_type in column.mentions
        for node in nodes
    )


def _at(record: dict[str, Any], path: tuple[str, ...]) -> Any:
    node: Any = record
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _put(record: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        record = record[step]
    record[path[-1]] = value
