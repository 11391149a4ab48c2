"""A warehouse for other rows, begun from one that is built: its seeds and views do not depend on
rows, and are a third of what a build costs."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from headwater.warehouse import quote
from tests.dbt.dbt_command import dbt

TABLES = ("config.materialized:table", "config.materialized:incremental")


def without_rows(built: Path, path: Path) -> Path:
    """A copy of a built warehouse at ``path`` that holds its seeds and views and no other table."""
    shutil.copy(built, path)
    with duckdb.connect(str(path)) as connection:
        for names in connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name <> 'seeds'"
        ).fetchall():
            connection.execute(f"drop table {'.'.join(map(quote, names))}")
    return path


def run_tables(warehouse: Path, *models: str) -> None:
    """Run the models that are tables: these and all that lead to them, or all there are."""
    chosen = [f"+{model},{table}" for model in models for table in TABLES] or TABLES
    dbt(warehouse, "run", "--select", *chosen)
