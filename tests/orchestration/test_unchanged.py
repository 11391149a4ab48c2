"""A seed or a view is made again when, and only when, what decides it changed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from headwater.settings import Settings
from headwater.warehouse import connect
from orchestration.unchanged import Definitions, remember, unchanged

CONFIG: dict[str, Any] = {"materialized": "view", "column_types": {}}
MANIFEST: dict[str, Any] = {
    "sources": {"source.users": {"source_name": "product", "name": "users"}},
    "macros": {
        "macro.as_of": {"macro_sql": "{{ var('as_of') }}", "depends_on": {"macros": []}},
        "macro.lower": {"macro_sql": "lower({{ text }})", "depends_on": {"macros": ["macro.trim"]}},
        "macro.trim": {"macro_sql": "trim({{ text }})", "depends_on": {"macros": []}},
    },
    "nodes": {
        "seed.tiers": {
            "resource_type": "seed",
            "schema": "s",
            "name": "tiers",
            "original_file_path": "seeds/tiers.csv",
            "config": {"column_types": {"tier": "varchar"}},
            "depends_on": {"nodes": [], "macros": []},
        },
        "model.users": {
            "resource_type": "model",
            "schema": "s",
            "name": "users",
            "raw_code": "select * from {{ source('product', 'users') }}",
            "config": {"materialized": "table"},
            "depends_on": {"nodes": ["source.users"], "macros": []},
        },
        "model.emails": {
            "resource_type": "model",
            "schema": "s",
            "name": "emails",
            "raw_code": "select {{ lower('email') }} from {{ ref('users') }}",
            "config": CONFIG,
            "depends_on": {"nodes": ["model.users", "seed.tiers"], "macros": ["macro.lower"]},
        },
        "model.today": {
            "resource_type": "model",
            "schema": "s",
            "name": "today",
            "raw_code": "select {{ as_of() }} as today",
            "config": CONFIG,
            "depends_on": {"nodes": [], "macros": ["macro.as_of"]},
        },
        "test.tiers": {
            "resource_type": "test",
            "depends_on": {"nodes": ["seed.tiers"], "macros": []},
        },
        "test.both": {
            "resource_type": "test",
            "depends_on": {"nodes": ["seed.tiers", "model.emails"], "macros": []},
        },
    },
}
ALL = tuple(MANIFEST["nodes"])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "tiers.csv").write_text("tier\nA\n")
    return tmp_path


@pytest.fixture
def settings(tmp_path: Path, project: Path) -> Settings:
    settings = Settings(home=tmp_path)
    _make(settings)
    with connect(settings) as connection:
        remember(connection, Definitions(MANIFEST, project), ALL[:-2])
    return settings


def _make(settings: Settings) -> None:
    with connect(settings) as connection:
        connection.execute("create schema if not exists s")
        connection.execute("create or replace table s.tiers (tier varchar)")
        connection.execute("create or replace table s.users (email varchar)")
        connection.execute("create or replace view s.emails as select lower(email) from s.users")
        connection.execute("create or replace view s.today as select date '2025-08-29' as today")


def _unchanged(settings: Settings, manifest: dict[str, Any], project: Path) -> set[str]:
    with connect(settings) as connection:
        return unchanged(connection, Definitions(manifest, project), ALL)


def test_what_is_as_it_was_defined_needs_no_work(settings: Settings, project: Path) -> None:
    kept = _unchanged(settings, MANIFEST, project)
    assert kept == {"seed.tiers", "test.tiers", "model.emails"}


def test_a_changed_file_is_loaded_again_and_what_reads_it_made_again(
    settings: Settings, project: Path
) -> None:
    (project / "seeds" / "tiers.csv").write_text("tier\nB\n")
    assert _unchanged(settings, MANIFEST, project) == set()


@pytest.mark.parametrize(
    ("path", "value", "kept"),
    [
        (("nodes", "seed.tiers", "config", "column_types"), {}, set()),
        (("nodes", "model.emails", "raw_code"), "select 1", {"seed.tiers", "test.tiers"}),
        (("nodes", "model.users", "raw_code"), "select 1", {"seed.tiers", "test.tiers"}),
        (("macros", "macro.trim", "macro_sql"), "{{ text }}", {"seed.tiers", "test.tiers"}),
        (("sources", "source.users", "name"), "workspaces", {"seed.tiers", "test.tiers"}),
        (("nodes", "model.emails", "schema"), "t", {"seed.tiers", "test.tiers"}),
    ],
)
def test_another_definition_is_work(
    settings: Settings, project: Path, path: tuple[str, ...], value: object, kept: set[str]
) -> None:
    other = copy.deepcopy(MANIFEST)
    place = other
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert _unchanged(settings, other, project) == kept


def test_a_relation_that_somebody_made_anew_is_made_again(
    settings: Settings, project: Path
) -> None:
    _make(settings)
    assert _unchanged(settings, MANIFEST, project) == set()


def test_a_view_in_a_file_of_another_name_is_made_again(settings: Settings, project: Path) -> None:
    """A view holds the catalog's name, which is the file's."""
    other = settings.warehouse.rename(settings.warehouse.with_name("copy.duckdb"))
    renamed = Settings(home=settings.home, warehouse_path=other)
    kept = _unchanged(renamed, MANIFEST, project)
    assert kept == {"seed.tiers", "test.tiers"}


def test_without_a_warehouse_everything_is_work(tmp_path: Path, project: Path) -> None:
    none = Settings(home=tmp_path / "none")
    assert _unchanged(none, MANIFEST, project) == set()
