"""``headwater privacy``: erasing people, here and at vendors, and which erasures there were."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from headwater.clock import clock_from
from headwater.erasures import Erasure, erasures
from headwater.settings import Settings, load
from orchestration.terminal import PROGRESS, errors, shown_progress, user

if TYPE_CHECKING:
    from orchestration.deliver_deletions import Delivered
    from orchestration.erase import ErasurePlan

app = typer.Typer(no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
FILES = (
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
    at_destinations: Annotated[
        bool,
        typer.Option(
            "--at-destinations", help="Have vendors delete what is queued there, at once."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove a person from landing zone, raw tables, models and what syncs remember, keep them from
    returning, and queue the deletion of their records at vendors.

    Shows what will be removed and asks first. Asking again goes on with what was cut off."""
    from orchestration.erase import erase, plan_erasure  # the sources, dbt: seconds of imports
    from orchestration.vendor_records import is_for_people, name_of

    settings = load(Settings)
    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    if only_plan or not yes:
        found = plan_erasure(settings, email)
        if only_plan and as_json:
            typer.echo(json.dumps(asdict(found), indent=2))
            return
        if only_plan:
            console.print(_plan_table(found))
            return
        errors.print(_plan_table(found))
        there = ", at the vendors too" if at_destinations else ""
        question = f"Remove all this{there}? It cannot be taken back."
        typer.confirm(question, abort=True, err=True)
    with shown_progress():
        from orchestration.cycle import progress

        done = erase(settings, clock_from(settings), email, progress.info)
    if at_destinations:
        delivered = _deliver(settings, {done.erasure_id})
        done = next(iter(delivered.erasures), done)
    by_people = [name_of(deletion) for deletion in done.owed if is_for_people(deletion)]
    if as_json:
        told = {**_told(done), "to_be_deleted_by_you": [*by_people, *FILES]}
        typer.echo(json.dumps(told, indent=2))
    else:
        console.print(_erasure_table([done]))
    errors.print("Still to be deleted by you:", style="yellow")
    for line in (*by_people, *FILES):
        errors.print(f"- {line}", markup=False, soft_wrap=True)
    if at_destinations:
        _say_what_is_owed(delivered)
    elif len(done.owed) > len(by_people):
        errors.print(
            f"{len(done.owed) - len(by_people)} deletions at vendors are queued: "
            "`headwater privacy deliver`.",
            style="yellow",
        )


@app.command("deliver")
def deliver_command(
    erasure: Annotated[
        list[str] | None, typer.Argument(help="Only these erasures, such as 00000001.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before deleting.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have vendors delete the records of erased people that are queued.

    Shows them and asks first. What is not acknowledged stays queued; ends with 1 where a vendor
    refused or could not be asked."""
    from orchestration.deliver_deletions import to_deliver
    from orchestration.vendor_records import is_for_people, name_of

    settings = load(Settings)
    only = set(erasure) if erasure else None
    asked = [
        f"- {each.erasure_id}: {name_of(deletion)}"
        for each in to_deliver(settings, only)
        for deletion in each.owed
        if not is_for_people(deletion)
    ]
    if asked and not yes:
        for line in asked:
            errors.print(line, markup=False)
        typer.confirm("Have all this deleted? It cannot be taken back.", abort=True, err=True)
    delivered = _deliver(settings, only)
    if as_json:
        typer.echo(json.dumps([_told(each) for each in delivered.erasures], indent=2))
    else:
        console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
        console.print(_deletion_table(delivered.erasures))
    _say_what_is_owed(delivered)


@app.command("done")
def done_command(
    erasure: Annotated[str, typer.Argument(help="The erasure, such as 00000001.")],
    vendor: Annotated[str, typer.Argument(help="The vendor, such as support.")],
    as_json: AsJson = False,
) -> None:
    """Note that people deleted what a vendor holds of somebody erased: its records are no longer
    owed, and their ids are forgotten."""
    from orchestration.deliver_deletions import note_deleted

    settings = load(Settings)
    noted = note_deleted(settings, clock_from(settings), erasure, vendor, user())
    if as_json:
        typer.echo(json.dumps(_told(noted), indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 100).print(_deletion_table([noted]))


def _deliver(settings: Settings, only: Collection[str] | None) -> Delivered:
    from orchestration.deliver_deletions import deliver_deletions

    with shown_progress():
        say = logging.getLogger(PROGRESS).info
        return deliver_deletions(settings, clock_from(settings), only, say)


def _say_what_is_owed(delivered: Delivered) -> None:
    for vendor, why in delivered.failed.items():
        errors.print(f"{vendor}: {why}", style="red", markup=False, soft_wrap=True)
    if delivered.owed:
        errors.print(
            f"{len(delivered.owed)} deletions are not acknowledged yet and stay queued: "
            "`headwater privacy deliver` asks again.",
            style="yellow",
            soft_wrap=True,
        )
    if not delivered.is_on_its_way:
        raise typer.Exit(1)


@app.command("erasures")
def erasures_command(as_json: AsJson = False) -> None:
    """Show every erasure: when, asked by whom, how many rows, whether it is finished, and what
    vendors have deleted and still owe."""
    found = erasures(load(Settings).landing_zone)
    if as_json:
        typer.echo(json.dumps([_told(erasure) for erasure in found], indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    console.print(_erasure_table(found))
    if any(erasure.deletions for erasure in found):
        console.print(_deletion_table(found))


def _told(erasure: Erasure) -> dict[str, object]:
    return erasure.model_dump(mode="json", exclude={"digests"})


def _plan_table(found: ErasurePlan) -> Table:
    table = Table(title="What would be removed")
    for name in ("where", "what", "removed", "kept without the person"):
        table.add_column(name, justify="right" if name not in ("where", "what") else "left")
    for record in found.at_vendors:
        table.add_row("at vendors, queued", record, "", "")
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


def _erasure_table(found: Sequence[Erasure]) -> Table:
    table = Table()
    for name in ("erasure", "asked at", "by", "identifiers", "rows", "finished at", "at vendors"):
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
            f"{len(erasure.owed)} of {len(erasure.deletions)} owed",
        )
    return table


def _deletion_table(found: Sequence[Erasure]) -> Table:
    from orchestration.vendor_records import is_for_people, name_of

    table = Table(title="Deletions at vendors")
    for name in ("erasure", "vendor", "record", "answer", "at", "tries"):
        table.add_column(name)
    for erasure in found:
        for deletion in erasure.deletions:
            waits = "for people to delete" if is_for_people(deletion) else "not asked for yet"
            said = f"{deletion.outcome or waits} {deletion.said or deletion.task or ''}"
            table.add_row(
                erasure.erasure_id,
                deletion.vendor,
                name_of(deletion),
                said.strip(),
                f"{deletion.answered_at:%Y-%m-%d %H:%M}" if deletion.answered_at else "",
                str(deletion.tries),
            )
    return table
