"""The commands: what they print, and their exit codes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from headwater.settings import Settings
from headwater.warehouse import connect
from syncs.cli import app, exit_code
from syncs.run import RunResult
from syncs.state import RunStatus, state_path

NAME = "launchdarkly__paywall"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("HEADWATER_AS_OF", datetime(2025, 8, 29, tzinfo=UTC).isoformat())
    monkeypatch.setenv("LAUNCHDARKLY_ACCESS_TOKEN", "api-x")
    monkeypatch.setenv("LAUNCHDARKLY_PROJECT_KEY", "p")
    monkeypatch.setenv("LAUNCHDARKLY_ENVIRONMENT_KEY", "e")
    monkeypatch.setenv("LAUNCHDARKLY_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HEADWATER_HTTP_RETRIES", "0")
    with connect(Settings()) as connection:
        connection.execute("create schema activation")
        connection.execute(f"create table activation.{NAME} as select '7' as workspace_id")


def call(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_a_plan_shows_counts_and_rows_and_calls_nobody(home):
    shown = call("plan", NAME)
    assert shown.exit_code == 0
    assert NAME in shown.output and "create" in shown.output
    assert max(len(line) for line in shown.output.splitlines()) <= 100
    content = json.loads(call("plan", NAME, "--json").output)
    assert (content[0]["created"], content[0]["least_calls"]) == (1, 1)
    assert content[0]["sample"] == [{"key": "7", "operation": "create", "fields": {}}]


def test_a_run_that_reaches_nobody_fails_and_says_so(home):
    ran = call("run", NAME)
    assert ran.exit_code == 1
    assert "no connection" in ran.output
    said = json.loads(call("status", NAME, "--json").output)[NAME][0]
    assert said["status"] == "failed" and "no connection" in said["reason"]
    assert call("log", NAME).exit_code == 0
    assert "failed" in call("status", NAME).output


def test_rows_in_quarantine_are_let_go_by_hand_and_the_sync_runs(home):
    """It would wait until the year after."""
    call("run", NAME)
    until = datetime(2026, 8, 29, tzinfo=UTC)
    refusal = (
        "insert into refused (key, content, operation, fields, spoils, attempts, first_seen_at, "
        "last_seen_at, retry_at) values ($1, 0, 'create', '{}', false, 3, $2, $2, $2)"
    )
    with connect(Settings(), path=state_path(Settings(), NAME)) as connection:
        connection.execute(refusal, ["7", until])
    released = call("release", NAME, "7")
    assert released.exit_code == 1, "nobody is reached"
    assert "1 rows let go" in released.output and "no connection" in released.output
    assert "0 rows let go" in call("release", NAME, "8").output


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["clean", "clean"], 0),
        (["clean", "partial"], 2),
        (["partial", "blocked"], 1),
        (["failed"], 1),
    ],
)
def test_exit_codes_tell_failed_from_partial_from_clean(statuses, code):
    assert exit_code([RunResult("x", "1", RunStatus(status)) for status in statuses]) == code
