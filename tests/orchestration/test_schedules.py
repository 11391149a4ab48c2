"""When cycles start, and when they do not."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest

from headwater.settings import Settings
from orchestration.instance import instance as instance_of
from orchestration.lease import cycle_lease
from orchestration.schedules import before_marketing_cron, bury_the_dead, schedules


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


AT = datetime(2025, 8, 29, tzinfo=UTC)


def _tick(number: int, settings: Settings, instance: dg.DagsterInstance) -> object:
    return schedules(settings)[number].evaluate_tick(
        dg.build_schedule_context(instance=instance, scheduled_execution_time=AT)
    )


def test_the_15_minute_cycle_skips_while_a_cycle_runs_and_says_so(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with instance_of(settings) as instance:
        assert len(_tick(0, settings, instance).run_requests) == 1
        running = dg.DagsterRun(job_name="daily", status=dg.DagsterRunStatus.STARTED)
        instance.add_run(running)
        skipped = _tick(0, settings, instance)
        assert not skipped.run_requests
        assert running.run_id in skipped.skip_message
        instance.report_run_failed(running)
        assert len(_tick(0, settings, instance).run_requests) == 1


@pytest.mark.parametrize("number", [1, 2])
def test_the_others_are_queued_behind_a_cycle_that_runs(number: int, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with instance_of(settings) as instance:
        instance.add_run(dg.DagsterRun(job_name="cycle", status=dg.DagsterRunStatus.STARTED))
        assert len(_tick(number, settings, instance).run_requests) == 1


def test_a_killed_run_is_marked_as_failed_and_blocks_nobody(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with instance_of(settings) as instance:
        killed = dg.DagsterRun(job_name="cycle", status=dg.DagsterRunStatus.STARTED)
        instance.add_run(killed)
        later = datetime.now(UTC) + timedelta(minutes=5)
        with cycle_lease(settings, "a run that lives"):
            assert bury_the_dead(instance, settings, later) == []
        assert bury_the_dead(instance, settings, later) == [killed.run_id]
        buried = instance.get_run_by_id(killed.run_id)
        assert buried is not None and buried.status is dg.DagsterRunStatus.FAILURE


def test_a_run_that_only_just_started_is_left_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with instance_of(settings) as instance:
        instance.add_run(dg.DagsterRun(job_name="cycle", status=dg.DagsterRunStatus.STARTED))
        assert bury_the_dead(instance, settings, datetime.now(UTC)) == []
