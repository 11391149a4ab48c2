"""``headwater tracking``: the tracking plan, and what came beside it.

Exit codes: 0 nothing found, 1 the plan itself is wrong, 2 what landed departs from it.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from headwater.settings import Settings, load
from headwater.warehouse import connect

if TYPE_CHECKING:
    from connectors.tracking_plan.lint import Finding
    from connectors.tracking_plan.observed import Departure
    from connectors.tracking_plan.plan import Plan

app = typer.Typer(help="The tracking plan: which events there may be.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """The tracking plan: which events there may be."""


@app.command("lint")
def lint_command(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of a plan; the project's own if none.")
    ] = None,
    observed: Annotated[
        bool, typer.Option("--observed", help="Compare with what landed in the warehouse, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Check names, types, owners and budgets of the plan. Exit code 0 fine, 1 the plan is wrong,
    2 what landed departs from it."""
    from connectors.registry import all_streams
    from connectors.tracking_plan.lint import lint
    from connectors.tracking_plan.plan import PLANS, read_plan

    plan = read_plan(folder or PLANS)
    findings = lint(plan, all_streams())
    departures = _departures(plan) if observed else []
    if as_json:
        answer = {
            "plan": [dataclasses.asdict(finding) for finding in findings],
            "observed": [dataclasses.asdict(departure) for departure in departures],
        }
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        _show(plan, findings, departures)
    raise typer.Exit(1 if findings else 2 if departures else 0)


def _departures(plan: Plan) -> list[Departure]:
    from connectors.raw_tables import table_name
    from connectors.registry import all_streams
    from connectors.tracking_plan.observed import observe
    from connectors.tracking_plan.places import follows_a_plan

    with connect(load(Settings), read_only=True) as connection:
        present = {
            f'"{schema}"."{table}"'
            for schema, table in connection.execute(
                "select schema_name, table_name from duckdb_tables()"
            ).fetchall()
        }
        return [
            departure
            for stream in all_streams()
            if follows_a_plan(stream) and table_name(stream) in present
            for departure in observe(connection, plan, stream)
        ]


def _show(plan: Plan, findings: list[Finding], departures: list[Departure]) -> None:
    console = Console()
    events = sum(len(file.events) for _, file in plan.files)
    if findings:
        table = _table("What is wrong with the plan", "file", "event or property", "rule", "what")
        for finding in findings:
            table.add_row(finding.file, finding.subject, finding.rule, finding.message)
        console.print(table)
    if departures:
        table = _table("What departs from the plan", "source", "what", "event or property", "how")
        for departure in departures:
            table.add_row(departure.source, departure.kind, departure.subject, departure.message)
        console.print(table)
    console.print(
        f"{events} events planned, {len(findings)} findings, {len(departures)} departures.",
        highlight=False,
    )


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, box=box.SIMPLE, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
