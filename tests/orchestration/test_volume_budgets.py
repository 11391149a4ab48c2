"""The daily check of volume budgets: amber for an event that came too often lately."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from connectors.raw_tables import ensure_raw_tables
from connectors.tracking_plan.plan import current_plan
from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.warehouse import connect
from orchestration.cycle import Cycle
from orchestration.keys import stream_key
from orchestration.volume_budgets import WITHIN_BUDGET, volume_budget_checks

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)
NAME = "Slack Connected"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "var")
    with connect(settings) as connection:
        ensure_raw_tables(connection)
    return settings


def budget() -> int:
    events = (event for file in current_plan().of("mixpanel") for event in file.events)
    found = next(event.daily_budget for event in events if event.name == NAME)
    assert found is not None
    return found


def insert(settings: Settings, day: str, count: int) -> None:
    with connect(settings) as connection:
        connection.execute(
            "insert into raw_mixpanel.events (event, event_at) "
            "select ?, ?::timestamp + interval (i) second from range(?) t(i)",
            [NAME, day, count],
        )


def check(settings: Settings) -> dict[str, dg.AssetCheckEvaluation]:
    checks = volume_budget_checks()
    job = dg.define_asset_job("job", selection=dg.AssetSelection.checks(checks))
    definitions = dg.Definitions(
        asset_checks=[checks],
        jobs=[job],
        resources={"cycle": Cycle("cycle", settings, FixedClock(AS_OF), AS_OF)},
    )
    result = definitions.resolve_job_def("job").execute_in_process()
    found = result.get_asset_check_evaluations()
    assert {evaluation.check_name for evaluation in found} == {WITHIN_BUDGET}
    return {evaluation.asset_key.to_user_string(): evaluation for evaluation in found}


def test_a_day_within_the_budget_is_fine(settings: Settings) -> None:
    insert(settings, "2025-08-28", budget())
    found = check(settings)
    assert {key: evaluation.passed for key, evaluation in found.items()} == {
        "raw_mixpanel/events": True,
        "raw_event_files/events": True,
    }


def test_a_day_over_the_budget_is_told_with_its_number(settings: Settings) -> None:
    insert(settings, "2025-08-28", budget() + 1)
    evaluation = check(settings)[stream_key("mixpanel", "events").to_user_string()]
    assert not evaluation.passed
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    told = f"{budget() + 1} on 2025-08-28, planned {budget()}"
    assert evaluation.metadata[NAME].value == told


def test_a_day_long_past_is_told_no_more(settings: Settings) -> None:
    insert(settings, "2025-08-01", budget() + 1)
    assert check(settings)[stream_key("mixpanel", "events").to_user_string()].passed
