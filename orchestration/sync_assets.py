"""Syncs as assets: each depends on its activation model, and on the syncs it comes after.

Syncs that wait for each other share a step, so that a rejected row of the first does not hold the
second back as a whole. A sync with rejected or owed rows is never green: its check fails and its
step fails, after everything that could be delivered was delivered and recorded.
"""

from collections.abc import Iterator, Sequence, Set
from typing import Any

import dagster as dg

from orchestration.cycle import Cycle, progress
from orchestration.failures import (
    as_step_failure,
    describe,
    joined,
    may_retry,
    next_step,
    partial,
    tried_again,
)
from orchestration.keys import CYCLE_POOL, sync_key
from orchestration.links import DESTINATION_DOCS
from syncs.definition import Definition
from syncs.registry import definitions, enabled
from syncs.run import RunResult
from syncs.state import RunStatus

DELIVERED = "every_row_delivered"
Event = dg.MaterializeResult[Any] | dg.AssetCheckResult


def sync_assets() -> list[dg.AssetsDefinition]:
    """One definition per chain of syncs."""
    return [_chain_step(chain) for chain in chains(definitions())]


def chains(found: tuple[Definition, ...]) -> list[tuple[Definition, ...]]:
    """Syncs grouped with those they come ``after``, in the order in which they run."""
    chain_of: dict[str, list[Definition]] = {}
    for item in found:
        members = [item]
        for before in item.after:
            members = [*chain_of[before], *(m for m in members if m not in chain_of[before])]
        for member in members:
            chain_of[member.name] = members
    unique = {id(members): tuple(members) for members in chain_of.values()}
    return list(unique.values())


def begin_delivering(context: dg.OpExecutionContext, cycle: Cycle, made: Set[dg.AssetKey]) -> None:
    """Have the run's chains delivered whose models are all ``made``, while other steps work.

    ``made`` are the assets of steps that ended well: Dagster would hold the others back.
    """
    steps = context.run.step_keys_to_execute
    for chain in chains(definitions()):
        wanted = _wanted(chain, context.job_def.asset_layer.selected_asset_keys, cycle)
        runs = not steps or step_name(chain) in steps
        if wanted and runs and all(_model_key(item) in made for item in wanted):
            cycle.delivering.begin(wanted)


def step_name(chain: Sequence[Definition]) -> str:
    """The step that delivers a chain."""
    return "sync__" + "__and__".join(item.name for item in chain)


def _chain_step(chain: tuple[Definition, ...]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=step_name(chain),
        specs=[_spec(item) for item in chain],
        check_specs=[
            dg.AssetCheckSpec(
                name=DELIVERED,
                asset=sync_key(item.name),
                description="No row was rejected by the destination and none is still owed.",
            )
            for item in chain
        ],
        can_subset=True,
        required_resource_keys={"cycle"},
        pool=CYCLE_POOL,
    )
    def deliver(context: dg.AssetExecutionContext) -> Iterator[Event]:
        cycle: Cycle = context.resources.cycle
        wanted = _wanted(chain, context.selected_asset_keys, cycle)
        for item in chain:
            if sync_key(item.name) in context.selected_asset_keys and item not in wanted:
                progress.info("%s: switched off by HEADWATER_SYNCS, nothing sent", item.name)
        delivered = cycle.delivering.delivered(wanted)
        failures: list[dg.Failure] = []
        for item, result in delivered.results:
            yield from _events(item, result)
            if result.status is RunStatus.PAUSED:
                progress.info("%s", result.error)
            elif result.status is not RunStatus.CLEAN:
                failures.append(_not_clean(item.name, result))
        try:
            with as_step_failure():
                if delivered.error is not None:
                    raise delivered.error
        except dg.Failure as failure:
            failures.append(failure)
        if failures:
            with tried_again(context, cycle.settings):
                raise joined(failures)

    return deliver


def _wanted(
    chain: Sequence[Definition], selected: Set[dg.AssetKey], cycle: Cycle
) -> list[Definition]:
    """Those of the chain that the run is to deliver, and that may."""
    switched_on = {item.name for item in enabled(cycle.settings)}
    return [item for item in chain if sync_key(item.name) in selected and item.name in switched_on]


def _model_key(item: Definition) -> dg.AssetKey:
    return dg.AssetKey(["activation", item.model])


def _spec(item: Definition) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=sync_key(item.name),
        deps=[_model_key(item), *(sync_key(name) for name in item.after)],
        description=item.description,
        group_name=f"destination_{item.destination}",
        kinds={item.destination},
        skippable=True,
        metadata={
            "object": item.object,
            "mode": item.mode.value,
            "removal": item.removal.action.value,
            "owner": item.owner,
            "definition": f"syncs/definitions/{item.name}.yml",
            "vendor_documentation": dg.MetadataValue.url(DESTINATION_DOCS[item.destination]),
        },
    )


def _events(item: Definition, result: RunResult) -> Iterator[Event]:
    if result.status in (RunStatus.CLEAN, RunStatus.PARTIAL):
        yield dg.MaterializeResult(
            asset_key=sync_key(item.name),
            metadata={
                "created": result.created,
                "updated": result.updated,
                "removed": result.removed,
                "adopted": result.adopted,
                "unchanged": result.unchanged,
                "recovered": result.recovered,
                "rejected": result.rejected,
                "quarantined": result.quarantined,
                "owed": result.owed,
                "calls": result.calls,
                "least_calls": result.least_calls,
                "seconds_of_lock": round(result.seconds_of_lock, 3),
                "status": result.status.value,
            },
        )
    yield dg.AssetCheckResult(
        asset_key=sync_key(item.name),
        check_name=DELIVERED,
        passed=result.status is RunStatus.CLEAN,
        severity=(
            dg.AssetCheckSeverity.WARN
            if result.status is RunStatus.PAUSED
            else dg.AssetCheckSeverity.ERROR
        ),
        metadata={
            "rejected": result.rejected,
            "quarantined": result.quarantined,
            "owed": result.owed,
            "status": result.status.value,
        },
    )


def _not_clean(name: str, result: RunResult) -> dg.Failure:
    log = f"headwater sync log {name} says which rows, and what the destination answered."
    reasons = [
        f"{refusal.rows} times {refusal.code}: {refusal.example_message}"
        for refusal in result.refusals
    ]
    if result.error is not None:
        reasons.append(describe(result.error))
    what = (
        f"{name}: {result.status.value}: {result.rejected} rows rejected, {result.owed} owed, "
        f"{result.quarantined} refused too often (kept, and tried again with the next run). "
        f"{' '.join(reasons)}"
    ).strip()
    if result.status is RunStatus.PARTIAL:
        return partial(what, next_step=log)
    return dg.Failure(
        description=what,
        metadata={"next_step": next_step(result.error) if result.error else log},
        allow_retries=result.error is not None and may_retry(result.error),
    )
