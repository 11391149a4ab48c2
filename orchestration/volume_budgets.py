"""The tracking plan's volume budgets: the daily schedule's own check of every stream of events.

An event that comes more often than its owner planned costs money and hides something: a loop, a
bot, a release that sends twice. It is reported here and never held back.
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from connectors.registry import all_streams
from connectors.tracking_plan.observed import BudgetBreach, budget_breaches
from connectors.tracking_plan.places import follows_a_plan
from connectors.tracking_plan.plan import current_plan
from headwater.warehouse import connect
from orchestration.cycle import Cycle
from orchestration.failures import as_step_failure
from orchestration.keys import stream_key

WITHIN_BUDGET = "within_volume_budget"


def volume_budget_checks() -> dg.AssetChecksDefinition:
    """One check per stream of events, in one step."""
    streams = [stream for stream in all_streams() if follows_a_plan(stream)]

    @dg.multi_asset_check(
        name="volume_budgets",
        specs=[
            dg.AssetCheckSpec(
                name=WITHIN_BUDGET,
                asset=stream_key(stream.source, stream.name),
                description="No event came on a day of the last HEADWATER_QUARANTINE_WARNING_DAYS "
                "more often than the tracking plan has it. `headwater tracking lint --observed` "
                "shows all of history.",
            )
            for stream in streams
        ],
        can_subset=True,
        required_resource_keys={"cycle"},
    )
    def within_budget(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        cycle: Cycle = context.resources.cycle
        since = (cycle.as_of - timedelta(days=cycle.settings.quarantine_warning_days)).date()
        with as_step_failure(), connect(cycle.settings, read_only=True) as connection:
            plan = current_plan()
            found = {
                stream.source: budget_breaches(connection, plan, stream, since)
                for stream in streams
            }
        for stream in streams:
            key = stream_key(stream.source, stream.name)
            if dg.AssetCheckKey(key, WITHIN_BUDGET) in context.selected_asset_check_keys:
                yield _result(key, found[stream.source])

    return within_budget


def _result(key: dg.AssetKey, breaches: list[BudgetBreach]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=WITHIN_BUDGET,
        passed=not breaches,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            breach.event: f"{breach.most} on {breach.worst_day}, planned {breach.budget}"
            for breach in breaches
        },
    )
