"""Give back what one run changed: exactly that, and nothing that anybody changed since.

An update is undone by the values acknowledged before it, a create by a removal and a removal by a
create, where the definition's removal allows it. What cannot be given back is said, and why.
Afterwards the sync is paused: the model still says what was undone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from headwater.errors import GuardError
from syncs.definition import Definition, Removal
from syncs.destination import ALREADY_THERE, Change, Destination, Operation, ReadsCurrent
from syncs.look_before import same
from syncs.state import State

READ_ROWS = 10_000


@dataclass(frozen=True)
class LeftAlone:
    """A row of the run, or a field of it, that is not given back. ``field`` is empty for a row."""

    key: str
    field: str
    reason: str


_DELIVERED = """
select outbox.key, outbox.operation, outbox.fields, outbox.before, outbox.destination_id,
    sent.fields, sent.run_id
from outbox
left join sent on sent.key = outbox.key
where outbox.run_id = $run_id and outbox.state = 'delivered'
    and outbox.code is distinct from $already_there
order by outbox.seq
"""


def plan_undo(
    state: State,
    definition: Definition,
    destination: Destination,
    run_id: str,
) -> tuple[LeftAlone, ...]:
    """Fill ``planned`` (and an empty ``adopted``) with what gives a run's changes back.

    Reads the records where the destination can be read. Raises :class:`GuardError` when the sync
    has no such run.
    """
    if not state.rows("select 1 from runs where run_id = $run_id", {"run_id": run_id}):
        raise GuardError(
            f"{definition.name} has no run {run_id}.",
            next_step=f"`headwater sync status {definition.name} --runs 20` lists its runs.",
        )
    left: list[LeftAlone] = []
    back: list[_Back] = []
    for key, operation, fields, before, record, known, known_run in state.rows(
        _DELIVERED, {"run_id": run_id, "already_there": ALREADY_THERE}
    ):
        row = _Row(key, Operation(operation), json.loads(fields), json.loads(before), record,
                   None if known is None else json.loads(known))  # fmt: skip
        removed = row.operation is Operation.REMOVE
        moved_on = row.known is not None if removed else known_run != run_id
        if moved_on:
            left.append(LeftAlone(key, "", "a later run changed it"))
            continue
        found = _inverse(definition, row, left)
        if found is not None:
            back.append(found)
    back = _without_edits(back, destination, left)
    _fill(state, back)
    return tuple(left)


@dataclass(frozen=True)
class _Row:
    """A delivered row: ``known`` is what ``sent`` says of the key now."""

    key: str
    operation: Operation
    fields: Mapping[str, Any]
    before: Mapping[str, Any]
    destination_id: str | None
    known: Mapping[str, Any] | None


@dataclass(frozen=True)
class _Back:
    """What gives a row back: ``wrote`` is what we left there, ``after`` what ``sent`` will say."""

    key: str
    operation: Operation
    fields: Mapping[str, Any]
    wrote: Mapping[str, Any]
    after: Mapping[str, Any]
    destination_id: str | None


def _inverse(definition: Definition, row: _Row, left: list[LeftAlone]) -> _Back | None:
    removal = definition.removal.action
    if row.operation is Operation.CREATE:
        if removal not in (Removal.DELETE, Removal.REMOVE_MEMBER):
            reason = f"it was created, and removal is {removal.value}"
            left.append(LeftAlone(row.key, "", reason))
            return None
        return _Back(row.key, Operation.REMOVE, {}, row.fields, {}, row.destination_id)
    if row.operation is Operation.REMOVE:
        if removal is Removal.CLEAR:
            fields = {name: row.before[name] for name in row.fields if name in row.before}
            return _Back(row.key, Operation.UPDATE, fields, row.fields, row.before,
                         row.destination_id)  # fmt: skip
        return _Back(row.key, Operation.CREATE, row.before, {}, row.before, None)
    unknown = [name for name in row.fields if name not in row.before]
    left += [LeftAlone(row.key, name, "what it was before is not known") for name in unknown]
    fields = {name: value for name, value in row.before.items() if name in row.fields}
    if not fields:
        return None
    after = {**(row.known or {}), **fields}
    return _Back(row.key, Operation.UPDATE, fields, row.fields, after, row.destination_id)


def _without_edits(
    back: Sequence[_Back], destination: Destination, left: list[LeftAlone]
) -> list[_Back]:
    """What nobody else changed since: fields of updates, whole records of removals."""
    names = sorted({name for item in back for name in item.wrote})
    if not names or not isinstance(destination, ReadsCurrent):
        return list(back)
    kept: list[_Back] = []
    for start in range(0, len(back), READ_ROWS):
        part = back[start : start + READ_ROWS]
        held = destination.current(
            [Change(n, item.key, item.operation, item.fields, "", item.destination_id)
             for n, item in enumerate(part)],
            names,
        )  # fmt: skip
        for item in part:
            there = held[item.key].fields if item.key in held else {}
            edited = {
                name
                for name, wrote in item.wrote.items()
                if name in there and not same(there[name], wrote)
            }
            left += [LeftAlone(item.key, name, "somebody changed it since")
                     for name in sorted(edited)]  # fmt: skip
            if not edited:
                kept.append(item)
            elif item.operation is Operation.UPDATE and set(item.fields) - edited:
                fields = {name: item.fields[name] for name in item.fields if name not in edited}
                after = {**item.after, **{name: item.wrote[name] for name in edited}}
                kept.append(_Back(item.key, item.operation, fields, item.wrote, after,
                                  item.destination_id))  # fmt: skip
    return kept


def _fill(state: State, back: Sequence[_Back]) -> None:
    texts = pa.string()
    rows = pa.table(
        {
            "key": pa.array([item.key for item in back], texts),
            "operation": pa.array([item.operation.value for item in back], texts),
            "fields": pa.array([json.dumps(dict(item.fields)) for item in back], texts),
            "before": pa.array(
                [json.dumps({n: item.wrote[n] for n in item.fields if n in item.wrote})
                 for item in back], texts
            ),
            "after": pa.array([json.dumps(dict(item.after)) for item in back], texts),
            "destination_id": pa.array([item.destination_id for item in back], texts),
        }
    )  # fmt: skip
    connection = state.compute
    connection.register("back", rows)
    try:
        connection.execute(
            f"""
            create or replace temp table planned as
            select
                row_number() over (order by operation, key) as seq, key, operation,
                fields::json as fields, before::json as before, after::json as after,
                null::{state.hash_type} as model_hash, destination_id,
                {state.md5("operation || fields")} as content, false as suspect,
                null::varchar as parent
            from back
            """  # noqa: S608 (our own names)
        )
    finally:
        connection.unregister("back")
    connection.execute(
        "create or replace temp table adopted as "
        "select key, model_hash, after, destination_id from planned limit 0"
    )
