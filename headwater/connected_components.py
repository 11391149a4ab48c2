"""The native engine of the identity graph: connected components inside the warehouse's own process.

A plugin of dbt-duckdb (dbt_project/profiles.yml): it gives the connection the function
``connected_components(bigint[], bigint[])``. Its partition is that of the plain SQL in
dbt_project/macros/identity/contracted_components.sql.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb.func import ARROW

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

RESULT = "struct(sequences bigint[], components bigint[])"


class Plugin(BasePlugin):
    """What dbt-duckdb looks for in a plugin's module."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Give the connection the function."""
        register(conn)


def register(connection: DuckDBPyConnection) -> None:
    """Give the connection ``connected_components(left bigint[], right bigint[])``: the edges in two
    lists of one length, which become ``RESULT``. Null where there are no edges."""
    connection.create_function(
        "connected_components", _of_lists, ["bigint[]", "bigint[]"], RESULT, type=ARROW
    )


# DuckDB evaluates the annotations: none can name what is imported for types only.
def _of_lists(left: Any, right: Any) -> Any:
    import pyarrow as pa  # paid by who builds the graph, not by every dbt command

    found = [
        components(ones, others)
        for ones, others in zip(left.to_pylist(), right.to_pylist(), strict=True)
    ]
    return pa.array(
        [{"sequences": list(one), "components": list(one.values())} for one in found],
        pa.struct([(name, pa.list_(pa.int64())) for name in ("sequences", "components")]),
    )


def components(left: list[int], right: list[int]) -> dict[int, int]:
    """Each node of the undirected edges ``(left[i], right[i])``, with one node of its component.

    Union-find with path halving (Tarjan and van Leeuwen, 1984): near to linear in the edges,
    without recursion: long chains and big stars cost what others do.
    """
    parents: dict[int, int] = {}
    for one, other in zip(left, right, strict=True):
        one_root = _root(parents, one)
        other_root = _root(parents, other)
        if one_root < other_root:
            parents[other_root] = one_root
        elif other_root < one_root:
            parents[one_root] = other_root
    return {node: _root(parents, node) for node in parents}


def _root(parents: dict[int, int], node: int) -> int:
    parent = parents.setdefault(node, node)
    while parent != node:
        grandparent = parents[parent]
        parents[node] = grandparent
        node, parent = grandparent, parents[grandparent]
    return node
