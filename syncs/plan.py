"""What a run would do now: read, compared and shown, without a call and without a trace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from headwater.clock import clock_from
from headwater.errors import GuardError, SettingsError
from headwater.settings import Settings
from syncs import difference, guards, quarantine, registry
from syncs.definition import Definition
from syncs.destination import Destination
from syncs.destinations import open_destination
from syncs.sealed_plan import seal
from syncs.state import open_state, require_not_running

SAMPLE_ROWS = 10


@dataclass(frozen=True)
class PlannedRow:
    """One row of a plan: per field, the value acknowledged before and the one to be sent."""

    key: str
    operation: str
    fields: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Plan:
    """What a run would do now. ``blocked`` says which guard would stop it,
    ``plan_id`` names it where it is sealed."""

    name: str
    model_rows: int
    created: int
    updated: int
    removed: int
    adopted: int
    unchanged: int
    unresolved: int
    quarantined: int
    least_calls: int | None
    blocked: str | None
    sample: tuple[PlannedRow, ...]
    warnings: tuple[str, ...] = ()
    plan_id: str | None = None


def plan(
    name: str,
    settings: Settings,
    *,
    definition: Definition | None = None,
    destination: Destination | None = None,
    sealed: bool = False,
) -> Plan:
    """What :func:`run` would do now; calls nobody, and writes nothing but a ``sealed`` plan.

    Raises :class:`WarehouseBusyError` at once while the sync runs.
    """
    definition = definition or registry.definition(name)
    warnings: list[str] = []
    require_not_running(settings, name)
    with open_state(settings, name) as state:
        found = difference.compute(state, definition, settings)
        waiting = quarantine.hold_back(
            state, clock_from(settings).now(), None, definition.writing_hash
        )
        counts = difference.counts_of_plan(state.compute, definition)
        found = replace(found, counts=counts, quarantined=waiting)
        try:
            guards.check(definition, found)
            blocked = None
        except GuardError as error:
            blocked = str(error)
        ((unresolved,),) = state.rows(
            "select count(*) from outbox where state in ('in_flight', 'unknown')"
        )
        sample = _sample(state.compute)
        now = clock_from(settings).now()
        under_seal = seal(state.compute, definition, settings, now) if sealed else None
    least_calls = None
    try:
        destination = destination or open_destination(definition, settings)
        least_calls = destination.least_calls(found.counts)
    except SettingsError as error:
        warnings.append(str(error))
    return Plan(
        name=name,
        model_rows=found.model_rows,
        created=found.counts.created,
        updated=found.counts.updated,
        removed=found.counts.removed,
        adopted=found.adopted,
        unchanged=found.unchanged,
        unresolved=unresolved,
        quarantined=found.quarantined,
        least_calls=least_calls,
        blocked=blocked,
        sample=sample,
        warnings=tuple(warnings),
        plan_id=under_seal.plan_id if under_seal else None,
    )


def _sample(connection: duckdb.DuckDBPyConnection) -> tuple[PlannedRow, ...]:
    """The first rows of each operation of the plan, field by field."""
    rows = connection.execute(
        "select key, operation, fields, before from planned "
        "qualify row_number() over (partition by operation order by seq) <= ? order by seq",
        [SAMPLE_ROWS],
    ).fetchall()
    sample = []
    for key, operation, fields, before in rows:
        sent, known = json.loads(fields), json.loads(before)
        sample.append(
            PlannedRow(key, operation, {name: (known.get(name), sent[name]) for name in sent})
        )
    return tuple(sample)
