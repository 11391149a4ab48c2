"""The dbt steps of a run: what one command builds, and what a source holds back."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.warehouse import connect
from orchestration import build_ahead
from orchestration import dbt_assets as dbt_assets_module
from orchestration.cycle import Cycle
from orchestration.dbt_assets import dbt_assets
from orchestration.keys import stream_key
from orchestration.source_assets import step_name
from tests.orchestration.small_project import write_project

NOON = datetime(2025, 8, 29, 12, tzinfo=UTC)
SOURCES = """
sources:
  - {name: product, schema: raw_product, tables: [{name: users}]}
  - {name: hubspot, schema: raw_hubspot, tables: [{name: contacts}]}
models:
  - {name: people, columns: [{name: email, data_tests: [not_null]}]}
"""
MODELS = {
    "rules": "select 1 as rule",
    "people": "select * from {{ source('product', 'users') }}",
    "contacts": "select * from {{ source('hubspot', 'contacts') }}",
    "everybody": "from {{ ref('people') }} union from {{ ref('contacts') }}",
}
STREAMS = {"product": "users", "hubspot": "contacts"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home", sources=[])
    with connect(settings) as connection:
        for source, stream in STREAMS.items():
            connection.execute(f"create schema raw_{source}")
            connection.execute(f"create table raw_{source}.{stream} as select 'a@b.co' as email")
    return settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", MODELS, SOURCES)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of the nodes that each dbt command builds."""
    commands: list[list[str]] = []

    def build(select: Sequence[str], *rest: Any, **named: Any) -> Any:
        commands.append(sorted(unique_id.split(".")[2] for unique_id in select))
        return built(select, *rest, **named)

    built = build_ahead.build
    monkeypatch.setattr(build_ahead, "build", build)
    return commands


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The models on which syncs may begin, each time they are told."""
    told: list[set[str]] = []
    monkeypatch.setattr(
        dbt_assets_module,
        "begin_delivering",
        lambda _context, _cycle, made: told.append({key.path[-1] for key in made}),
    )
    return told


def source(name: str, *, fails: bool) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=step_name(name),
        specs=[dg.AssetSpec(stream_key(name, STREAMS[name]))],
        required_resource_keys={"cycle"},
    )
    def land(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        if fails:
            raise dg.Failure(f"{name} is down", allow_retries=False)
        yield dg.MaterializeResult(asset_key=stream_key(name, STREAMS[name]))
        context.resources.cycle.landed.add(name)

    return land


def run(
    settings: Settings, project: Path, *, down: str | None = None, selection: str = "*"
) -> dict[str, bool]:
    """Each step of the run that was begun, and whether it ended well."""
    cycle = Cycle("cycle", settings, FixedClock(NOON), NOON)
    definitions = dg.Definitions(
        assets=[
            *(source(name, fails=name == down) for name in STREAMS),
            *dbt_assets(settings.home, project),
        ],
        jobs=[dg.define_asset_job("chosen", selection=selection)],
        resources={"cycle": dg.ResourceDefinition.hardcoded_resource(cycle)},
        executor=dg.in_process_executor,
    )
    result = definitions.resolve_job_def("chosen").execute_in_process(raise_on_error=False)
    ended = (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE)
    return {
        str(event.step_key): event.event_type is ended[0]
        for event in result.all_events
        if event.event_type in ended
    }


def test_what_waits_for_no_source_is_built_first_and_all_else_by_one_command(
    settings: Settings, project: Path, commands: list[list[str]], made: list[set[str]]
) -> None:
    steps = run(settings, project)
    assert next(iter(steps)) == "dbt__seeds"
    assert all(steps.values())
    assert steps.keys() == {
        "dbt__seeds", "land__product", "land__hubspot",
        "dbt__product", "dbt__hubspot", "dbt__all_sources",
    }  # fmt: skip
    assert commands == [["rules"], ["contacts", "everybody", "not_null_people_email", "people"]]
    assert made == [{"rules"}, set(MODELS)]


def test_what_a_source_holds_back_is_neither_built_nor_shown(
    settings: Settings, project: Path, commands: list[list[str]]
) -> None:
    steps = run(settings, project, down="hubspot")
    assert steps == {
        "dbt__seeds": True,
        "land__product": True,
        "land__hubspot": False,
        "dbt__product": True,
    }
    assert commands == [["rules"], ["not_null_people_email", "people"]]


def test_a_test_that_fails_fails_its_step_and_holds_back_what_follows(
    settings: Settings, project: Path, commands: list[list[str]], made: list[set[str]]
) -> None:
    with connect(settings) as connection:
        connection.execute("insert into raw_product.users values (null)")
    steps = run(settings, project)
    assert [name for name, well in steps.items() if not well] == ["dbt__product"]
    assert "dbt__all_sources" not in steps
    assert steps["dbt__hubspot"]
    assert len(commands) == 2
    assert made == [{"rules"}, {"rules", "contacts"}], "no sync of what a test found fault with"
    with connect(settings) as connection:
        tables = connection.execute("select table_name from duckdb_tables()").fetchall()
    assert ("contacts",) in tables
    assert ("everybody",) not in tables


def test_a_run_of_some_assets_builds_those_and_no_others(
    settings: Settings, project: Path, commands: list[list[str]]
) -> None:
    steps = run(settings, project, selection="main/people")
    assert steps == {"dbt__product": True}
    assert commands == [["not_null_people_email", "people"]]
