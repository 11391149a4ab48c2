"""Seeds are loaded when their file changed, not every cycle.

The digest of what was loaded is kept as the comment of the seed's own table: it lives and dies with
the table, so a rebuilt, dropped or foreign table is loaded again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from headwater.settings import Settings
from headwater.warehouse import connect, quote

Nodes = Mapping[str, Mapping[str, Any]]
UNCHANGED = "the file has not changed since it was loaded"


def unchanged(
    settings: Settings, nodes: Nodes, unique_ids: Iterable[str], project: Path
) -> set[str]:
    """Those of ``unique_ids`` that need no work: seeds whose table holds the present file, and
    tests that read only such seeds."""
    wanted = list(unique_ids)
    seeds = [unique_id for unique_id in wanted if nodes[unique_id]["resource_type"] == "seed"]
    if not seeds or not settings.warehouse.exists():
        return set()
    with connect(settings, read_only=True) as connection:
        comments = {
            (schema, name): comment
            for schema, name, comment in connection.execute(
                "select schema_name, table_name, comment from duckdb_tables()"
            ).fetchall()
        }
    kept = {
        unique_id
        for unique_id in seeds
        if comments.get(_table(nodes[unique_id])) == digest(nodes[unique_id], project)
    }
    tests = {
        unique_id
        for unique_id in wanted
        if nodes[unique_id]["resource_type"] == "test"
        and set(nodes[unique_id]["depends_on"]["nodes"]) <= kept
    }
    return kept | tests


def remember(settings: Settings, nodes: Nodes, loaded: Iterable[str], project: Path) -> None:
    """Note what the tables of these seeds hold."""
    seeds = [nodes[unique_id] for unique_id in loaded]
    if not seeds:
        return
    with connect(settings) as connection:
        for node in seeds:
            schema, name = _table(node)
            connection.execute(
                f"comment on table {quote(schema)}.{quote(name)} is '{digest(node, project)}'"
            )


def digest(node: Mapping[str, Any], project: Path) -> str:
    """What decides a seed's table: the file, and how dbt was told to read it."""
    config = node["config"]
    read_as = {key: config.get(key) for key in ("column_types", "delimiter", "quote_columns")}
    told = (project / node["original_file_path"]).read_bytes() + json.dumps(read_as).encode()
    return hashlib.md5(told, usedforsecurity=False).hexdigest()


def _table(node: Mapping[str, Any]) -> tuple[str, str]:
    return str(node["schema"]), str(node.get("alias") or node["name"])
