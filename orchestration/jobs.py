"""The jobs: the whole graph from source to destination, with or without the checks of the day, and
backfills."""

from __future__ import annotations

import dagster as dg

from connectors.backfill import day_streams
from connectors.stream import Stream
from orchestration.backfill import backfill_key, backfill_name, backfill_selection
from orchestration.freshness import freshness_checks
from orchestration.volume_budgets import volume_budget_checks

CYCLE = "cycle"
DAILY = "daily"


def jobs() -> list[dg.UnresolvedAssetJobDefinition]:
    """``cycle``: everything but the daily checks. ``daily``: everything. Backfills are apart."""
    everything = dg.AssetSelection.all() - backfill_selection()
    daily_only = dg.AssetSelection.checks(freshness_checks(), volume_budget_checks())
    return [
        dg.define_asset_job(
            CYCLE,
            selection=everything - daily_only,
            description="Sources, dbt models with their tests, and syncs: one whole cycle.",
        ),
        dg.define_asset_job(
            DAILY,
            selection=everything,
            description="One whole cycle, and the checks of a day: fresh streams, volume budgets.",
        ),
        *(backfill_job(stream) for stream in day_streams()),
    ]


def backfill_job(stream: Stream) -> dg.UnresolvedAssetJobDefinition:
    """The job of an export's backfills, so that its days and runs are on one page."""
    return dg.define_asset_job(
        backfill_name(stream),
        selection=dg.AssetSelection.assets(backfill_key(stream)),
        description=f"Read days of {stream.source}.{stream.name} again, beside the cycle.",
    )
