"""SQL of the comparison of a model's row with what its destination acknowledged, field by field."""

from __future__ import annotations

import json

from headwater.warehouse import literal, quote
from syncs.definition import Definition, FieldMap, Mode, Policy

_AS_IT_IS = {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT",
             "USMALLINT", "UINTEGER", "UBIGINT"}  # fmt: skip


def value(column: str, data_type: str) -> str:
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


def compared(definition: Definition, types: dict[str, str]) -> str:
    """Field by field: what to send, what was acknowledged before, what will be afterwards."""
    ours, theirs, sends = [], [], []
    for number, item in enumerate(definition.fields):
        ours.append(
            f"coalesce(json_extract(to_json({value(item.column, types[item.column])}), '$'), "
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
    parent = f"model.{quote(definition.group_by)}::varchar" if definition.group_by else "null"
    creates = "'update'" if definition.mode is Mode.UPDATE else "'create'"
    return f"""
    create or replace temp table compared as
    with looked_at as (
        select
            candidate.key,
            candidate.model_hash,
            candidate.known,
            sent.destination_id,
            {parent} as parent,
            {_listed([*ours, *theirs])}
        from candidate
        inner join changed_row as model on model.headwater_key = candidate.key
        left join acknowledged_row as sent on sent.key = candidate.key
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
        parent,
        not ({any_sent}) and (known or {str(definition.mode is Mode.UPDATE).lower()})
            as settled_already
    from decided
    """  # noqa: S608 (identifiers are quoted)


def _listed(expressions: list[str]) -> str:
    return ", ".join(expressions) or "null as nothing"


def _acknowledged(item: FieldMap, types: dict[str, str]) -> str:
    """The JSON the destination acknowledged: null in SQL where nothing is known."""
    path = literal("$." + '"' + item.field + '"')
    sent = f"json_extract(sent.fields, {path})"
    if item.adopt is None:
        return sent
    ours, landed = value(item.column, types[item.column]), value(item.adopt, types[item.adopt])
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
        f"case when {condition} then {literal(json.dumps(name) + ':')} || {value} end"
        for condition, name, value in entries
    )
    return f"('{{' || concat_ws(',', {items}) || '}}')::json"  # concat_ws leaves nulls out
