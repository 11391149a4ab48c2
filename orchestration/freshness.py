"""Freshness of every stream, by the injected clock: the daily schedule's own check.

A stream is stale when its source was switched on and no load of a cycle ended within
``HEADWATER_STALE_AFTER_HOURS`` before ``as_of``; a backfill reads old days and makes nothing fresh.
dbt's own freshness command asks the machine for the time, which says nothing about a replay.
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from connectors.registry import all_streams
from connectors.zone import CYCLE
from headwater.warehouse import connect
from orchestration.cycle import Cycle
from orchestration.failures import as_step_failure
from orchestration.keys import CYCLE_POOL, stream_key

FRESH = "fresh"


def freshness_checks() -> dg.AssetChecksDefinition:
    """One check per stream, in one step."""
    streams = all_streams()

    @dg.multi_asset_check(
        name="freshness",
        specs=[
            dg.AssetCheckSpec(
                name=FRESH,
                asset=stream_key(stream.source, stream.name),
                description="The stream was loaded within HEADWATER_STALE_AFTER_HOURS.",
            )
            for stream in streams
        ],
        can_subset=True,
        required_resource_keys={"cycle"},
        pool=CYCLE_POOL,
    )
    def fresh(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        cycle: Cycle = context.resources.cycle
        oldest = cycle.as_of.replace(tzinfo=None) - timedelta(
            hours=cycle.settings.stale_after_hours
        )
        with as_step_failure(), connect(cycle.settings, read_only=True) as connection:
            last = {
                (source, stream): landed_at
                for source, stream, landed_at in connection.execute(
                    "select source, stream, max(landed_at) from landing.loads "
                    "where coalesce(lane, ?) = ? group by all",
                    [CYCLE, CYCLE],
                ).fetchall()
            }
        for stream in streams:
            key = stream_key(stream.source, stream.name)
            if dg.AssetCheckKey(key, FRESH) not in context.selected_asset_check_keys:
                continue
            landed_at = last.get((stream.source, stream.name))
            switched_on = stream.source in cycle.settings.sources
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=FRESH,
                passed=not switched_on or (landed_at is not None and landed_at >= oldest),
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "last_load": landed_at.isoformat() if landed_at else "never",
                    "switched_on": switched_on,
                },
            )

    return fresh
