"""``python -m benchmarks [--output var/bench.json]``: measures and reports, asserts no times."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Annotated

import duckdb
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import dbt_build, difference, landing
from benchmarks.measuring import Figure


def main(
    output: Annotated[Path, typer.Option(help="Where to write the figures.")] = Path(
        "var/bench.json"
    ),
    events: Annotated[int, typer.Option(help="Lines to land.")] = 1_000_000,
    rows: Annotated[int, typer.Option(help="Rows of the model that is compared.")] = 1_000_000,
    runs: Annotated[int, typer.Option(min=1, help="Times each is measured.")] = 3,
) -> None:
    """Measure landing, the dbt build and the difference of a sync."""
    said = Console(stderr=True)
    figures = []
    for name, measure in (
        ("landing", lambda: landing.measure(events, runs)),
        ("dbt build", lambda: dbt_build.measure(runs)),
        ("sync difference", lambda: difference.measure(rows, runs)),
    ):
        said.print(f"{name}, {runs} times ...")
        figures.append(measure())
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
    }
    report = {"machine": machine, "figures": [figure.as_dict() for figure in figures]}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    Console(width=None if sys.stdout.isatty() else 100).print(_table(figures))


def _table(figures: list[Figure]) -> Table:
    table = Table(
        "what", "amount", "median s", "a second", "floor s", "times the floor", "floor is"
    )
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.amount:,} {figure.unit}",
            f"{figure.seconds:.2f}",
            f"{figure.rate:,.0f}",
            f"{figure.floor_seconds:.2f}" if figure.floor_seconds else "",
            f"{figure.ratio:.1f}" if figure.ratio else "",
            figure.floor,
        )
    return table


if __name__ == "__main__":
    typer.run(main)
