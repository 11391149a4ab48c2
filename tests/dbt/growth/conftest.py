"""Two builds of the dbt project for all tests here: the known world, alone and among strangers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.dbt.built_anew import run_tables, without_rows
from tests.dbt.dbt_command import dbt
from tests.dbt.growth import golden_companies, known_world


@pytest.fixture(scope="session")
def known_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The known world, built with the data tests of the growth models."""
    path = tmp_path_factory.mktemp("known") / "warehouse.duckdb"
    known_world.build().write(path)
    others = ("staging", "intermediate/identity", "intermediate/accounts", "intermediate/domains")
    dbt(
        path,
        "build",
        "--exclude",
        "resource_type:unit_test",
        *(f"path:models/{folder},resource_type:test" for folder in others),
    )
    return path


@pytest.fixture(scope="session")
def crowded_warehouse(known_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The known world and the companies of the golden file, who have nothing to do with it."""
    path = without_rows(known_warehouse, tmp_path_factory.mktemp("crowded") / "warehouse.duckdb")
    world = known_world.build()
    golden_companies.add_to(world)
    world.write(path)
    run_tables(path)
    return path


@pytest.fixture
def known(known_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The known world, for reading."""
    with duckdb.connect(str(known_warehouse), read_only=True) as connection:
        yield connection


@pytest.fixture
def crowded(crowded_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The known world among strangers, for reading."""
    with duckdb.connect(str(crowded_warehouse), read_only=True) as connection:
        yield connection
