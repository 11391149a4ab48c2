"""dbt: the whole project built in process on the empty tables of every source: dbt's own price."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import Figure, median_seconds
from connectors.raw_tables import ensure_raw_tables
from headwater.settings import Settings
from headwater.warehouse import connect
from orchestration.dbt_process import PROJECT, build, manifest_properties
from orchestration.dbt_steps import DbtGraph


def measure(runs: int) -> Figure:
    """Models, seeds and tests a second."""
    with TemporaryDirectory(prefix="headwater-bench-") as place:
        settings = Settings(home=Path(place))
        with connect(settings) as connection:
            ensure_raw_tables(connection)
        steps = DbtGraph(manifest_properties(PROJECT, settings.home)).steps()
        nodes = [unique_id for step in steps for unique_id in (*step.nodes, *step.tests)]
        as_of = datetime(2025, 8, 29, tzinfo=UTC)

        def built() -> None:
            build(nodes, settings, as_of)

        return Figure(
            name="dbt build",
            amount=len(nodes),
            unit="nodes",
            runs=runs,
            seconds=median_seconds(built, runs),
            floor="",
            floor_seconds=None,
        )
