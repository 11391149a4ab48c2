"""Runs the backfill of an export in this process, and says in a few words how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg

from connectors.backfill import Days, check_days
from connectors.day_exports import consecutive
from connectors.stream import Stream
from headwater.settings import Settings
from orchestration.backfill import backfill_assets, backfill_key, backfill_name, last_day
from orchestration.instance import instance
from orchestration.jobs import backfill_job
from orchestration.run_cycle import QUIET, Ending, StepFailure, failures_of

FIRST_DAY = "dagster/asset_partition_range_start"
LAST_DAY = "dagster/asset_partition_range_end"
"""The tags by which Dagster knows a run over a range of partitions."""


@dataclass(frozen=True)
class BackfillOutcome:
    """How a backfill ended. ``loads`` are its loads in the order of their days, each with ``load
    days received landed duplicates quarantined calls bytes``; ``missing`` are the days that are not
    in the books."""

    run_id: str
    loads: tuple[dict[str, Any], ...]
    missing: tuple[Days, ...]
    failures: tuple[StepFailure, ...]

    @property
    def ending(self) -> Ending:
        """Clean; failed; or partial, when days are extracted and wait for a cycle to land them."""
        if not self.failures:
            return Ending.CLEAN
        return Ending.PARTIAL if all(f.partial for f in self.failures) else Ending.FAILED


def run_backfill_job(
    settings: Settings, stream: Stream, asked: Days, *, anew: bool = False
) -> BackfillOutcome:
    """Backfill ``asked`` here and now; the UI shows run and days.

    ``anew`` forgets what an unfinished backfill fetched. Raises
    :class:`headwater.errors.SettingsError` for days that cannot be asked for.
    """
    check_days(asked, settings, last_day(settings))
    definitions = dg.Definitions(
        assets=backfill_assets(settings),
        jobs=[backfill_job(stream)],
        executor=dg.in_process_executor,
    )
    job = definitions.resolve_job_def(backfill_name(stream))
    with instance(settings) as history:
        result = job.execute_in_process(
            instance=history,
            raise_on_error=False,
            tags={FIRST_DAY: asked.first.isoformat(), LAST_DAY: asked.last.isoformat()},
            run_config={**QUIET, "ops": {job.nodes[0].name: {"config": {"anew": anew}}}},
        )
        events = result.all_events
    told = list(_days_told(events, backfill_key(stream)))
    done = {day for day, _ in told}
    return BackfillOutcome(
        result.run_id,
        tuple(_loads(load for _, load in told)),
        tuple(consecutive([day for day in asked if day.isoformat() not in done])),
        failures_of(result.success, events),
    )


def _days_told(
    events: Iterable[dg.DagsterEvent], key: dg.AssetKey
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each day that came into the books, with what is told of its load."""
    for event in events:
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key == key:
            metadata = event.materialization.metadata
            load = {name: value.value for name, value in metadata.items()}
            yield str(event.partition), load


def _loads(told: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each load once, in the order of its days."""
    return sorted(
        {load["load"]: load for load in told}.values(),
        key=lambda load: (load["days"], load["load"]),
    )
