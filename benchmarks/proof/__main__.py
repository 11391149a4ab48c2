"""``make proof``: measure what the sync engine promises, beside its target.

Writes ``var/proof.json`` and a table. The short form of it is a test.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import duckdb
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.proof import answers, costs, crashes
from benchmarks.proof.measured import Measured


def main(
    output: Annotated[Path, typer.Option(help="Where to write the figures.")] = Path(
        "var/proof.json"
    ),
    kills: Annotated[int, typer.Option(help="Kills at random moments.")] = 1_000,
    rows: Annotated[int, typer.Option(help="Rows of the large model.")] = 1_000_000,
    with_costs: Annotated[
        bool, typer.Option("--costs/--no-costs", help="Measure CPU and memory too.")
    ] = True,
) -> None:
    """Run every experiment; exit code 1 if a promise does not hold."""
    with TemporaryDirectory(prefix="headwater-proof-") as place:
        found = proof(Path(place), kills=kills, rows=rows, with_costs=with_costs)
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
    }
    report = {"machine": machine, "promises": [asdict(item) for item in found]}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    Console(width=None if sys.stdout.isatty() else 120).print(_table(found))
    if not all(item.holds for item in found):
        raise typer.Exit(1)


def proof(place: Path, *, kills: int, rows: int, with_costs: bool) -> list[Measured]:
    """Every experiment, in an empty folder."""
    few = max(100, rows // 200)
    # The kills come first: they copy this process, in which no database may be open yet.
    found = [
        *crashes.kills(place, kills, rows=max(40, few // 20)),
        crashes.at_once(place, few // 10),
        crashes.lost_answers(place, few),
        answers.rejections(place, few),
        answers.plans(place, max(5, few // 50)),
        answers.bisections(512, few),
        *(costs.costs(place, rows) if with_costs else ()),
    ]
    return sorted(found, key=lambda item: item.number)


def _table(found: list[Measured]) -> Table:
    table = Table("#", "promise", "target", "measured", "")
    for item in found:
        mark = "holds" if item.holds else "[red]does not hold[/red]"
        table.add_row(str(item.number), item.promise, item.target, item.measured, mark)
    return table


if __name__ == "__main__":
    typer.run(main)
