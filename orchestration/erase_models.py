"""Takes erased people out of models that keep history, and finds them anywhere in the warehouse.

Models that are made anew by each build forget by themselves: what they read is gone. Those that are
built by increments would not, so their rows are removed here. A sequence that a registry gave away
is never given away again, so its row stays and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import duckdb

from connectors.erased_records import rows_of_raw
from connectors.stream import Stream
from headwater.erased_rows import Rows, Search, types_of
from headwater.warehouse import quote

REGISTRY = "marts.identity_key_registry"
EVENTS = "intermediate.int_events__flagged"
BY_SEQUENCE = {
    "intermediate.int_identity__links": ("left_sequence", "right_sequence"),
    "intermediate.int_identity__owners": ("sequence",),
    "intermediate.int_identity__components": ("sequence",),
    "marts.person_identifier_history": ("sequence", "anchor"),
}
"""The incremental models of the identity graph, and their columns with numbers of identifiers."""
KNOW_LINKS = ("intermediate.int_identity__components", "marts.person_identifier_history")
"""Models that note up to which build of the links they know (``links_through``)."""
CHANGES = "marts.person_key_changes"


def erase_history(search: Search) -> dict[str, int]:
    """Remove the erased from the incremental models; returns the rows removed by table. The caller
    holds the transaction."""
    connection = search.connection
    tables = _tables(connection)
    removed: dict[str, int] = {}
    if EVENTS in tables:
        found = search.find(_rows(EVENTS, tables[EVENTS]))
        # An event that stays without an address has to be flagged anew: its load is.
        loads = connection.execute(
            f"select distinct _load_id from {EVENTS} where rowid in (select unnest($rows))",  # noqa: S608
            {"rows": [*found.mentioning]},
        ).fetchall()
        removed[EVENTS] = _delete(connection, EVENTS, found.about)
        connection.execute(
            f"delete from {EVENTS} where _load_id in (select unnest($loads))",  # noqa: S608
            {"loads": [load_id for (load_id,) in loads]},
        )
    if REGISTRY in tables:
        removed |= _erase_graph(search, tables)
    return {table: rows for table, rows in removed.items() if rows}


def find_in_models(search: Search) -> dict[str, int]:
    """The same of the models' tables alone."""
    tables = {
        table: columns
        for table, columns in _tables(search.connection).items()
        if not table.startswith(("raw_", "landing."))
    }
    return _found(search, {table: _rows(table, columns) for table, columns in tables.items()})


def find_in_warehouse(search: Search, streams: Iterable[Stream]) -> dict[str, int]:
    """The rows of every table of the warehouse that hold an identifier of somebody erased, by
    table. Columns of models are told by their names, those of raw tables by the contracts of
    ``streams``."""
    raw = {f"{stream.schema}.{stream.name}": stream for stream in streams}
    return _found(
        search,
        {
            table: rows_of_raw(raw[table]) if table in raw else _rows(table, columns)
            for table, columns in _tables(search.connection).items()
        },
    )


def _found(search: Search, tables: Mapping[str, Rows]) -> dict[str, int]:
    found = {table: search.find(rows) for table, rows in tables.items()}
    return {t: len(one.about) + len(one.mentioning) for t, one in found.items() if one}


def _erase_graph(
    search: Search,
    tables: dict[str, list[str]],
) -> dict[str, int]:
    connection, removed = search.connection, dict[str, int]()
    found = search.find(Rows(REGISTRY, "sequence", "''", {"node": ("node",)}))
    sequences = [*found.about]
    for table, names in BY_SEQUENCE.items():
        if table in tables:
            where = " or ".join(f"{name} in (select unnest($sequences))" for name in names)
            removed[table] = _count(
                connection,
                f"delete from {table} where {where}",  # noqa: S608 (our own names)
                {"sequences": sequences},
            )
    for table in (CHANGES, "marts.person_identifier_history"):
        if table in tables:
            found = search.find(_rows(table, tables[table]))
            rows = _delete(connection, table, found.about + found.mentioning)
            removed[table] = removed.get(table, 0) + rows
    # The number of a build that only the erased had is used again: nobody may think it is known.
    for table in KNOW_LINKS:
        if table in tables and "intermediate.int_identity__links" in tables:
            connection.execute(
                f"""
                update {table}
                set links_through = newest.number
                from (
                    select coalesce(max(greatest(opened_in, coalesce(cut_in, 0))), 0) as number
                    from intermediate.int_identity__links
                ) as newest
                where links_through > newest.number
                """  # noqa: S608 (our own names)
            )
    removed[REGISTRY] = _count(
        connection,
        f"""
        update {REGISTRY}
        set node = 'erased:' || sequence, id_type = 'erased', id_value = sequence::varchar
        where sequence in (select unnest($sequences))
        """,  # noqa: S608 (our own names)
        {"sequences": sequences},
    )
    return removed


def _rows(table: str, columns: list[str]) -> Rows:
    """A table of a model, whose columns are called by what they hold."""
    about: dict[str, tuple[str, ...]] = {}
    for name in columns:
        value = f"cast({quote(name)} as varchar)"
        other = f"{name.removesuffix('_type')}_value"
        if name in ("node", "source_record") or name.endswith("_identifier"):
            about[value] = ("node",)
        elif name.endswith("_type") and other in columns:
            about[f"({quote(name)} || ':' || {quote(other)})"] = ("node",)
        elif types_of(name):
            about[value] = types_of(name)
    if table.startswith("landing."):
        about = {}
    texts = ", ".join(f"cast({quote(name)} as varchar)" for name in columns)
    return Rows(table, "rowid", f"concat_ws(' ', {texts})", about)


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Every table of the warehouse (``schema.table``) with its columns."""
    tables: dict[str, list[str]] = {}
    for schema, table, column in connection.execute(
        """
        select columns.schema_name, columns.table_name, columns.column_name
        from duckdb_columns() as columns
        semi join duckdb_tables() as tables using (database_name, schema_name, table_name)
        where columns.database_name = current_database() and not columns.internal
        order by columns.schema_name, columns.table_name, columns.column_index
        """
    ).fetchall():
        tables.setdefault(f"{schema}.{table}", []).append(column)
    return tables


def _delete(connection: duckdb.DuckDBPyConnection, table: str, rows: tuple[object, ...]) -> int:
    return _count(
        connection,
        f"delete from {table} where rowid in (select unnest($rows))",  # noqa: S608 (our own names)
        {"rows": [*rows]},
    )


def _count(
    connection: duckdb.DuckDBPyConnection, statement: str, parameters: dict[str, list[object]]
) -> int:
    row = connection.execute(statement, parameters).fetchone()
    return int(row[0]) if row else 0
