"""A seed is loaded again when, and only when, what decides its table changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.settings import Settings
from headwater.warehouse import connect
from orchestration import seeds

NODES = {
    "seed.tiers": {
        "resource_type": "seed",
        "schema": "seeds",
        "name": "tiers",
        "original_file_path": "seeds/tiers.csv",
        "config": {"column_types": {"tier": "varchar"}},
    },
    "test.tiers": {"resource_type": "test", "depends_on": {"nodes": ["seed.tiers"]}},
    "test.both": {"resource_type": "test", "depends_on": {"nodes": ["seed.tiers", "model.x"]}},
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "tiers.csv").write_text("tier\nA\n")
    return tmp_path


@pytest.fixture
def settings(tmp_path: Path, project: Path) -> Settings:
    settings = Settings(home=tmp_path)
    _load(settings)
    seeds.remember(settings, NODES, ["seed.tiers"], project)
    return settings


def _load(settings: Settings) -> None:
    with connect(settings) as connection:
        connection.execute("create schema if not exists seeds")
        connection.execute("create or replace table seeds.tiers (tier varchar)")


def test_an_unchanged_seed_and_the_tests_of_it_alone_need_no_work(settings, project) -> None:
    assert seeds.unchanged(settings, NODES, NODES, project) == {"seed.tiers", "test.tiers"}


def test_a_changed_file_is_loaded_again(settings, project) -> None:
    (project / "seeds" / "tiers.csv").write_text("tier\nB\n")
    assert seeds.unchanged(settings, NODES, NODES, project) == set()


def test_another_column_type_is_loaded_again(settings, project) -> None:
    other = {**NODES, "seed.tiers": {**NODES["seed.tiers"], "config": {"column_types": {}}}}
    assert seeds.unchanged(settings, other, other, project) == set()


def test_a_table_that_somebody_made_anew_is_loaded_again(settings, project) -> None:
    _load(settings)
    assert seeds.unchanged(settings, NODES, NODES, project) == set()


def test_without_a_warehouse_everything_is_work(tmp_path, project) -> None:
    assert seeds.unchanged(Settings(home=tmp_path / "none"), NODES, NODES, project) == set()
