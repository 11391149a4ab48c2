"""The ``headwater`` command."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from headwater.settings import Settings, load
from orchestration.backfill_cli import backfill
from orchestration.identity_cli import app as identity_app
from orchestration.land_cli import land
from orchestration.privacy_cli import app as privacy_app
from orchestration.terminal import OneLineErrors, errors, shown_progress, tell
from orchestration.tracking_cli import app as tracking_app
from syncs.cli import app as sync_app

app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Headwater: the product-led growth engine on a company's own warehouse.",
)
app.add_typer(sync_app, name="sync", help="Plan, run and look at syncs.")
app.add_typer(identity_app, name="identity", help="Who is who, and why.")
app.add_typer(privacy_app, name="privacy", help="Erase people, from landing zone to marts.")
app.add_typer(tracking_app, name="tracking", help="The tracking plan: which events there may be.")


@sync_app.callback()
def hold_the_lease(context: typer.Context) -> None:
    """A delivery by hand waits for a cycle that is running; looking at syncs does not."""
    delivers = {"run", "apply", "undo", "release", "trace"}
    if context.invoked_subcommand in delivers and "--help" not in sys.argv:
        from orchestration.lease import cycle_lease

        context.with_resource(
            cycle_lease(load(Settings), f"headwater sync {context.invoked_subcommand}")
        )


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@app.callback()
def main(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Options of every command."""


@app.command()
def cycle(
    daily: Annotated[
        bool, typer.Option("--daily", help="With the checks of the daily schedule.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run one whole cycle: land, build, sync. Exit code 0 clean, 1 failed, 2 rows refused."""
    settings = load(Settings)
    with shown_progress():
        from orchestration.definitions import defs  # dbt and Dagster: seconds of imports
        from orchestration.jobs import CYCLE, DAILY
        from orchestration.run_cycle import run_cycle

        outcome = run_cycle(settings, defs, DAILY if daily else CYCLE)
    if settings.warehouse.exists():
        _print_report(settings, outcome.run_id, as_json=as_json)
    for failure in outcome.failures:
        tell(f"{failure.step}: {failure.reason}", failure.next_step)
    if outcome.held_back:
        errors.print(f"Held back: {', '.join(outcome.held_back)}", style="yellow")
    raise typer.Exit(int(outcome.ending))


app.command()(land)
app.command()(backfill)


@app.command()
def report(
    cycle_id: Annotated[str | None, typer.Argument(help="The last cycle if none.")] = None,
    as_json: AsJson = False,
) -> None:
    """What a cycle did: rows landed, people, accounts, fit, PQLs, audiences, deliveries."""
    _print_report(load(Settings), cycle_id, as_json=as_json)


@app.command()
def sql(
    query: Annotated[str | None, typer.Argument(help="One question; a shell if none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask the warehouse (read-only)."""
    from orchestration.shell import as_json as to_json
    from orchestration.shell import as_table, ask, interact

    settings = load(Settings)
    if query is None:
        interact(settings, Console())
    elif as_json:
        typer.echo(to_json(ask(settings, query)))
    else:
        Console().print(as_table(ask(settings, query)))


@app.command()
def check(as_json: AsJson = False) -> None:
    """Prove every setting and credential that is switched on. Reads, never writes."""
    from orchestration.credentials_check import Finding, check_everything

    console = Console()

    def show(finding: Finding) -> None:
        if not as_json:
            mark = "[green]fine   [/green]" if finding.fine else "[red]problem[/red]"
            console.print(f"{mark} {finding.system}", highlight=False)
            if not finding.fine:
                console.print(f"        {finding.problem}\n        {finding.next_step}",
                              markup=False, soft_wrap=True)  # fmt: skip

    findings = check_everything(load(Settings), show)
    if as_json:
        rows = [
            {"system": f.system, "problem": f.problem, "next_step": f.next_step} for f in findings
        ]
        typer.echo(json.dumps(rows, indent=2))
    if not all(finding.fine for finding in findings):
        raise typer.Exit(1)


@app.command()
def dev() -> None:
    """Serve the Dagster UI and its daemon on HEADWATER_DAGSTER_URL."""
    from orchestration.dagster_processes import develop

    develop(load(Settings))


@app.command()
def webserver(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on, if not HEADWATER_DAGSTER_URL's.")
    ] = None,
) -> None:
    """Serve the Dagster UI alone, beside a daemon that runs as its own service."""
    from orchestration.dagster_processes import serve_ui

    serve_ui(load(Settings), host)


@app.command()
def daemon() -> None:
    """Run Dagster's daemon alone: schedules, sensors, queue."""
    from orchestration.dagster_processes import run_daemon

    run_daemon(load(Settings))


def _print_report(settings: Settings, cycle_id: str | None, *, as_json: bool) -> None:
    from orchestration.report import report as read
    from orchestration.report_tables import WIDTH, render

    found = read(settings, cycle_id)
    if as_json:
        typer.echo(json.dumps(found, indent=2, default=str))
    else:
        Console(width=None if sys.stdout.isatty() else WIDTH).print(render(found))


if __name__ == "__main__":
    app()
