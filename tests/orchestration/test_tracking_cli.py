"""``headwater tracking lint``: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.raw_tables import ensure_raw_tables
from headwater.settings import Settings
from headwater.warehouse import connect
from orchestration.cli import app

WRONG = """
source: mixpanel
owner: growth
events:
  - {name: Invite Send, description: It happened., daily_budget: 10}
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "var"))
    return Settings()


def lint(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["tracking", "lint", *arguments])


def test_the_projects_plan_is_fine(settings: Settings) -> None:
    shown = lint()
    assert (shown.exit_code, "0 findings, 0 departures" in shown.output) == (0, True)


def test_a_wrong_plan_is_exit_code_1(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    folder.mkdir()
    (folder / "plan.yml").write_text(WRONG)
    shown = lint(str(folder))
    assert (shown.exit_code, "Invite Send" in shown.output) == (1, True)
    shown = lint(str(folder), "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout) == {
        "plan": [
            {
                "file": "plan.yml",
                "subject": "Invite Send",
                "rule": "naming",
                "message": "does not end in a verb in the past tense (Send is none)",
            }
        ],
        "observed": [],
    }
    assert lint(str(tmp_path / "nowhere")).exit_code == 1


def test_what_landed_beside_the_plan_is_exit_code_2(settings: Settings) -> None:
    assert lint("--observed").exit_code == 1, "there is no warehouse yet"
    with connect(settings) as connection:
        ensure_raw_tables(connection)
    assert lint("--observed").exit_code == 0
    with connect(settings) as connection:
        connection.execute(
            "insert into raw_mixpanel.events (event, event_at) values ('Old Event Sent', "
            "timestamp '2025-08-28 12:00:00')"
        )
    assert lint().exit_code == 0, "the plan itself is fine"
    shown = lint("--observed", "--json")
    assert shown.exit_code == 2
    [departure] = json.loads(shown.stdout)["observed"]
    assert (departure["source"], departure["kind"], departure["subject"]) == (
        "mixpanel",
        "unknown event",
        "Old Event Sent",
    )
