"""``headwater privacy``: erasing people, and which erasures there were."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from headwater.clock import clock_from
from headwater.erasures import Erasure, erasures
from headwater.settings import Settings, load
from orchestration.terminal import errors, shown_progress

if TYPE_CHECKING:
    from orchestration.erase import ErasurePlan

app = typer.Typer(no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
BY_HAND = (
    "event files in your bucket; Headwater drops what they and other sources still send",
    "backups of the landing zone, of the warehouse and of the sync state",
)


@app.callback()
def main() -> None:
    """Erase people, and see who asked for it when."""


@app.command("erase")
def erase_command(
    email: Annotated[str, typer.Argument(help="Any address of the person.")],
    only_plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be removed, and end.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before removing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a person from landing zone, raw tables, models and what syncs remember, and keep them
    from returning.

    Shows what will be removed and asks first. Asking again goes on with what was cut off."""
    from orchestration.erase import erase, plan_erasure  # the sources, dbt: seconds of imports

    settings = load(Settings)
    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    if only_plan or not yes:
        found = plan_erasure(settings, email)
        if as_json:
            typer.echo(json.dumps(asdict(found), indent=2))
        else:
            console.print(_plan_table(found))
        if only_plan:
            return
        typer.confirm("Remove all this? It cannot be taken back.", abort=True)
    with shown_progress():
        from orchestration.cycle import progress

        done, records = erase(settings, clock_from(settings), email, progress.info)
    if as_json:
        told = {**_told(done), "to_be_deleted_by_you": [*records, *BY_HAND]}
        typer.echo(json.dumps(told, indent=2))
    else:
        console.print(_erasure_table([done]))
    errors.print("Still to be deleted by you:", style="yellow")
    for line in (*records, *BY_HAND):
        errors.print(f"- {line}", markup=False, soft_wrap=True)


@app.command("erasures")
def erasures_command(as_json: AsJson = False) -> None:
    """Show every erasure: when, asked by whom, how many rows, and whether it is finished."""
    found = erasures(load(Settings).landing_zone)
    if as_json:
        typer.echo(json.dumps([_told(erasure) for erasure in found], indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 100).print(_erasure_table(found))


def _told(erasure: Erasure) -> dict[str, object]:
    return erasure.model_dump(mode="json", exclude={"digests"})


def _plan_table(found: ErasurePlan) -> Table:
    table = Table(title="What would be removed")
    for name in ("where", "what", "removed", "kept without the person"):
        table.add_column(name, justify="right" if name not in ("where", "what") else "left")
    for record in found.records:
        table.add_row("by you", record, "", "")
    for name, count in found.identifiers.items():
        table.add_row("identifiers", name, f"{count:,}", "")
    places: tuple[tuple[str, Mapping[str, tuple[int, int]]], ...] = (
        ("landing zone", found.zone),
        ("warehouse", found.raw),
    )
    for where, counts in places:
        for name, (gone, kept) in counts.items():
            table.add_row(where, name, f"{gone:,}", f"{kept:,}")
    for name, rows in found.models.items():
        table.add_row("models", name, f"{rows:,}", "")
    for name, (removal, rows) in found.syncs.items():
        table.add_row("syncs", f"{name} (at the destination: {removal})", f"{rows:,}", "")
    return table


def _erasure_table(found: list[Erasure]) -> Table:
    table = Table()
    for name in ("erasure", "asked at", "by", "identifiers", "rows", "finished at"):
        table.add_column(name)
    for erasure in found:
        rows = sum(count for step in erasure.steps.values() for count in step.values())
        table.add_row(
            erasure.erasure_id,
            f"{erasure.asked_at:%Y-%m-%d %H:%M}",
            erasure.asked_by,
            str(sum(erasure.identifiers.values())),
            f"{rows:,}",
            f"{erasure.finished_at:%Y-%m-%d %H:%M}" if erasure.finished_at else "not finished",
        )
    return table
