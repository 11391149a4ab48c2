"""Keys: the same for any order of the input, and kept when new evidence comes and goes."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.dbt.built_anew import run_tables, without_rows
from tests.dbt.identity import known_people
from tests.dbt.identity.known_people import lead

KEYS = {
    "person_identifiers": "id_type, id_value, person_key",
    "account_identifiers": "id_type, id_value, account_key, rule_id",
    "lead_account_matches": "*",
    "identity_guarded_edges": "*",
    "account_conflicts": "*",
}
"""By model, the columns that the order of its input must not change."""


def read(warehouse: Path, name: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(f"select {KEYS[name]} from marts.{name} order by all").fetchall()


@pytest.fixture(scope="module")
def shuffled(people_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shuffled") / "warehouse.duckdb"
    without_rows(people_warehouse, path)
    world = known_people.rows()
    first = {id(row) for row in world}
    random.Random(3).shuffle(world)
    assert {id(row) for row in world} == first
    known_people.write(path, world)
    run_tables(path, *KEYS)
    return path


@pytest.mark.parametrize("name", KEYS)
def test_order_of_rows_changes_nothing(people_warehouse: Path, shuffled: Path, name: str) -> None:
    assert read(shuffled, name) == read(people_warehouse, name)


def test_keys_survive_evidence_that_comes_and_goes(people_warehouse: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(people_warehouse, warehouse)
    before = dict(_keys(warehouse))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "update raw_salesforce.lead set email = 'gil@globex.com', created_at = '2020-01-01' "
            "where id = ?",
            [lead(6)],
        )
    run_tables(warehouse, "person_identifiers")
    joined = dict(_keys(warehouse))
    assert joined["sfdc_lead_id", lead(6)] == before["sfdc_lead_id", lead(10)]
    unmoved = before.keys() - {("sfdc_lead_id", lead(6)), ("email", "zed@newcorp.io")}
    assert {key: joined[key] for key in unmoved} == {key: before[key] for key in unmoved}

    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "update raw_salesforce.lead set email = 'zed@newcorp.io' where id = ?", [lead(6)]
        )
    run_tables(warehouse, "person_identifiers")
    assert dict(_keys(warehouse)) == before


def _keys(warehouse: Path) -> list[tuple[tuple[object, object], object]]:
    return [((row[0], row[1]), row[2]) for row in read(warehouse, "person_identifiers")]
