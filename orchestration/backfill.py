"""Backfills as assets: an asset per export, partitioned by day, beside the raw table it feeds.

A run covers any range of days and works through it in parallel; each day turns green when it is in
the books. A run doesn't hold the cycle's lease: see :mod:`connectors.backfill`.
"""

from collections.abc import Callable, Iterator
from datetime import date

import dagster as dg

from connectors.backfill import (
    BackfillFailedError,
    BackfillResult,
    BackfillToRetryError,
    Days,
    DaysLanded,
    day_streams,
    run_backfill,
)
from connectors.stream import Stream
from connectors.zone import BACKFILL, Zone
from headwater.clock import clock_from
from headwater.errors import SettingsError
from headwater.settings import Settings, load
from orchestration.cycle import progress
from orchestration.failures import as_step_failure, partial
from orchestration.keys import stream_key
from orchestration.lease import cycle_lease
from orchestration.links import SOURCE_DOCS


class BackfillConfig(dg.Config):
    """``anew``: fetch also the days that an unfinished backfill has fetched."""

    anew: bool = False


def backfill_key(stream: Stream) -> dg.AssetKey:
    """The days of an export: ``backfill / mixpanel__events``."""
    return dg.AssetKey([BACKFILL, f"{stream.source}__{stream.name}"])


def backfill_name(stream: Stream) -> str:
    """The job and the pool of an export's backfill: ``backfill__mixpanel__events``."""
    return f"{BACKFILL}__{stream.source}__{stream.name}"


def days_of_history(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Every whole day (UTC) from ``HEADWATER_HISTORY_START`` to ``as_of``."""
    return dg.DailyPartitionsDefinition(
        start_date=settings.history_start.isoformat(),
        end_date=settings.as_of.date().isoformat() if settings.as_of else None,
        timezone="UTC",
    )


def last_day(settings: Settings) -> date:
    """The last day there is a partition for."""
    return date.fromisoformat(str(days_of_history(settings).get_last_partition_key()))


def backfill_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """One definition per export that is read by days."""
    return [_backfill_step(stream, settings) for stream in day_streams()]


def backfill_selection() -> dg.AssetSelection:
    """The assets that belong to no cycle."""
    return dg.AssetSelection.assets(*(backfill_key(stream) for stream in day_streams()))


def backfilled_by(run: dg.DagsterRun) -> Stream | None:
    """The stream that a run backfills, None for any other run."""
    for stream in day_streams():
        if run.job_name == backfill_name(stream) or run.asset_selection == {backfill_key(stream)}:
            return stream
    return None


def is_alive(stream: Stream, settings: Settings) -> bool:
    """Whether a process backfills the stream just now."""
    return Zone(settings.landing_zone).is_held(stream, BACKFILL)


def _backfill_step(stream: Stream, settings: Settings) -> dg.AssetsDefinition:
    key = backfill_key(stream)
    name = f"{stream.source}.{stream.name}"

    @dg.multi_asset(
        name=f"read_days__{stream.source}__{stream.name}",
        specs=[
            dg.AssetSpec(
                key=key,
                description=f"Days of {name} that were read again beside the cycle. What they "
                f"bring lands in raw_{stream.source}.{stream.name}; a day without colour was never "
                "asked for here, and the cycle may well have read it.",
                group_name=f"source_{stream.source}",
                kinds={stream.source, "duckdb"},
                partitions_def=days_of_history(settings),
                skippable=True,  # each day is reported by itself, when it is in the books
                metadata={
                    "why": f"The cycle reads {stream.overlap.window.days} days back: "
                    f"{stream.overlap.reason}.",
                    "vendor_documentation": dg.MetadataValue.url(SOURCE_DOCS[stream.source]),
                },
            )
        ],
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=backfill_name(stream),
    )
    def backfill(
        context: dg.AssetExecutionContext, config: BackfillConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        keys = context.partition_keys
        asked = Days(date.fromisoformat(min(keys)), date.fromisoformat(max(keys)))

        def report(load: DaysLanded) -> None:
            for day in load.days:
                if asked.first <= day <= asked.last:
                    context.log_event(
                        dg.AssetMaterialization(
                            key, partition=day.isoformat(), metadata=_metadata(load)
                        )
                    )

        with as_step_failure():
            try:
                result = _run(context, stream, asked, config, report)
            except (BackfillFailedError, BackfillToRetryError) as error:
                _observe(context, stream, error.result)
                raise
        _observe(context, stream, result)
        if result.waiting:
            days = ", ".join(str(days) for days in result.waiting)
            raise partial(
                f"{name}: extracted and not landed, a cycle had the lease all the time: {days}.",
                next_step="The next cycle lands them. Asking for them again costs no call.",
            )
        yield from ()

    return backfill


def _run(
    context: dg.AssetExecutionContext,
    stream: Stream,
    asked: Days,
    config: BackfillConfig,
    report: Callable[[DaysLanded], None],
) -> BackfillResult:
    settings = load(Settings)
    run_id = context.run.run_id

    def say(text: str) -> None:
        context.log.info(text)
        progress.info(text)

    if stream.source not in settings.sources:
        raise SettingsError(
            f"{stream.source} is switched off.", next_step="Add it to HEADWATER_SOURCES."
        )
    return run_backfill(
        stream,
        asked,
        settings,
        clock_from(settings),
        backfill_id=run_id,
        lease=lambda: cycle_lease(settings, f"backfill {run_id}", wait_seconds=0),
        anew=config.anew,
        on_landed=report,
        on_progress=say,
    )


def _metadata(load: DaysLanded) -> dict[str, int | str]:
    return {
        "load": load.load_id,
        "days": str(load.days),
        "received": load.received,
        "landed": load.landed,
        "duplicates": load.duplicates,
        "quarantined": load.quarantined,
        "calls": load.calls,
        "bytes": load.bytes,
    }


def _observe(context: dg.AssetExecutionContext, stream: Stream, result: BackfillResult) -> None:
    """Note on the raw table itself that a backfill fed it."""
    context.log_event(
        dg.AssetObservation(
            stream_key(stream.source, stream.name),
            description=f"A backfill of {result.asked}",
            metadata={
                "received": sum(load.received for load in result.landed),
                "landed": sum(load.landed for load in result.landed),
                "duplicates": sum(load.duplicates for load in result.landed),
                "quarantined": sum(load.quarantined for load in result.landed),
                "missing_days": sum(len(days) for days in result.missing),
            },
        )
    )
