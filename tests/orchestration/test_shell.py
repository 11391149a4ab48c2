"""The read-only shell: answers, refusals and the file let go of after each question."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from headwater.errors import SettingsError, SourceDataError
from headwater.settings import Settings
from headwater.warehouse import connect
from orchestration.cli import app
from orchestration.shell import ask, interact


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path, warehouse_wait_seconds=0)
    with connect(settings) as connection:
        connection.execute("create schema marts; create table marts.people as select 1 as id")
    return settings


def test_it_answers_and_never_writes(settings: Settings) -> None:
    assert ask(settings, "select id from marts.people").rows == ((1,),)
    assert ask(settings, "select * from range(5)", limit=2).more
    with pytest.raises(SourceDataError, match="read-only"):
        ask(settings, "drop table marts.people")
    with connect(settings) as connection:  # nobody holds the file
        connection.execute("insert into marts.people values (2)")


def test_without_a_warehouse_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Run a cycle first"):
        ask(Settings(home=tmp_path / "empty"), "select 1")


def test_a_conversation_survives_a_mistake(settings: Settings) -> None:
    lines = iter(["selekt 1;", ".tables marts", ".schema people", "select", "41 + 1;", ".quit"])
    out = io.StringIO()
    interact(settings, Console(file=out, width=100), read=lambda _: next(lines))
    text = out.getvalue()
    assert "selekt" in text
    assert "people" in text
    assert "42" in text


def test_one_question_from_the_command_line(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_HOME", str(settings.home))
    result = CliRunner().invoke(app, ["sql", "--json", "select id from marts.people"])
    assert json.loads(result.stdout) == [{"id": 1}]
    wrong = CliRunner().invoke(app, ["sql", "select nothing from nowhere"])
    assert wrong.exit_code == 1
    assert "Traceback" not in wrong.output
    assert "nowhere" in wrong.output
