"""The difference between a model and what its destination last acknowledged, set-based in DuckDB.

One md5 per model row says which rows are worth a look; only those are compared field by field.
The warehouse is attached for exactly that long.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from headwater.errors import DefinitionError, GuardError
from headwater.settings import Settings
from headwater.warehouse import attached, quote
from syncs.definition import Definition, Edits, Policy, Removal
from syncs.destination import Counts
from syncs.field_comparison import compared, value
from syncs.state import State

SCHEMA = "activation"


@dataclass(frozen=True)
class Difference:
    """What a run would do; the rows are in the temporary tables ``planned`` and ``adopted``.

    ``acknowledged``: keys known before. ``unchanged``: model rows that need nothing, those just
    adopted left out. ``quarantined``: rows left out because they were refused too often.
    ``warehouse_seconds``: how long the warehouse was held. ``rows_before``: the model's rows at the
    last run that delivered, None if there was none.
    """

    model_rows: int
    acknowledged: int
    counts: Counts
    adopted: int
    unchanged: int
    warehouse_seconds: float
    quarantined: int = 0
    rows_before: int | None = None

    @classmethod
    def of_plan(cls, counts: Counts) -> Difference:
        """A plan that no model was compared for."""
        return cls(0, 0, counts, 0, 0, 0.0)


def compute(state: State, definition: Definition, settings: Settings) -> Difference:
    """Fill ``planned`` and ``adopted`` in ``state.compute`` and count them.

    Raises :class:`DefinitionError` for a column the model does not have, :class:`GuardError` for
    keys that are null or not unique.
    """
    connection = state.compute
    state.fetch("acknowledged", "select key, model_hash from sent")
    state.fetch("open_fate", "select key from outbox where state in ('in_flight', 'unknown')")
    held_since = time.perf_counter()
    with attached(connection, settings):
        held_since = time.perf_counter()
        types = _column_types(connection, definition)
        _check_keys(connection, definition)
        model_rows = one(connection, f"select count(*) from {_table(definition)}")  # noqa: S608
        connection.execute(_candidates(state, definition, types))
        connection.execute(_changed_rows(definition))
    warehouse_seconds = time.perf_counter() - held_since
    state.fetch(
        "acknowledged_row",
        "select key, fields, destination_id from sent",
        keys="select key from candidate where known",
    )
    connection.execute(compared(definition, types))
    connection.execute(_planned(state), [_removal_fields(definition)])
    connection.execute(_ADOPTED)
    counts = counts_of_plan(connection, definition)
    adopted = one(connection, "select count(*) from adopted")
    in_doubt = one(connection, "select count(*) from candidate where held_back and not gone")
    return Difference(
        model_rows=model_rows,
        acknowledged=one(connection, "select count(*) from acknowledged"),
        counts=counts,
        adopted=adopted,
        rows_before=_rows_before(state),
        unchanged=model_rows - counts.created - counts.updated - adopted - in_doubt,
        warehouse_seconds=warehouse_seconds,
    )


def counts_of_plan(connection: duckdb.DuckDBPyConnection, definition: Definition) -> Counts:
    """What ``planned`` holds now."""
    created, updated, removed = connection.execute(
        "select count(*) filter (operation = 'create'), count(*) filter (operation = 'update'), "
        "count(*) filter (operation = 'remove') from planned"
    ).fetchall()[0]
    return Counts(created, updated, removed, _to_read(connection, definition))


def _rows_before(state: State) -> int | None:
    found = state.rows(
        "select model_rows from runs where status in ('clean', 'partial') "
        "and model_rows is not null order by fence desc limit 1"
    )
    return int(found[0][0]) if found else None


def _planned(state: State) -> str:
    return f"""
    create or replace temp table planned as
    with rows as (
        select key, operation, fields, before, after, model_hash, destination_id, parent
        from compared
        where not settled_already

        union all

        select
            candidate.key, 'remove', ?::json, coalesce(sent.fields, '{{}}')::json, '{{}}'::json,
            null, sent.destination_id, null
        from candidate
        inner join acknowledged_row as sent on sent.key = candidate.key
        where candidate.gone and not candidate.held_back
    )

    select
        row_number() over (
            order by
                case operation when 'create' then 0 when 'update' then 1 else 2 end, parent, key
        ) as seq,
        *,
        {state.md5("operation || fields")} as content,
        false as suspect
    from rows
    """  # noqa: S608 (our own names)


_ADOPTED = """
create or replace temp table adopted as
select key, model_hash, after, destination_id
from compared
where settled_already
"""


def _column_types(connection: duckdb.DuckDBPyConnection, definition: Definition) -> dict[str, str]:
    types = dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() "
            "where database_name = 'warehouse' and schema_name = ? and table_name = ?",
            [SCHEMA, definition.model],
        ).fetchall()
    )
    if not types:
        raise DefinitionError(
            f"{definition.name}.yml: model: the warehouse has no {SCHEMA}.{definition.model}.",
            next_step="Build it (dbt build), or correct the name.",
        )
    missing = [column for column in definition.columns if column not in types]
    if missing:
        raise DefinitionError(
            f"{definition.name}.yml: {SCHEMA}.{definition.model} has no column "
            f"{', '.join(missing)}.",
            next_step=f"It has: {', '.join(sorted(types))}.",
        )
    return types


def _check_keys(connection: duckdb.DuckDBPyConnection, definition: Definition) -> None:
    key = quote(definition.key.column)
    # Different hashes are different keys: a third of the price of comparing the keys themselves.
    unique = f"count(*) = count(distinct hash({key})) and count(*) = count({key})"
    if one(connection, f"select {unique} from {_table(definition)}"):  # noqa: S608 (quoted)
        return
    bad = connection.execute(
        f"select {key}::varchar, count(*) from {_table(definition)} "  # noqa: S608 (quoted)
        f"group by {key} having count(*) > 1 or {key} is null order by 1 nulls first limit 5"
    ).fetchall()
    if bad:
        named = ", ".join(f"{'null' if value is None else value} ({rows} rows)"
                          for value, rows in bad)  # fmt: skip
        raise GuardError(
            f"{definition.name}: the key {definition.key.column} of {SCHEMA}.{definition.model} "
            f"is null or not unique: {named}.",
            next_step="Nothing was sent. Correct the model: one row per key.",
        )


def _table(definition: Definition) -> str:
    return f"warehouse.{SCHEMA}.{quote(definition.model)}"


def _hash(state: State, definition: Definition, types: dict[str, str]) -> str:
    """md5 of the mapped values and of the map itself; null where a key is delivered once."""
    if definition.once:
        return f"null::{state.hash_type}"
    values = ", ".join(value(item.column, types[item.column]) for item in definition.fields)
    text = f"json_array({values})::varchar"
    return state.md5(f"'{definition.map_hash}' || {text}")


def _candidates(state: State, definition: Definition, types: dict[str, str]) -> str:
    """Keys that are new, whose row changed, or that are gone."""
    kind = "left" if definition.removal.action is Removal.IGNORE else "full"
    return f"""
    create or replace temp table candidate as
    with hashed as (
        select
            model.{quote(definition.key.column)}::varchar as key,
            {_hash(state, definition, types)} as model_hash
        from {_table(definition)} as model
    )

    select
        coalesce(hashed.key, sent.key) as key,
        hashed.model_hash,
        hashed.key is null as gone,
        sent.key is not null as known,
        coalesce(hashed.key, sent.key) in (select key from open_fate) as held_back
    from hashed
    {kind} join acknowledged as sent on sent.key = hashed.key
    where hashed.key is null
        or sent.key is null
        or hashed.model_hash is distinct from sent.model_hash
    """  # noqa: S608 (identifiers are quoted)


def _changed_rows(definition: Definition) -> str:
    """The mapped columns of the rows worth a look, so that the warehouse can be let go."""
    columns = ", ".join(f"model.{quote(name)}" for name in dict.fromkeys(definition.columns))
    key = f"model.{quote(definition.key.column)}::varchar"
    return f"""
    create or replace temp table changed_row as
    select {key} as headwater_key, {columns}
    from {_table(definition)} as model
    semi join candidate
        on candidate.key = {key} and not candidate.gone and not candidate.held_back
    """  # noqa: S608 (identifiers are quoted)


def _removal_fields(definition: Definition) -> str:
    nulls = ", ".join(f'"{name}": null' for name in definition.removal.fields)
    return f"{{{nulls}}}"


def _to_read(connection: duckdb.DuckDBPyConnection, definition: Definition) -> int:
    """Planned rows whose destination has to be looked at before (``fill_empty``, edits)."""
    filling = [item.field for item in definition.fields if item.policy is Policy.FILL_EMPTY]
    watched = [item.field for item in definition.fields if item.edits is not Edits.OVERWRITE]
    if not filling and not watched:
        return 0
    return int(
        one(
            connection,
            "select count(*) from planned where operation <> 'remove' "
            "and (list_has_any(json_keys(fields), ?) or list_has_any(json_keys(before), ?))",
            [filling, watched],
        )
    )


def one(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] = ()
) -> Any:
    """The single value of a query that has one."""
    return connection.execute(query, list(parameters)).fetchall()[0][0]
