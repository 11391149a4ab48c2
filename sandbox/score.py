"""``python -m sandbox.score``: the warehouse against the planted truth, figure by figure."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headwater.errors import HeadwaterError
from headwater.settings import Settings
from sandbox import score_growth, score_icp, score_identity
from sandbox.score_metric import Metric, opened

METRICS = (*score_identity.METRICS, *score_icp.METRICS, *score_growth.METRICS)


def score(warehouse: Path, home: Path) -> list[Metric]:
    """All metrics of a warehouse against the truth of the sandbox in ``home``."""
    with opened(warehouse, home) as connection:
        return [metric(connection) for metric in METRICS]


def main(
    home: Annotated[Path, typer.Option(help="Where the sandbox keeps its state.")] = Path(
        "var/sandbox"
    ),
    warehouse: Annotated[
        Path | None, typer.Option(help="The DuckDB file; by default that of the settings.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Where to write the figures.")] = Path(
        "var/score.json"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
) -> None:
    """Compare the warehouse with the planted truth; exit code 1 if a figure misses its floor."""
    metrics = score(warehouse or Settings().warehouse, home)
    text = json.dumps([metric.as_dict() for metric in metrics], indent=2)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text + "\n", encoding="utf-8")
    if as_json:
        typer.echo(text)
    else:
        Console(width=None if sys.stdout.isatty() else 120).print(_table(metrics))
    if not all(metric.passes for metric in metrics):
        raise typer.Exit(1)


def _table(metrics: list[Metric]) -> Table:
    table = Table("metric", "value", "floor", "n", "", "note")
    for metric in metrics:
        verdict = "" if metric.floor is None else "pass" if metric.passes else "FAIL"
        table.add_row(
            metric.metric,
            f"{metric.value:.4f}",
            "" if metric.floor is None else f"{metric.floor:g}",
            f"{metric.n:,}",
            verdict,
            metric.note,
        )
    return table


if __name__ == "__main__":
    try:
        typer.run(main)
    except HeadwaterError as error:
        Console(stderr=True).print(f"{error.what} {error.next_step}", highlight=False)
        sys.exit(1)
