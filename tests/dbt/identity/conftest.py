"""One build of the known people for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.dbt.dbt_command import dbt
from tests.dbt.identity import known_people

MODELS = [
    "+fct_events",
    "+account_conflicts",
    "+identity_guarded_edges",
    "+person_key_changes",
    "+workspace_members",
    "+lead_account_matches",
]


def build(warehouse: Path, *exclude: str) -> None:
    """Build identity, accounts and events in this warehouse."""
    dbt(
        warehouse,
        "build",
        "--indirect-selection",
        "cautious",
        "--select",
        *MODELS,
        "--exclude",
        "resource_type:unit_test",
        *exclude,
    )


@pytest.fixture(scope="session")
def people_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The known people, built with all data tests."""
    path = tmp_path_factory.mktemp("people") / "warehouse.duckdb"
    known_people.write(path, known_people.rows())
    build(path)
    return path


@pytest.fixture
def people(people_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The known people, for reading."""
    with duckdb.connect(str(people_warehouse), read_only=True) as connection:
        yield connection
