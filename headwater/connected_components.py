"""The native engine of the identity graph: connected components inside the warehouse's own process.

A plugin of dbt-duckdb (dbt_project/profiles.yml): it gives the connection the function
``connected_components(bigint[], bigint[])``. Its partition is that of the plain SQL in
dbt_project/macros/identity/contracted_components.sql.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb.func import ARROW

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DENSE = 4
"""Up to so many numbers an edge there may be for all of them to be kept in one array."""
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

    names = ("sequences", "components")
    lists: dict[str, list[Any]] = {name: [] for name in names}
    for ones, others in zip(left, right, strict=True):
        found = components(_numbers(ones.values), _numbers(others.values))
        for name, values in zip(names, found, strict=True):
            buffers = [None, pa.py_buffer(values)]
            lists[name].append(pa.Array.from_buffers(pa.int64(), len(values), buffers))
    return pa.StructArray.from_arrays(
        [
            pa.ListArray.from_arrays(
                pa.array(accumulate(map(len, lists[name]), initial=0), pa.int32()),
                pa.concat_arrays(lists[name]) if lists[name] else pa.array([], pa.int64()),
            )
            for name in names
        ],
        names=list(names),
    )


def _numbers(values: Any) -> memoryview:
    """The numbers of an Arrow array without nulls, where they lie."""
    start = values.offset
    return memoryview(values.buffers()[1]).cast("q")[start : start + len(values)]


def components(left: Sequence[int], right: Sequence[int]) -> tuple[array[int], array[int]]:
    """The nodes of the undirected edges ``(left[i], right[i])``, and for each one node of its
    component.

    Union-find with path halving (Tarjan and van Leeuwen, 1984): near to linear in the edges,
    without recursion: long chains and big stars cost what others do. Numbers that lie close, as
    they do when everything is solved, are kept in one array: 8 bytes a node.
    """
    top = max(max(left, default=0), max(right, default=0))
    if min(min(left, default=0), min(right, default=0)) >= 0 and top <= DENSE * len(left):
        return _joined(array("q", range(top + 1)), left, right)
    return _joined({node: node for node in chain(left, right)}, left, right)


def _joined(
    parents: array[int] | dict[int, int], left: Sequence[int], right: Sequence[int]
) -> tuple[array[int], array[int]]:
    for one, other in zip(left, right, strict=True):
        one_root, other_root = _root(parents, one), _root(parents, other)
        if one_root < other_root:
            parents[other_root] = one_root
        elif other_root < one_root:
            parents[one_root] = other_root
    nodes = array("q", sorted({*left, *right}))
    return nodes, array("q", (_root(parents, node) for node in nodes))


def _root(parents: array[int] | dict[int, int], node: int) -> int:
    parent = parents[node]
    while parent != node:
        parents[node] = node = parents[parent]
        parent = parents[node]
    return node
