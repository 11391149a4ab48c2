"""``headwater land``: sources into the warehouse, the zone into an empty one, old loads away."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from headwater.clock import Clock, clock_from
from headwater.errors import SettingsError
from headwater.settings import SOURCES, Settings
from headwater.settings import load as load_settings
from orchestration.terminal import shown_progress

WIDTH = 100
LANDED = ("source", "stream", "received", "landed", "duplicates", "quarantined", "tombstoned")
PRUNED = ("source", "stream", "removed", "bytes", "kept")


def land(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="Sources. If none: those that are switched on; with --replay or --prune, all."
        ),
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Land what the landing zone holds; ask no vendor.")
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove loads older than HEADWATER_KEEP_LOADS_DAYS days."),
    ] = False,
    even_if_needed: Annotated[
        bool,
        typer.Option("--even-if-needed", help="With --prune: also loads that a replay needs."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Read sources into the warehouse, without building or sending anything."""
    from orchestration.lease import cycle_lease

    if replay and prune:
        raise SettingsError("--replay and --prune are two commands.", next_step="Choose one.")
    if even_if_needed and not prune:
        raise SettingsError("--even-if-needed says nothing without --prune.")
    settings = load_settings(Settings)
    clock = clock_from(settings)
    unknown = sorted(set(sources or ()) - set(SOURCES))
    if unknown:
        raise SettingsError(
            f"There is no source {', '.join(unknown)}.", next_step=f"Known: {', '.join(SOURCES)}."
        )
    cycle_id = f"land-{clock.now():%Y%m%dT%H%M%S}"
    columns: Sequence[str] = LANDED
    with shown_progress(), cycle_lease(settings, cycle_id):
        from orchestration.cycle import progress

        if replay:
            from connectors.replay import replay as land_zone

            results: list[Any] = list(
                land_zone(settings, clock, sources=sources, on_progress=progress.info)
            )
        elif prune:
            from connectors.prune import prune as prune_zone

            results = list(
                prune_zone(settings, clock, sources=sources, even_if_needed=even_if_needed)
            )
            columns = PRUNED
        else:
            results = _read(sources or settings.sources, settings, clock, cycle_id, progress.info)
    rows = [asdict(result) for result in results]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else WIDTH).print(_table(columns, rows))


def _read(
    sources: Sequence[str],
    settings: Settings,
    clock: Clock,
    cycle_id: str,
    say: Callable[..., None],
) -> list[Any]:
    """Read one source after the other; one that fails does not stop the next."""
    from connectors.run import run_source

    results: list[Any] = []
    failed: list[Exception] = []
    for source in sources:
        try:
            results += run_source(source, settings, clock, cycle_id, on_progress=say)
        except Exception as error:  # noqa: BLE001 - raised below, after the other sources
            failed.append(error)
    if failed:
        raise ExceptionGroup(f"{len(failed)} of the sources failed.", failed)
    return results


def _table(columns: Sequence[str], rows: list[dict[str, Any]]) -> Table:
    table = Table()
    for name in columns:
        table.add_column(name, justify="left" if name in ("source", "stream") else "right")
    for row in rows:
        cells = (row[name] for name in columns)
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells))
    return table
