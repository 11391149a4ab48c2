"""Addresses of the erased in texts that vendors and people wrote."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from headwater.erasures import Tombstones
from headwater.errors import StateUnavailableError
from headwater.settings import Settings
from orchestration import erase_texts as erasing
from orchestration.erase_texts import erase_texts
from orchestration.instance import instance
from syncs.pause import pause, paused
from tests.connectors.streams_under_test import NOON

ANN = "ann.lee@x.io"
GONE = Tombstones.of([f"email:{ANN}"])
REFUSAL = f'HubSpot POST /batch: 400: {{"message": "Ann <{ANN}> exists,\\nask joann.lee@x.io"}}'


@dg.op
def refused() -> None:
    raise dg.Failure(REFUSAL, metadata={"next_step": f"Ask {ANN}."})


def texts(home: Path) -> str:
    files = [path for path in home.rglob("*") if path.is_file()]
    return "\n".join(path.read_bytes().decode("latin-1") for path in files)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path)
    pause(settings, "hubspot__overage_campaign", f"{ANN} asked us to stop", NOON)
    (tmp_path / "sql_history").write_text(f"select 1;\nfrom t where email = '{ANN.upper()}';\n")
    return settings


def test_addresses_leave_histories_and_pauses_and_the_rest_can_be_read_as_before(
    settings: Settings,
) -> None:
    job = dg.GraphDefinition(name="g", node_defs=[refused]).to_job()
    with instance(settings) as dagster:
        run = job.execute_in_process(instance=dagster, raise_on_error=False)
        assert not run.success
        before = [event.message for event in dagster.all_logs(run.run_id)]
    changed = erase_texts(settings, GONE)
    assert changed.pop("shared.sqlite") == changed.pop("sql_history") == 1
    assert sum(changed.values()) >= 1, "Dagster's"
    assert ANN not in texts(settings.home).lower().replace(f"jo{ANN}", "")
    with instance(settings) as dagster:
        records = dagster.all_logs(run.run_id)
        assert [event.message for event in records] == [m.replace(ANN, "[erased]") for m in before]
        [failure] = [r for r in records if r.dagster_event and r.dagster_event.is_step_failure]
        said = failure.dagster_event.step_failure_data.user_failure_data.description
        assert said == REFUSAL.replace(f"<{ANN}>", "<[erased]>")
    stopped = paused(settings, "hubspot__overage_campaign")
    assert stopped is not None and stopped.reason == "[erased] asked us to stop"
    told = (settings.home / "sql_history").read_text()
    assert told == "select 1;\nfrom t where email = '[erased]';\n"
    assert erase_texts(settings, GONE) == {}


def test_a_file_that_somebody_writes_to_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "WAIT_SECONDS", timedelta(milliseconds=50).total_seconds())
    writer = sqlite3.connect(settings.home / "shared.sqlite", isolation_level=None)
    try:
        writer.execute("begin exclusive")
        with pytest.raises(StateUnavailableError, match=r"shared\.sqlite"):
            erase_texts(settings, GONE)
    finally:
        writer.close()
    assert erase_texts(settings, GONE)["shared.sqlite"] == 1
