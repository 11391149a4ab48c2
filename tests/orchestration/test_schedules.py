"""When cycles start, and when they do not."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path

import dagster as dg
import pytest

from headwater.settings import Settings
from orchestration.instance import instance as instance_of
from orchestration.schedules import before_marketing_cron, schedules


@pytest.mark.parametrize(
    ("start", "budget", "cron"),
    [
        (time(9, 0), 15, "45 7 * * *"),
        (time(9, 30), 30, "0 8 * * *"),
        (time(0, 30), 15, "15 23 * * *"),  # the evening before
    ],
)
def test_the_cycle_before_marketing_ends_an_hour_before(start, budget, cron) -> None:
    assert before_marketing_cron(start, Settings(cycle_budget_minutes=budget)) == cron


def test_schedules_are_off_unless_the_settings_say_otherwise() -> None:
    assert {s.default_status for s in schedules(Settings())} == {dg.DefaultScheduleStatus.STOPPED}
    on = schedules(Settings(schedules_on=True))
    assert {s.default_status for s in on} == {dg.DefaultScheduleStatus.RUNNING}


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_schedule_skips_while_a_cycle_runs_and_says_so(number: int, tmp_path: Path) -> None:
    schedule = schedules(Settings())[number]
    with instance_of(Settings(home=tmp_path)) as instance:
        at = datetime(2025, 8, 29, tzinfo=UTC)

        def tick() -> object:
            return schedule.evaluate_tick(
                dg.build_schedule_context(instance=instance, scheduled_execution_time=at)
            )

        assert len(tick().run_requests) == 1
        running = dg.DagsterRun(job_name="daily", status=dg.DagsterRunStatus.STARTED)
        instance.add_run(running)
        skipped = tick()
        assert not skipped.run_requests
        assert running.run_id in skipped.skip_message
        instance.report_run_failed(running)
        assert len(tick().run_requests) == 1
