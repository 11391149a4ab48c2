"""Backfills by Dagster and by hand: days turn green, cycles go on, kills are mended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from typer.testing import CliRunner

from connectors import backfill_work
from connectors.backfill import Days
from connectors.mixpanel import client
from connectors.mixpanel.streams import EVENTS
from connectors.zone import BACKFILL, MANIFEST, Zone
from headwater.errors import SettingsError
from headwater.settings import Settings
from headwater.warehouse import connect
from orchestration import dagster_processes
from orchestration.backfill import backfill_key, backfill_name, days_of_history
from orchestration.cli import app
from orchestration.freshness import FRESH, freshness_checks
from orchestration.instance import instance
from orchestration.keys import CYCLE_POOL, stream_key
from orchestration.lease import cycle_lease
from orchestration.run_backfill import run_backfill_job
from orchestration.run_cycle import Ending, run_cycle
from orchestration.schedules import bury_the_dead
from tests.orchestration.mixpanel_only import configure, cycle_of_sources, event
from tests.sandbox.conftest import Served, served

__all__ = ["served"]

SIX_DAYS = Days(date(2025, 7, 1), date(2025, 7, 6))
ARGUMENTS = ["backfill", "mixpanel.events", "--from", "2025-07-01", "--to", "2025-07-06"]
HEADWATER = [sys.executable, "-m", "orchestration.cli", *ARGUMENTS]


@pytest.fixture
def settings(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of its own that reads Mixpanel only: two events on each of six days."""
    found = configure(served, tmp_path / "var", monkeypatch)
    monkeypatch.setattr(client, "BACKFILL_CALLS_PER_SECOND", 100)
    monkeypatch.setattr(backfill_work, "BREATH_SECONDS", 0.01)
    events = [event(day, number) for day in SIX_DAYS for number in range(2)]
    served.stores["mixpanel"].seed("events", events)
    return found


