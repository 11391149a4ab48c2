"""The graph from source to destination.

Streams (a step per source), dbt models with their tests (a step per set of sources) and syncs (a
step per chain), and beside it the days of exports that can be read again. All runs use the
in-process executor: dbt is imported once per run, and one file has one writer.
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from headwater.settings import Settings
from orchestration.backfill import backfill_assets
from orchestration.cycle import cycle_resource
from orchestration.dbt_assets import dbt_assets
from orchestration.dbt_process import PROJECT
from orchestration.freshness import freshness_checks
from orchestration.jobs import jobs
from orchestration.schedules import schedules
from orchestration.sensors import cycle_failed
from orchestration.source_assets import source_assets
from orchestration.sync_assets import sync_assets
from orchestration.volume_budgets import volume_budget_checks


def build_definitions(settings: Settings, project: Path = PROJECT) -> dg.Definitions:
    """The graph for these settings and this dbt project.

    Raises :class:`headwater.errors.DefinitionError` when the project or a sync definition is
    wrong.
    """
    models = dbt_assets(settings.home, project)
    return dg.Definitions(
        assets=[
            *source_assets(),
            *backfill_assets(settings),
            *(item for item in models if not isinstance(item, dg.AssetChecksDefinition)),
            *sync_assets(),
        ],
        asset_checks=[
            freshness_checks(),
            volume_budget_checks(),
            *(item for item in models if isinstance(item, dg.AssetChecksDefinition)),
        ],
        jobs=jobs(),
        schedules=schedules(settings),
        sensors=[cycle_failed],
        resources={"cycle": cycle_resource},
        executor=dg.in_process_executor,
    )
