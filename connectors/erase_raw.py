"""Takes erased people out of the raw tables and the landing engine's own.

What is left is what a replay of the zone without them gives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import duckdb

from connectors.erased_records import (
    cleared_columns,
    cleared_line,
    key_type,
    record_ids,
    rows_of_lines,
    rows_of_raw,
)
from connectors.raw_tables import table_name
from connectors.stream import Stream
from headwater.erased_rows import (
    Found,
    Rows,
    Search,
    covering,
    nodes_of,
    sql_without_addresses,
    without_addresses,
)
from headwater.erasures import Tombstones
from headwater.warehouse import literal


def erase_raw(search: Search, streams: Iterable[Stream]) -> dict[str, int]:
    """Remove the rows about the erased and empty what mentions them; returns the rows removed or
    changed by table. The caller holds the transaction."""
    changed: dict[str, int] = {}

    def note(name: str, found: Found) -> None:
        if found:
            changed[name] = changed.get(name, 0) + len(found.about) + len(found.mentioning)

    for stream in streams:
        found = search.find(rows_of_raw(stream))
        _erase_rows(search.connection, stream, found)
        note(f"{stream.schema}.{stream.name}", found)
        found = search.find(_quarantined(stream))
        _erase_quarantined(search.connection, stream, found)
        note("landing.quarantine", found)
        found = search.find(_merges(stream))
        _delete(search.connection, "landing.merges", found.about)
        note("landing.merges", found)
    return changed


def look_at_raw(search: Search, streams: Iterable[Stream]) -> dict[str, tuple[int, int]]:
    """How many rows of each table would be removed, and how many changed."""
    counts: dict[str, tuple[int, int]] = {}
    for stream in streams:
        for name, rows in (
            (f"{stream.schema}.{stream.name}", rows_of_raw(stream)),
            ("landing.quarantine", _quarantined(stream)),
            ("landing.merges", _merges(stream)),
        ):
            found = search.find(rows)
            if found:
                gone, changed = counts.get(name, (0, 0))
                counts[name] = (gone + len(found.about), changed + len(found.mentioning))
    return counts


def records_of(
    connection: duckdb.DuckDBPyConnection, streams: Iterable[Stream], nodes: frozenset[str]
) -> frozenset[str]:
    """The identifiers of the records that are about a person beyond those that are known
    (``nodes``): a lead that the identity graph gave to nobody, the tickets of a requester. No
    address is learned in this way, so that it cannot run on to other people."""
    known = nodes
    naming = [stream for stream in streams if record_ids(stream)]
    while True:
        search = Search(connection, Tombstones.of(known))
        learned: set[str] = set()
        for stream in naming:
            found = search.find(rows_of_raw(stream))
            if found.about:
                learned |= {
                    node
                    for (node,) in connection.execute(
                        f"select distinct unnest({nodes_of(record_ids(stream))}) "
                        f"from {table_name(stream)} where rowid in (select unnest($rows))",
                        {"rows": [*found.about]},
                    ).fetchall()
                }
        if learned <= known:
            return known
        known |= learned


def _quarantined(stream: Stream) -> Rows:
    relation = (
        "(select rowid as row_number, record || ' ' || coalesce(reason, '') as told, record "
        f"from landing.quarantine where source = {literal(stream.source)} "
        f"and stream = {literal(stream.name)})"
    )
    rows = rows_of_lines(stream, relation, "row_number", "record")
    return replace(rows, text="told")


def _merges(stream: Stream) -> Rows:
    """Merges of records that are the stream's: all of them if their keys are nobody's."""
    types = key_type(stream)
    keys = {"loser_key": (types,), "winner_key": (types,)} if types else {}
    relation = (
        "(select rowid as row_number, loser_key, winner_key from landing.merges "
        f"where source = {literal(stream.source)} and stream = {literal(stream.name)})"
    )
    return Rows(relation, "row_number", "cast(null as varchar)", keys)


def _erase_rows(connection: duckdb.DuckDBPyConnection, stream: Stream, found: Found) -> None:
    _delete(connection, table_name(stream), found.about)
    if not found.mentioning:
        return
    pattern = covering(found.nodes)
    cleared = cleared_columns(stream, pattern, by_path=False)
    cleared["_extra"] = _extra(pattern)
    sets = ", ".join(f"{name} = {value}" for name, value in cleared.items())
    connection.execute(
        f"update {table_name(stream)} set {sets} where rowid in (select unnest($rows))",
        {"rows": [*found.mentioning]}
        | ({"nodes": sorted(found.nodes)} if "$nodes" in sets else {}),
    )


def _extra(pattern: str | None) -> str:
    if pattern is None:
        return "_extra"
    return f"cast({sql_without_addresses('cast(_extra as varchar)', pattern)} as json)"


def _erase_quarantined(connection: duckdb.DuckDBPyConnection, stream: Stream, found: Found) -> None:
    _delete(connection, "landing.quarantine", found.about)
    pattern = covering(found.nodes)
    for row in found.mentioning:
        [(record, reason)] = connection.execute(
            "select record, reason from landing.quarantine where rowid = $row", {"row": row}
        ).fetchall()
        connection.execute(
            "update landing.quarantine set record = $record, reason = $reason where rowid = $row",
            {
                "row": row,
                "record": cleared_line(connection, stream, record, found.nodes, pattern),
                "reason": without_addresses(reason or "", pattern),
            },
        )


def _delete(connection: duckdb.DuckDBPyConnection, table: str, rows: tuple[object, ...]) -> None:
    if rows:
        connection.execute(
            f"delete from {table} where rowid in (select unnest($rows))", {"rows": [*rows]}
        )