def ask(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline, "waited a minute in vain"
        time.sleep(0.05)


def days_shown(settings: Settings) -> tuple[set[str], set[str]]:
    """The days that the UI shows as done and as failed."""
    partitions = days_of_history(settings)
    with instance(settings) as history:
        cache = get_and_update_asset_status_cache_value(history, backfill_key(EVENTS), partitions)
    assert cache is not None
    return (
        set(cache.deserialize_materialized_partition_subsets(partitions).get_partition_keys()),
        set(cache.deserialize_failed_partition_subsets(partitions).get_partition_keys()),
    )


def names(days: Days) -> set[str]:
    return {day.isoformat() for day in days}


def test_each_day_turns_green_with_what_its_load_brought(settings: Settings) -> None:
    outcome = run_backfill_job(settings, EVENTS, SIX_DAYS)
    assert (outcome.ending, outcome.missing) == (Ending.CLEAN, ())
    assert [load["days"] for load in outcome.loads] == sorted(names(SIX_DAYS))
    assert {(load["received"], load["landed"]) for load in outcome.loads} == {(2, 2)}
    assert days_shown(settings) == (names(SIX_DAYS), set())
    assert ask(settings, "select distinct cycle_id from landing.loads") == [(outcome.run_id,)]
    with instance(settings) as history:
        seen = history.fetch_observations(dg.AssetKey(["raw_mixpanel", "events"]), limit=5).records
    [observation] = [record.asset_observation for record in seen]
    assert observation is not None
    assert observation.metadata["landed"].value == 12


def test_days_that_failed_are_red_until_they_are_asked_for_again(
    settings: Settings, served: Served
) -> None:
    backfill_then_fail = {"times": None, "status": 401}
    run_backfill_job(settings, EVENTS, Days(date(2025, 7, 1), date(2025, 7, 2)))
    served.fault("mixpanel", "export", "status", **backfill_then_fail)
    outcome = run_backfill_job(settings, EVENTS, SIX_DAYS)
    assert outcome.ending is Ending.FAILED
    assert outcome.failures[0].next_step
    assert outcome.missing == (SIX_DAYS,)
    assert days_shown(settings)[1] >= names(Days(date(2025, 7, 3), date(2025, 7, 6)))
    served.faults.clear()
    assert run_backfill_job(settings, EVENTS, SIX_DAYS).ending is Ending.CLEAN
    assert days_shown(settings) == (names(SIX_DAYS), set())


def test_a_killed_backfill_goes_on_without_fetching_a_finished_day_again(
    settings: Settings, served: Served
) -> None:
    served.fault("mixpanel", "export", "delay", times=None, seconds=0.2)
    folder = Zone(settings.landing_zone).folder(EVENTS)
    process = subprocess.Popen(HEADWATER, env=os.environ, stderr=subprocess.DEVNULL)
    try:
        until(lambda: len(list(folder.glob(f"*/{MANIFEST}"))) >= 2)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    finished = len(list(folder.glob(f"*/{MANIFEST}")))
    assert finished < len(SIX_DAYS)
    served.calls.clear()
    outcome = run_backfill_job(settings, EVENTS, SIX_DAYS)
    assert served.calls.total("mixpanel") == 1 + len(SIX_DAYS) - finished
    assert (outcome.ending, outcome.missing) == (Ending.CLEAN, ())
    assert ask(settings, "select count(*), count(distinct insert_id) from raw_mixpanel.events") == [
        (12, 12)
    ]
    assert ask(
        settings,
        "select count(*), sum(received), bool_and(received = landed + duplicates + quarantined) "
        "from landing.loads",
    ) == [(6, 12, True)]
    assert days_shown(settings)[0] == names(SIX_DAYS)


def test_a_cycle_runs_while_a_backfill_runs_and_both_end_right(
    settings: Settings, served: Served
) -> None:
    definitions = cycle_of_sources(settings)
    served.fault("mixpanel", "export", "delay", times=None, seconds=0.3)
    process = subprocess.Popen(HEADWATER, env=os.environ, stderr=subprocess.DEVNULL)
    try:
        until(lambda: Zone(settings.landing_zone).is_held(EVENTS, BACKFILL))
        for _ in range(2):
            assert process.poll() is None, "cycles begin, and one ends, while the backfill runs"
            assert run_cycle(settings, definitions).ending is Ending.CLEAN
        assert process.wait(timeout=60) == int(Ending.CLEAN)
    finally:
        process.kill()
        process.wait()
    assert ask(settings, "select cursor from landing.cursors") == [("2025-08-29",)]
    assert ask(settings, "select count(*), count(distinct insert_id) from raw_mixpanel.events") == [
        (12, 12)
    ]
    assert ask(
        settings,
        "select lane = 'cycle', sum(landed) > 0 or sum(duplicates) > 0, "
        "bool_and(received = landed + duplicates + quarantined) "
        "from landing.loads group by 1 order by 1",
    ) == [(False, True, True), (True, True, True)]
    assert days_shown(settings) == (names(SIX_DAYS), set())


def test_nothing_lands_while_a_cycle_has_the_lease(settings: Settings, served: Served) -> None:
    folder = Zone(settings.landing_zone).folder(EVENTS)
    with cycle_lease(settings, "a long cycle"):
        process = subprocess.Popen(HEADWATER, env=os.environ, stderr=subprocess.DEVNULL)
        until(lambda: len(list(folder.glob(f"*/{MANIFEST}"))) == len(SIX_DAYS))
        assert not settings.warehouse.exists()
    assert process.wait(timeout=60) == int(Ending.CLEAN)
    assert ask(settings, "select count(*) from raw_mixpanel.events") == [(12,)]


def test_the_command_prints_its_loads_and_says_by_its_exit_code_how_it_ended(
    settings: Settings, served: Served
) -> None:
    runner = CliRunner()
    clean = runner.invoke(app, [*ARGUMENTS, "--json"])
    assert clean.exit_code == 0
    told = json.loads(clean.stdout)
    assert (told["ending"], told["missing"], len(told["loads"])) == ("clean", [], 6)
    table = runner.invoke(app, ARGUMENTS)
    assert table.exit_code == 0
    assert "2025-07-06" in table.stdout
    assert "in all" in table.stdout
    served.fault("mixpanel", "export", "status", times=None, status=401)
    failed = runner.invoke(app, [*ARGUMENTS, "--json"])
    assert failed.exit_code == 1
    assert json.loads(failed.stdout)["missing"] == [["2025-07-01", "2025-07-06"]]
    unknown = runner.invoke(app, ["backfill", "hubspot.contacts", *ARGUMENTS[2:]])
    assert unknown.exit_code == 1


def test_days_outside_of_history_are_refused(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="the last whole day is 2025-08-28"):
        run_backfill_job(settings, EVENTS, Days(date(2025, 8, 28), date(2025, 8, 29)))


def test_a_killed_backfill_run_is_marked_as_failed_and_a_living_one_is_not(
    settings: Settings,
) -> None:
    later = datetime.now(UTC) + timedelta(minutes=5)
    with instance(settings) as history:
        run = dg.DagsterRun(job_name=backfill_name(EVENTS), status=dg.DagsterRunStatus.STARTED)
        from_asset_page = dg.DagsterRun(
            job_name="__ASSET_JOB",
            asset_selection=frozenset({backfill_key(EVENTS)}),
            status=dg.DagsterRunStatus.STARTED,
        )
        history.add_run(run)
        history.add_run(from_asset_page)
        with Zone(settings.landing_zone).hold(EVENTS, BACKFILL):
            assert bury_the_dead(history, settings, later) == []
        with cycle_lease(settings, "a cycle that lives"):
            buried = bury_the_dead(history, settings, later)
        assert set(buried) == {run.run_id, from_asset_page.run_id}


def test_the_queue_knows_its_limits_before_it_lets_the_first_run_through(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dagster_processes, "_become", lambda *_: None)
    dagster_processes.run_daemon(settings)
    with instance(settings) as history:
        limits = {pool.name: pool.limit for pool in history.event_log_storage.get_pool_limits()}
    assert limits == {CYCLE_POOL: 1, backfill_name(EVENTS): 1}


def test_a_backfill_makes_nothing_fresh(settings: Settings) -> None:
    definitions = cycle_of_sources(settings)
    check = dg.AssetCheckKey(stream_key("mixpanel", "events"), FRESH)
    definitions = dg.Definitions(
        assets=definitions.assets,
        asset_checks=[freshness_checks()],
        jobs=[dg.define_asset_job("look", selection=dg.AssetSelection.checks(check))],
        resources=definitions.resources,
        executor=dg.in_process_executor,
    )

    def is_fresh() -> bool:
        with instance(settings) as history:
            result = definitions.resolve_job_def("look").execute_in_process(instance=history)
        [evaluation] = result.get_asset_check_evaluations()
        return evaluation.passed

    run_backfill_job(settings, EVENTS, SIX_DAYS)
    assert not is_fresh()
    assert run_cycle(settings, cycle_of_sources(settings)).ending is Ending.CLEAN
    assert is_fresh()
