"""The difference between a model and what its destination last acknowledged, set-based in DuckDB.

One md5 per model row says which rows are worth a look; only those are compared field by field.
The warehouse is attached for exactly that long.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import duckdb

from headwater.errors import DefinitionError, GuardError
from headwater.settings import Settings
from headwater.warehouse import attached, quote
from syncs.definition import Definition, Edits, FieldMap, Mode, Policy, Removal
from syncs.destination import Counts
from syncs.state import one

SCHEMA = "activation"
_AS_IT_IS = {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT",
             "USMALLINT", "UINTEGER", "UBIGINT"}  # fmt: skip


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


def compute(
    connection: duckdb.DuckDBPyConnection, definition: Definition, settings: Settings
) -> Difference:
    """Fill ``planned`` and ``adopted`` on a state connection and count them.

    Raises :class:`DefinitionError` for a column the model does not have, :class:`GuardError` for
    keys that are null or not unique.
    """
    held_since = time.perf_counter()
    with attached(connection, settings):
        held_since = time.perf_counter()
        types = _column_types(connection, definition)
        _check_keys(connection, definition)
        model_rows = one(connection, f"select count(*) from {_table(definition)}")  # noqa: S608
        connection.execute(_candidates(definition, types))
        connection.execute(_changed_rows(definition))
    warehouse_seconds = time.perf_counter() - held_since
    connection.execute(_compared(definition, types))
    connection.execute(_PLANNED, [_removal_fields(definition)])
    connection.execute(_ADOPTED)
    counts = counts_of_plan(connection, definition)
    adopted = one(connection, "select count(*) from adopted")
    in_doubt = one(connection, "select count(*) from candidate where held_back and not gone")
    return Difference(
        model_rows=model_rows,
        acknowledged=one(connection, "select count(*) from sent"),
        counts=counts,
        adopted=adopted,
        rows_before=one(
            connection,
            "select arg_max(model_rows, fence) from runs "
            "where status in ('clean', 'partial') and model_rows is not null",
        ),
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


_OPEN_FATE = "(select key from outbox where state in ('in_flight', 'unknown'))"

_PLANNED = """
create or replace temp table planned as
with rows as (
    select key, operation, fields, before, after, model_hash, destination_id
    from compared
    where not settled_already

    union all

    select
        candidate.key, 'remove', ?::json, coalesce(sent.fields, '{}'), '{}', null,
        sent.destination_id
    from candidate
    inner join sent on sent.key = candidate.key
    where candidate.gone and not candidate.held_back
)

select
    row_number() over (
        order by case operation when 'create' then 0 when 'update' then 1 else 2 end, key
    ) as seq,
    *,
    md5_number(operation || fields)::uhugeint as content,
    false as suspect
from rows
"""

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


def _value(column: str, data_type: str) -> str:
    """The SQL of a column's value as it is written to JSON."""
    name = f"model.{quote(column)}"
    if data_type in _AS_IT_IS:
        return name
    if data_type in {"DOUBLE", "FLOAT"} or data_type.startswith("DECIMAL"):
        return f"case when isfinite({name}::double) then {name}::double end"
    if data_type.startswith("TIMESTAMP"):
        return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if data_type == "DATE":
        return f"strftime({name}, '%Y-%m-%d')"
    return f"{name}::varchar"


def _hash(definition: Definition, types: dict[str, str]) -> str:
    """md5 of the mapped values and of the map itself; null where a key is delivered once."""
    if definition.once:
        return "null::uhugeint"
    values = ", ".join(_value(item.column, types[item.column]) for item in definition.fields)
    text = f"json_array({values})::varchar"
    return f"md5_number('{definition.map_hash}' || {text})::uhugeint"


