"""The jobs: the whole graph from source to destination, and the same with the daily checks."""

from __future__ import annotations

import dagster as dg

from orchestration.freshness import freshness_checks

CYCLE = "cycle"
DAILY = "daily"


def jobs() -> list[dg.UnresolvedAssetJobDefinition]:
    """``cycle``: everything but freshness. ``daily``: everything."""
    everything = dg.AssetSelection.all()
    daily_only = dg.AssetSelection.checks(freshness_checks())
    return [
        dg.define_asset_job(
            CYCLE,
            selection=everything - daily_only,
            description="Sources, dbt models with their tests, and syncs: one whole cycle.",
        ),
        dg.define_asset_job(
            DAILY,
            selection=everything,
            description="One whole cycle, and whether every stream is fresh.",
        ),
    ]
