"""One build of the identity graph's links and components in a process of its own, and its cost."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.measuring import report_cost
from orchestration.dbt_process import PROJECT

GRAPHS = {
    # Most people have a few identifiers; a member is tied to one that was met before.
    "people": "select i, i - 1 - md5_number_lower(i::varchar) % (i % 7) from nodes where i % 7 > 0",
    "path": "select i, i - 1 from nodes where i > 1",
    "star": "select i, 1 from nodes where i > 1",
    "giant": "select i, 1 + md5_number_lower(i::varchar) % (i - 1) from nodes where i > 1",
}
_TABLES = """
    create schema intermediate;
    create table intermediate.int_identity__nodes as
    select range as sequence, range % 3 = 0 as is_device, null::varchar as guard
    from range(1, {nodes} + 1);
    create table intermediate.int_identity__edges as
    with nodes as (select sequence as i from intermediate.int_identity__nodes),
    edges (one, other) as ({graph})
    select
        least(one, other)::bigint as left_sequence,
        greatest(one, other)::bigint as right_sequence,
        'rule' as rule_id,
        'source/' || one as source_record
    from edges;
    create view intermediate.int_identity__edges_exclusive as
    select left_sequence, right_sequence, null::varchar as guard, null::bigint as guarded_sequence
    from intermediate.int_identity__edges;
"""
_FLOOR = """
    create table floor as
    select node, row_number() over () as number
    from (
        select left_sequence as node from intermediate.int_identity__edges
        union
        select right_sequence from intermediate.int_identity__edges
    )
"""
_CHANGES = {
    "insert": """
        insert into intermediate.int_identity__edges
        select distinct
            least(one, other), greatest(one, other), 'rule', 'source/new'
        from (
            select
                1 + md5_number_lower('one' || range) % {nodes} as one,
                1 + md5_number_lower('other' || range) % {nodes} as other
            from range({nodes} // 100)
        )
        where one <> other
    """,
    "revoke": """
        delete from intermediate.int_identity__edges
        where md5_number_lower(left_sequence || ' ' || right_sequence) % 1000 = 0
    """,
}


def prepare(warehouse: Path, graph: str, nodes: int) -> int:
    """A warehouse with this graph, and how many edges it has."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(_TABLES.format(graph=GRAPHS[graph], nodes=nodes))
        found = connection.execute(
            "select count(*) from intermediate.int_identity__edges"
        ).fetchone()
    assert found is not None
    return int(found[0])


def change(warehouse: Path, name: str, nodes: int) -> None:
    """1 % of new edges, or 0.1 % that are gone."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(_CHANGES[name].format(nodes=nodes))


def people(warehouse: Path) -> int:
    """How many components there are."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.execute(
            "select count(distinct anchor) from intermediate.int_identity__components"
        ).fetchone()
    assert found is not None
    return int(found[0])


def _floor(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection, report_cost() as came:
        connection.execute(_FLOOR)
        came(0)


def _build(warehouse: Path, engine: str) -> None:
    from dbt.cli.main import dbtRunner

    os.environ["HEADWATER_WAREHOUSE_PATH"] = str(warehouse)
    common = [
        *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--quiet"),
        *("--target-path", str(warehouse.parent / "target"), "--no-write-json"),
        *("--log-path", str(warehouse.parent / "target"), "--log-level-file", "none"),
    ]
    manifest: Any = dbtRunner().invoke(["parse", *common]).result
    chosen = ("--select", "int_identity__links", "int_identity__components")
    variables = json.dumps({"as_of": "2025-08-29", "identity_engine": engine})
    with report_cost() as came:
        result = dbtRunner(manifest=manifest).invoke(["run", *chosen, "--vars", variables, *common])
        came(0)
    if not result.success:
        raise SystemExit(f"dbt failed: {result.exception or result.result}")


if __name__ == "__main__":
    place, what = Path(sys.argv[1]), sys.argv[2]
    _floor(place) if what == "floor" else _build(place, what)
