"""The identity graph: links and components built by dbt, on realistic and adversarial graphs."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.identity_work import GRAPHS, change, people, prepare
from benchmarks.measuring import Cost, Figure, in_process

ENGINES = ("native", "contraction")
FLOOR = "numbering all ends"
"""Grouping both ends of all edges by hash once, and writing (identifier, number)."""


def measure(nodes: int) -> list[Figure]:
    """Both engines on each graph of so many identifiers, then 1 % of new edges and 0.1 % revoked.

    Each is one run in a process of its own, the first import and parse of dbt aside. Raises
    :class:`AssertionError` where the engines find another number of people.
    """
    figures = []
    with TemporaryDirectory(prefix="headwater-bench-") as place:
        for graph in GRAPHS:
            warehouse = Path(place) / f"{graph}.duckdb"
            edges = prepare(warehouse, graph, nodes)
            floor, found = _run(warehouse, "floor"), set()
            for engine in ENGINES:
                copied = Path(shutil.copy(warehouse, Path(place) / f"{graph}_{engine}.duckdb"))
                cost = _run(copied, engine)
                found.add(people(copied))
                figures.append(_figure(f"identity: {graph}, {engine}", edges, cost, FLOOR, floor))
                if graph == "people" and engine == "native":
                    figures += _increments(copied, nodes, edges, cost)
                copied.unlink()
            if len(found) != 1:
                raise AssertionError(f"the engines found {found} people in {graph}")
            warehouse.unlink()
    return figures


def _increments(warehouse: Path, nodes: int, edges: int, full: Cost) -> list[Figure]:
    figures = []
    for name in ("insert", "revoke"):
        change(warehouse, name, nodes)
        cost = _run(warehouse, "native")
        figures.append(_figure(f"identity: {name}", edges, cost, "all of it", full))
    cost = _run(warehouse, "native")
    return [*figures, _figure("identity: no change", edges, cost, "all of it", full)]


def _run(warehouse: Path, what: str) -> Cost:
    return in_process(["-m", "benchmarks.identity_work"], warehouse, what)


def _figure(name: str, edges: int, cost: Cost, floor: str, floor_cost: Cost) -> Figure:
    return Figure(
        name=name,
        amount=edges,
        unit="edges",
        runs=1,
        seconds=cost.seconds,
        floor=floor,
        floor_seconds=floor_cost.seconds,
        cpu_seconds=cost.cpu_seconds,
        floor_cpu_seconds=floor_cost.cpu_seconds,
        peak_mb=cost.peak_mb,
    )
