"""Two builds of the dbt project for all tests here: the known world, alone and among strangers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.dbt.growth import golden_companies, known_world

PROJECT = Path(__file__).parents[3] / "dbt_project"


def dbt(warehouse: Path, command: str, *arguments: str) -> None:
    """Run dbt in a process of its own (dbt-duckdb keeps one database open per process)."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "dbt.cli.main",
            command,
            *arguments,
            "--project-dir",
            str(PROJECT),
            "--profiles-dir",
            str(PROJECT),
            "--target-path",
            str(warehouse.parent / "target"),
            "--log-path",
            str(warehouse.parent / "logs"),
            "--vars",
            f"{{as_of: '{known_world.AS_OF}'}}",
        ],
        env={**os.environ, "HEADWATER_WAREHOUSE_PATH": str(warehouse)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


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
def crowded_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The known world and the companies of the golden file, who have nothing to do with it."""
    path = tmp_path_factory.mktemp("crowded") / "warehouse.duckdb"
    world = known_world.build()
    golden_companies.add_to(world)
    world.write(path)
    dbt(path, "build", "--exclude", "resource_type:unit_test", "resource_type:test")
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
