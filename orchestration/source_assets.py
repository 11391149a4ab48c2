"""Sources as assets: one step per source, one asset per stream (its raw table)."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from connectors.land_ahead import LandAhead
from connectors.raw_tables import ensure_raw_tables
from connectors.registry import STREAMS_BY_SOURCE
from connectors.run import LoadResult, StreamsFailedError, StreamsToRetryError
from connectors.stream import Mode, Stream
from headwater.warehouse import connect
from orchestration.cycle import Cycle, progress
from orchestration.failures import as_step_failure, tried_again
from orchestration.keys import CYCLE_POOL, stream_key
from orchestration.links import SOURCE_DOCS
from orchestration.source_books import Books, read_books

QUARANTINE = "nothing_quarantined"
ASKS_ABOUT_ACCOUNTS = ("app_intelligence", "web_rank")
"""Sources that are asked about the domains of accounts, which other sources have to land first."""
FIRST = {"dagster/priority": "1"}
"""Comes before the other steps that are ready: vendors are asked from the run's start on."""
LATER = {"dagster/priority": "-1"}
"""Comes after the other steps that are ready, without depending on them."""
Event = dg.MaterializeResult[Any] | dg.AssetCheckResult


def source_assets() -> list[dg.AssetsDefinition]:
    """One definition per known source, those that are switched off included."""
    return [_source_step(source, streams) for source, streams in STREAMS_BY_SOURCE.items()]


def step_name(source: str) -> str:
    """The step that lands a source."""
    return f"land__{source}"


def _source_step(source: str, streams: tuple[Stream, ...]) -> dg.AssetsDefinition:
    names = {stream_key(source, stream.name): stream.name for stream in streams}
    modes = {stream.name: stream.mode for stream in streams}

    @dg.multi_asset(
        name=step_name(source),
        specs=[_spec(stream) for stream in streams],
        check_specs=[
            dg.AssetCheckSpec(
                name=QUARANTINE,
                asset=key,
                description="No record is missing because it broke its contract. Those that are "
                "lie in landing.quarantine with their reason, until a good version arrives; they "
                "keep this amber for HEADWATER_QUARANTINE_WARNING_DAYS, and for as long as a "
                "snapshot (a sheet) holds them.",
            )
            for key in names
        ],
        can_subset=True,
        required_resource_keys={"cycle"},
        pool=CYCLE_POOL,
        op_tags=LATER if source in ASKS_ABOUT_ACCOUNTS else FIRST,
    )
    def land(context: dg.AssetExecutionContext) -> Iterator[Event]:
        cycle: Cycle = context.resources.cycle
        wanted = sources_of_run(context.op_execution_context)[source]
        if source not in cycle.settings.sources:
            yield from _switched_off(source, wanted, cycle)
            cycle.landed.add(source)
            return
        with tried_again(context, cycle.settings):
            with as_step_failure():
                landed, books, failed = _land(
                    source, wanted, cycle, _landing(context.op_execution_context, cycle)
                )
            for result in landed:
                yield from _events(result, books.get(result.stream, Books()), modes[result.stream])
            if failed is not None:
                with as_step_failure():
                    raise failed
        cycle.landed.add(source)

    return land


def begin_landing(context: dg.OpExecutionContext, cycle: Cycle) -> None:
    """Have the run's sources read and landed while other steps work."""
    _landing(context, cycle).begin()


def sources_of_run(context: dg.OpExecutionContext) -> dict[str, tuple[str, ...]]:
    """Source to the names of its streams, of all that this run is to land (switched off or not)."""
    steps = context.run.step_keys_to_execute
    selected = context.job_def.asset_layer.selected_asset_keys
    found = {
        source: tuple(s.name for s in streams if stream_key(source, s.name) in selected)
        for source, streams in STREAMS_BY_SOURCE.items()
        if not steps or step_name(source) in steps
    }
    return {source: names for source, names in found.items() if names}


def _landing(context: dg.OpExecutionContext, cycle: Cycle) -> LandAhead:
    """The run's sources, which begin to be read when the first of them is asked for."""
    if cycle.landing is None:
        wanted = {
            source: streams
            for source, streams in sources_of_run(context).items()
            if source in cycle.settings.sources
        }
        later = {source: wanted.pop(source) for source in ASKS_ABOUT_ACCOUNTS if source in wanted}
        cycle.landing = LandAhead(
            wanted,
            later,
            settings=cycle.settings,
            clock=cycle.clock,
            cycle_id=cycle.cycle_id,
            on_progress=progress.info,
        )
    return cycle.landing


def _land(
    source: str, streams: tuple[str, ...], cycle: Cycle, landing: LandAhead
) -> tuple[list[LoadResult], Mapping[str, Books], Exception | None]:
    """What landed, the books of its streams, and what kept other streams from it."""
    failed: Exception | None = None
    try:
        landed = landing.landed(source, streams)
    except (StreamsFailedError, StreamsToRetryError) as error:
        landed, failed = error.results, error
    lately = cycle.as_of - timedelta(days=cycle.settings.quarantine_warning_days)
    with connect(cycle.settings) as connection:
        return landed, read_books(connection, source, lately), failed


def _spec(stream: Stream) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=stream_key(stream.source, stream.name),
        description=f"{stream.grain}\n\nDeletes: {stream.deletes.seen_by}.",
        group_name=f"source_{stream.source}",
        kinds={stream.source if stream.source != "exclusions_sheet" else "googlesheets", "duckdb"},
        metadata={
            "mode": stream.mode.value,
            "key": ", ".join(stream.key),
            "cursor": stream.cursor,
            "overlap": f"{stream.overlap.window}: {stream.overlap.reason}",
            "vendor_documentation": dg.MetadataValue.url(SOURCE_DOCS[stream.source]),
            "contract": f"connectors/{stream.source}/contracts.py",
        },
    )


def _events(result: LoadResult, books: Books, mode: Mode) -> Iterator[Event]:
    key = stream_key(result.source, result.stream)
    new = max(result.quarantined, books.quarantined_lately)
    yield dg.MaterializeResult(
        asset_key=key,
        metadata={
            "received": result.received,
            "landed": result.landed,
            "duplicates": result.duplicates,
            "quarantined": result.quarantined,
            "open_quarantine": result.open_quarantine,
            "tombstoned": result.tombstoned,
            "calls": result.calls,
            "bytes": result.bytes,
            "seconds": round(result.seconds, 3),
            "cursor": result.cursor or "",
            **books.metadata(),
        },
    )
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=QUARANTINE,
        passed=result.open_quarantine == 0 or not (mode is Mode.SNAPSHOT or new),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "quarantined": result.quarantined,
            "quarantined_lately": new,
            "still_missing": result.open_quarantine,
            "records": f"landing.quarantine, source {result.source}, stream {result.stream}",
        },
    )


def _switched_off(source: str, streams: tuple[str, ...], cycle: Cycle) -> Iterator[Event]:
    """Empty typed tables, so that what is built on the source still builds."""
    with as_step_failure(), connect(cycle.settings) as connection:
        ensure_raw_tables(connection)
    progress.info("%s: switched off by HEADWATER_SOURCES", source)
    for stream in streams:
        key = stream_key(source, stream)
        yield dg.MaterializeResult(
            asset_key=key, metadata={"state": "switched off by HEADWATER_SOURCES"}
        )
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=QUARANTINE,
            passed=True,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"quarantined": 0},
        )
