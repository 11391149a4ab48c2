"""``python -m benchmarks [--output var/bench.json]``: measures and reports, asserts no times."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import duckdb
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import dbt_build, difference, identity, landing
from benchmarks.measuring import Figure


def main(
    parts: Annotated[
        list[str] | None,
        typer.Argument(help="export, memory, postgres, dbt, identity, difference; all if none."),
    ] = None,
    output: Annotated[Path, typer.Option(help="Where to write the figures.")] = Path(
        "var/bench.json"
    ),
    events: Annotated[int, typer.Option(help="Events of an export.")] = 1_000_000,
    large: Annotated[int, typer.Option(help="Events whose peak memory is taken.")] = 10_000_000,
    orders: Annotated[int, typer.Option(help="Rows of the PostgreSQL table.")] = 5_000_000,
    rows: Annotated[int, typer.Option(help="Rows of the model that is compared.")] = 1_000_000,
    identifiers: Annotated[
        int, typer.Option(help="Identifiers of the identity graph.")
    ] = 1_000_000,
    runs: Annotated[int, typer.Option(min=1, help="Times each is measured.")] = 3,
    peers: Annotated[Path, typer.Option(help="Virtual environment of the peers.")] = Path(
        ".venv-peers"
    ),
) -> None:
    """Measure landing, dbt, the identity graph and a sync's difference, each beside its peer."""
    said = Console(stderr=True)
    measures: dict[str, Callable[[], list[Figure]]] = {
        "export": lambda: landing.measure_export(events, runs, peers),
        "memory": lambda: [landing.measure_memory(large)],
        "postgres": lambda: landing.measure_orders(orders, runs),
        "dbt": lambda: [dbt_build.measure(runs)],
        "identity": lambda: identity.measure(identifiers),
        "difference": lambda: [difference.measure(rows, runs)],
    }
    unknown = sorted(set(parts or ()) - set(measures))
    if unknown:
        raise typer.BadParameter(f"unknown: {', '.join(unknown)}; known: {', '.join(measures)}")
    figures: list[Figure] = []
    for name in parts or measures:
        said.print(f"{name} ...")
        figures += measures[name]()
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
    }
    report = {"machine": machine, "figures": [figure.as_dict() for figure in figures]}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    Console(width=None if sys.stdout.isatty() else 120).print(_table(figures))


def _table(figures: list[Figure]) -> Table:
    table = Table(
        "what", "amount", "s", "CPU s", "peak MB", "a second", "beside", "its s", "its CPU s",
        "ratio", "at most",
    )  # fmt: skip
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.amount:,} {figure.unit}",
            _number(figure.seconds, 2),
            _number(figure.cpu_seconds, 1),
            _number(figure.peak_mb, 0),
            _number(figure.rate, 0),
            figure.floor,
            _number(figure.floor_seconds, 2),
            _number(figure.floor_cpu_seconds, 1),
            _number(figure.ratio, 2),
            "" if figure.at_most is None else f"{figure.at_most:g}",
        )
    return table


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


if __name__ == "__main__":
    typer.run(main)
