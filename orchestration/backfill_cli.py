"""``headwater backfill``: read days of an export again."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from headwater.settings import Settings
from headwater.settings import load as load_settings
from orchestration.terminal import shown_progress, tell

if TYPE_CHECKING:
    from orchestration.run_backfill import BackfillOutcome

WIDTH = 100
NUMBERS = ("received", "landed", "duplicates", "quarantined", "calls")


def backfill(
    stream: Annotated[str, typer.Argument(help="The export, such as mixpanel.events.")],
    first: Annotated[
        datetime,
        typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, such as 2025-05-01."),
    ],
    last: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day, inclusive.")
    ],
    anew: Annotated[
        bool, typer.Option("--anew", help="Fetch also the days that an unfinished backfill has.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Read days of an export again, beside the cycle.

    A backfill that was cut off goes on when its days are asked for again. Exit code 0 all days are
    in the warehouse, 1 days are missing, 2 days are extracted and the next cycle lands them.
    """
    settings = load_settings(Settings)
    with shown_progress():
        from connectors.backfill import Days, day_stream
        from orchestration.run_backfill import run_backfill_job

        chosen = day_stream(stream)
        outcome = run_backfill_job(settings, chosen, Days(first.date(), last.date()), anew=anew)
    if as_json:
        typer.echo(json.dumps(_as_dict(outcome), indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else WIDTH).print(_as_table(outcome))
    for failure in outcome.failures:
        tell(failure.reason, failure.next_step)
    raise typer.Exit(int(outcome.ending))


def _as_dict(outcome: BackfillOutcome) -> dict[str, object]:
    return {
        "run_id": outcome.run_id,
        "ending": outcome.ending.name.lower(),
        "loads": list(outcome.loads),
        "missing": [[days.first.isoformat(), days.last.isoformat()] for days in outcome.missing],
    }


def _as_table(outcome: BackfillOutcome) -> Table:
    table = Table(title="Backfilled", title_justify="left", show_footer=len(outcome.loads) > 1)
    table.add_column("days", footer="in all")
    for name in NUMBERS:
        total = sum(load[name] for load in outcome.loads)
        table.add_column(name, justify="right", footer=f"{total:,}")
    for load in outcome.loads:
        table.add_row(load["days"], *(f"{load[name]:,}" for name in NUMBERS))
    return table