def _candidates(definition: Definition, types: dict[str, str]) -> str:
    """Keys that are new, whose row changed, or that are gone."""
    kind = "left" if definition.removal.action is Removal.IGNORE else "full"
    return f"""
    create or replace temp table candidate as
    with hashed as (
        select
            model.{quote(definition.key.column)}::varchar as key,
            {_hash(definition, types)} as model_hash
        from {_table(definition)} as model
    )

    select
        coalesce(hashed.key, sent.key) as key,
        hashed.model_hash,
        hashed.key is null as gone,
        coalesce(hashed.key, sent.key) in {_OPEN_FATE} as held_back
    from hashed
    {kind} join sent on sent.key = hashed.key
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


def _compared(definition: Definition, types: dict[str, str]) -> str:
    """Field by field: what to send, what was acknowledged before, what will be afterwards."""
    ours, theirs, sends = [], [], []
    for number, item in enumerate(definition.fields):
        ours.append(
            f"coalesce(json_extract(to_json({_value(item.column, types[item.column])}), '$'), "
            f"'null'::json) as ours_{number}"
        )
        theirs.append(f"{_acknowledged(item, types)} as theirs_{number}")
        sends.append(f"{_send(definition, item, number)} as send_{number}")
    numbered = list(enumerate(definition.fields))
    fields = _object([(f"send_{n}", item.field, f"ours_{n}") for n, item in numbered])
    before = _object(
        [(f"send_{n} and theirs_{n} is not null", item.field, f"theirs_{n}")
         for n, item in numbered]
    )  # fmt: skip
    after = "'{}'::json" if definition.once else _object(
        [(f"send_{n} or theirs_{n} is not null", item.field,
          f"case when send_{n} then ours_{n} else theirs_{n} end") for n, item in numbered]
    )  # fmt: skip
    any_sent = " or ".join(f"send_{n}" for n, _ in numbered) or "false"
    creates = "'update'" if definition.mode is Mode.UPDATE else "'create'"
    return f"""
    create or replace temp table compared as
    with looked_at as (
        select
            candidate.key,
            candidate.model_hash,
            sent.key is not null as known,
            sent.destination_id,
            {_listed([*ours, *theirs])}
        from candidate
        inner join changed_row as model on model.headwater_key = candidate.key
        left join sent on sent.key = candidate.key
    ),

    decided as (
        select
            *,
            {_listed(sends)}
        from looked_at
    )

    select
        key,
        case when known then 'update' else {creates} end as operation,
        {fields} as fields,
        {before} as before,
        {after} as after,
        model_hash,
        destination_id,
        not ({any_sent}) and (known or {str(definition.mode is Mode.UPDATE).lower()})
            as settled_already
    from decided
    """  # noqa: S608 (identifiers are quoted)


def _listed(expressions: list[str]) -> str:
    return ", ".join(expressions) or "null as nothing"


def _acknowledged(item: FieldMap, types: dict[str, str]) -> str:
    """The JSON the destination acknowledged: null in SQL where nothing is known."""
    path = _text("$." + '"' + item.field + '"')
    sent = f"json_extract(sent.fields, {path})"
    if item.adopt is None:
        return sent
    ours, landed = _value(item.column, types[item.column]), _value(item.adopt, types[item.adopt])
    same = f"try_cast(model.{quote(item.adopt)} as {types[item.column]}) is not distinct from " \
           f"model.{quote(item.column)}"  # fmt: skip
    adopted = f"case when {same} then {ours} else {landed} end"
    if types[item.column] != types[item.adopt]:
        adopted = f"case when {same} then to_json({ours}) else to_json({landed}) end"
    return f"coalesce({sent}, coalesce(json_extract(to_json({adopted}), '$'), 'null'::json))"


def _send(definition: Definition, item: FieldMap, number: int) -> str:
    ours, theirs = f"ours_{number}", f"theirs_{number}"
    differs = f"({theirs} is null or {theirs} <> {ours})"
    if definition.once:  # a record that does not exist yet has nothing to clear
        return f"{ours} <> 'null'"
    if item.policy is Policy.NEVER_NULL:
        return f"({ours} <> 'null' and {differs})"
    if item.policy is Policy.FILL_EMPTY:
        empty = f"({theirs} is null or {theirs} in ('null', '\"\"'))"
        return f"({ours} not in ('null', '\"\"') and {empty})"
    return differs


def _object(entries: list[tuple[str, str, str]]) -> str:
    """SQL of a JSON object of the entries (condition, name, JSON value) whose condition holds."""
    if not entries:
        return "'{}'::json"
    items = ", ".join(
        f"case when {condition} then {_text(json.dumps(name) + ':')} || {value} end"
        for condition, name, value in entries
    )
    return f"('{{' || concat_ws(',', {items}) || '}}')::json"  # concat_ws leaves nulls out


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


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
