"""Seeds and views are made when what defines them changed, not every cycle.

The digest of what a seed's table or a view was made from is kept as its own comment: it lives and
dies with the relation, so one that was rebuilt, dropped or is foreign is made again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from connectors.raw_tables import raw_columns
from connectors.registry import all_streams
from headwater.warehouse import quote

UNCHANGED = "what defines it has not changed since it was made"
_VARIES = re.compile(r"\b(var|env_var|run_query|is_incremental|execute|run_started_at)\b")
"""What gives a model other SQL from one command to the next."""
_MADE_FROM = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)
_KINDS = {"seed": "table", "view": "view"}


class Definitions:
    """What the seeds and views of a dbt manifest are made from."""

    def __init__(self, manifest: Mapping[str, Any], project: Path) -> None:
        self._nodes: Mapping[str, Any] = manifest["nodes"]
        self._macros: Mapping[str, Any] = manifest["macros"]
        self._sources: Mapping[str, Any] = manifest["sources"]
        self.project = project
        self._shape = cache(self._shape_of)

    def kind(self, unique_id: str) -> str | None:
        """``seed``, or ``view`` for one whose SQL is the same in every cycle; else None."""
        node = self._nodes[unique_id]
        if node["resource_type"] == "seed":
            return "seed"
        if node["resource_type"] != "model" or node["config"]["materialized"] != "view":
            return None
        code = [node["raw_code"], *self._macro_texts(node)]
        varies = any(_VARIES.search(part) for text in code for part in _MADE_FROM.findall(text))
        return None if varies else "view"

    def digest(self, unique_id: str, catalog: str) -> str:
        """What decides the relation: code and macros, its own and those of all it reads, files of
        seeds, columns of sources, the warehouse's name (a view holds it) and the versions."""
        made_by = [catalog, *_versions()]
        return _md5(self._shape(unique_id), *(made_by if self.kind(unique_id) == "view" else ()))

    def relation(self, unique_id: str) -> tuple[str, str]:
        """Schema and name."""
        node = self._nodes[unique_id]
        return str(node["schema"]), str(node.get("alias") or node["name"])

    def is_test(self, unique_id: str) -> bool:
        """Whether it is a test."""
        return bool(self._nodes[unique_id]["resource_type"] == "test")

    def seeds_read_by(self, unique_id: str) -> set[str]:
        """The seeds that it names itself."""
        parents: list[str] = self._nodes[unique_id]["depends_on"].get("nodes", [])
        return {
            parent
            for parent in parents
            if self._nodes.get(parent, {}).get("resource_type") == "seed"
        }

    def is_test_of(self, unique_id: str, among: set[str]) -> bool:
        """Whether it is a test that reads nothing but these nodes."""
        return self.is_test(unique_id) and (
            set(self._nodes[unique_id]["depends_on"]["nodes"]) <= among
        )

    def _shape_of(self, unique_id: str) -> str:
        if unique_id in self._sources:
            source = self._sources[unique_id]
            return _columns_of_streams().get((source["source_name"], source["name"]), unique_id)
        node = self._nodes[unique_id]
        config = node["config"]
        if node["resource_type"] == "seed":
            told = {key: config.get(key) for key in ("column_types", "delimiter", "quote_columns")}
            file = (self.project / node["original_file_path"]).read_bytes()
            return _md5(json.dumps(told), file.decode("utf-8", "replace"))
        parents = sorted(node["depends_on"]["nodes"])
        return _md5(
            node["raw_code"],
            *self.relation(unique_id),
            json.dumps(config, sort_keys=True, default=str),
            *self._macro_texts(node),
            *(self._shape(parent) for parent in parents),
        )

    def _macro_texts(self, node: Mapping[str, Any]) -> list[str]:
        found: dict[str, str] = {}
        waiting = list(node["depends_on"].get("macros", []))
        while waiting:
            name = waiting.pop()
            if name not in found and name in self._macros:
                found[name] = self._macros[name]["macro_sql"]
                waiting.extend(self._macros[name]["depends_on"]["macros"])
        return [found[name] for name in sorted(found)]


def unchanged(
    connection: duckdb.DuckDBPyConnection, definitions: Definitions, unique_ids: Iterable[str]
) -> set[str]:
    """Those of ``unique_ids`` that need no work: seeds and views that are as they are defined,
    and tests that read only such seeds."""
    wanted = list(unique_ids)
    if not any(map(definitions.kind, wanted)):
        return set()
    comments = {
        (kind, schema, name): comment
        for kind, schema, name, comment in connection.execute(
            "select 'table', schema_name, table_name, comment from duckdb_tables() union all "
            "select 'view', schema_name, view_name, comment from duckdb_views()"
        ).fetchall()
    }
    catalog = _catalog(connection)
    kept: dict[str, set[str]] = {"seed": set(), "view": set()}
    for unique_id in wanted:
        kind = definitions.kind(unique_id)
        if kind is not None:
            comment = comments.get((_KINDS[kind], *definitions.relation(unique_id)))
            if comment == definitions.digest(unique_id, catalog):
                kept[kind].add(unique_id)
    tests = {unique_id for unique_id in wanted if definitions.is_test_of(unique_id, kept["seed"])}
    return kept["seed"] | kept["view"] | tests


def remember(
    connection: duckdb.DuckDBPyConnection, definitions: Definitions, made: Iterable[str]
) -> None:
    """Note what these nodes were made from, those that are neither seed nor fixed view aside."""
    kinds = {unique_id: definitions.kind(unique_id) for unique_id in made}
    if not any(kinds.values()):
        return
    catalog = _catalog(connection)
    for unique_id, kind in kinds.items():
        if kind is not None:
            schema, name = definitions.relation(unique_id)
            digest = definitions.digest(unique_id, catalog)
            connection.execute(
                f"comment on {_KINDS[kind]} {quote(schema)}.{quote(name)} is '{digest}'"
            )


def _catalog(connection: duckdb.DuckDBPyConnection) -> str:
    """The warehouse's name in SQL, which views are bound to: the file's, without its suffix."""
    [(name,)] = connection.execute("select current_database()").fetchall()
    return str(name)


@cache
def _versions() -> tuple[str, str]:
    return version("duckdb"), version("dbt-duckdb")


@cache
def _columns_of_streams() -> dict[tuple[str, str], str]:
    return {
        (stream.source, stream.name): _md5(json.dumps(raw_columns(stream)))
        for stream in all_streams()
    }


def _md5(*parts: str) -> str:
    return hashlib.md5("\0".join(parts).encode(), usedforsecurity=False).hexdigest()
