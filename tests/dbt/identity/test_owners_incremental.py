"""Owners after each change of the graph are those of a walk over the whole graph."""

from __future__ import annotations

import itertools
import random
import shutil
from collections import defaultdict
from pathlib import Path

import duckdb

from tests.dbt.growth.conftest import dbt

MAX_HOPS = 3
NODES = (
    *(f"user_id:{number}" for number in range(12)),
    *(f"email:{number}" for number in range(14)),
    *(f"anonymous_id:{number}" for number in range(14)),
    *(f"sfdc_lead_id:{number}" for number in range(14)),
)
Edge = tuple[str, str]
Claim = tuple[str | None, bool, int | None]


def kind(node: str) -> str:
    return node.partition(":")[0]


def walked(edges: set[Edge]) -> dict[str, Claim]:
    """The rule, said once more without SQL: rings around users, one edge at a time."""
    hops: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        for node, neighbour in (edge, edge[::-1]):
            if kind(neighbour) == "user_id":
                continue
            if kind(node) == "user_id" and kind(neighbour) == "sfdc_lead_id":
                hops[node].add(f"link:{node}>{neighbour}")
                hops[f"link:{node}>{neighbour}"].add(neighbour)
            else:
                hops[node].add(neighbour)
    nodes = {node for edge in edges for node in edge}
    owners: dict[str, str | None] = {node: node for node in nodes if kind(node) == "user_id"}
    distance = dict.fromkeys(owners, 0)
    ring = dict(owners)
    for hop in range(1, MAX_HOPS + 1):
        claimed: dict[str, set[str]] = defaultdict(set)
        for node, owner in ring.items():
            for neighbour in hops[node] - owners.keys():
                if owner is not None:
                    claimed[neighbour].add(owner)
        ring = {node: min(by) if len(by) == 1 else None for node, by in claimed.items()}
        owners |= ring
        distance |= dict.fromkeys(ring, hop)
    return {
        node: (owners.get(node), node in owners and owners[node] is None, distance.get(node))
        for node in nodes
    }


def write(warehouse: Path, edges: dict[Edge, str | None]) -> None:
    """The table that the model reads: edges with their guards, identifiers by their numbers."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("delete from intermediate.int_identity__edges_within_limits")
        connection.executemany(
            "insert into intermediate.int_identity__edges_within_limits by name select ? as "
            "left_sequence, ? as left_type, ? as right_sequence, ? as right_type, ? as guard",
            [
                [*(part for node in edge for part in (NODES.index(node), kind(node))), guard]
                for edge, guard in edges.items()
            ],
        )


def read(warehouse: Path) -> dict[str, Claim]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return {
            NODES[node]: (None if owner is None else NODES[owner], contested, hop)
            for node, owner, contested, hop in connection.execute(
                "select sequence, owner, is_contested, hop from intermediate.int_identity__owners "
                "where surroundings is not null"
            ).fetchall()
        }


def test_owners_follow_every_change_of_the_graph(people_warehouse: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(people_warehouse, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("drop table intermediate.int_identity__owners")
        _set(connection, "max_claim_hops", MAX_HOPS)
    dice = random.Random(4)
    edges = _some_edges(dice, 34)
    seen: list[dict[str, Claim]] = []
    for round_ in range(5):
        with duckdb.connect(str(warehouse)) as connection:  # from what changed, or all at once
            _set(connection, "solve_all_above_percent", (100, 0)[round_ % 2])
        blocked = f"user_id:{dice.randrange(12)}"
        guards = {edge: "blocked_value" if blocked in edge else None for edge in edges}
        write(warehouse, guards)
        dbt(warehouse, "run", "--select", "int_identity__owners")
        expected = walked({edge for edge, guard in guards.items() if guard is None})
        assert read(warehouse) == expected
        seen.append(expected)
        gone = set(dice.sample(NODES[12:], 4))
        edges = set(dice.sample(sorted(edges), len(edges) - 5)) | _some_edges(dice, 5)
        edges = {edge for edge in edges if not gone & set(edge)}
    assert sum(was != now for was, now in itertools.pairwise(seen)) == 4
    assert any(contested for _, contested, _ in seen[0].values())


def _set(connection: duckdb.DuckDBPyConnection, setting: str, value: int) -> None:
    connection.execute(
        "update seeds.identity_settings set value = ? where setting = ?", [value, setting]
    )


def _some_edges(dice: random.Random, count: int) -> set[Edge]:
    return {tuple(sorted(dice.sample(NODES, 2), key=NODES.index)) for _ in range(count)}  # type: ignore[misc]
