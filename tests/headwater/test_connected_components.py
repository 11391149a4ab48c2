"""The native engine against networkx, and where the graph would be hard."""

from __future__ import annotations

import duckdb
import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.connected_components import components, register

NUMBERS = st.one_of(st.integers(0, 30), st.integers(10**12, 10**12 + 30))


def partition(nodes: list[int], roots: list[int]) -> set[frozenset[int]]:
    found: dict[int, set[int]] = {}
    for node, root in zip(nodes, roots, strict=True):
        found.setdefault(root, set()).add(node)
    return set(map(frozenset, found.values()))


@given(st.lists(st.tuples(NUMBERS, NUMBERS)))
def test_the_components_are_those_of_networkx(edges: list[tuple[int, int]]) -> None:
    nodes, roots = components([left for left, _ in edges], [right for _, right in edges])
    expected = nx.connected_components(nx.Graph(edges))
    assert partition(list(nodes), list(roots)) == set(map(frozenset, expected))


@pytest.mark.parametrize("graph", ["range, range + 1", "range + 1, range", "0, range", "range, 50"])
@pytest.mark.parametrize("start", [0, 10**15])
def test_chains_and_stars_are_one_component_in_sql(graph: str, start: int) -> None:
    with duckdb.connect() as connection:
        register(connection)
        found = connection.execute(
            "select len(list_distinct(found.components)), len(found.sequences) from ("
            "select connected_components(list(one + $start), list(other + $start)) as found "
            f"from (select {graph} from range(1, 100000)) as edges (one, other))",
            {"start": start},
        ).fetchone()
    assert found in {(1, 100_000), (1, 99_999)}


def test_no_edges_are_no_components() -> None:
    with duckdb.connect() as connection:
        register(connection)
        found = connection.execute(
            "select connected_components(list(range), list(range)), "
            "connected_components([]::bigint[], []::bigint[]) from range(0)"
        ).fetchone()
    assert found == (None, {"sequences": [], "components": []})
