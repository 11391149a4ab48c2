"""``headwater land --replay`` and ``--prune``: what they do, print and refuse, on a home whose
source is a folder of event files."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headwater.settings import Settings
from headwater.warehouse import connect
from orchestration.cli import app
from orchestration.lease import cycle_lease
from tests.connectors.event_folder import NOON, Folder, lines, message, numbered

EVENTS = "* exclude (_landed_at) from raw_event_files.events"
QUARANTINE = "* exclude (quarantined_at) from landing.quarantine"
CURSORS = "* from landing.cursors"


@pytest.fixture
def at_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the clock to a day."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("HEADWATER_WAREHOUSE_WAIT_SECONDS", "0.2")
    monkeypatch.setenv("EVENT_FILES_LOCATION", (tmp_path / "events").as_uri())

    def set_to(day: int) -> None:
        monkeypatch.setenv("HEADWATER_AS_OF", (NOON + timedelta(days=day)).isoformat())

    return set_to


@pytest.fixture
def settings(at_day: Callable[[int], None], tmp_path: Path) -> Settings:
    """A home that landed on three days: rows and a bad record, nothing, and rows again."""
    folder = Folder(tmp_path / "events")
    folder.write("first.json", lines(message(1), message(2), "{bad"))
    at_day(1)
    assert land("event_files").exit_code == 0
    at_day(2)
    assert land("event_files").exit_code == 0
    folder.write("second.json", numbered([3]))
    at_day(3)
    assert land("event_files").exit_code == 0
    return Settings()


def land(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["land", *arguments])


def said(result: Any) -> str:
    """What a command printed, whatever the width of the terminal."""
    return " ".join(result.output.split())


def warehouse(settings: Settings) -> list[list[tuple[Any, ...]]]:
    with connect(settings, read_only=True) as connection:
        return [
            connection.execute(f"select {what} order by all").fetchall()
            for what in (EVENTS, QUARANTINE, CURSORS)
        ]


def test_a_replay_fills_an_emptied_warehouse_and_asks_nobody(
    settings: Settings, tmp_path: Path
) -> None:
    before = warehouse(settings)
    assert [len(rows) for rows in before] == [3, 1, 1]
    settings.warehouse.unlink()
    (tmp_path / "events").rename(tmp_path / "gone")
    shown = land("--replay", "--json")
    assert shown.exit_code == 0
    accounts = [
        (load["received"], load["landed"], load["quarantined"]) for load in json.loads(shown.stdout)
    ]
    assert accounts == [(3, 2, 1), (0, 0, 0), (1, 1, 0)]
    assert warehouse(settings) == before
    again = land("--replay", "event_files")
    assert (again.exit_code, "event_files" in again.stdout) == (0, False), "all has landed"
    assert warehouse(settings) == before


def test_a_replay_that_cannot_land_a_load_says_which_and_fails(settings: Settings) -> None:
    settings.warehouse.unlink()
    [part] = settings.landing_zone.glob("event_files/events/*-00000003/part-*")
    part.write_bytes(b"")
    shown = land("--replay")
    assert shown.exit_code == 1
    assert "event_files-events-00000003" in said(shown)
    assert len(warehouse(settings)[0]) == 2, "what came before it has landed"


def test_pruning_removes_what_a_replay_does_not_miss(
    settings: Settings, at_day: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_day(40)
    assert "HEADWATER_KEEP_LOADS_DAYS is not set" in said(land("--prune"))
    monkeypatch.setenv("HEADWATER_KEEP_LOADS_DAYS", "30")
    before = warehouse(settings)
    shown = land("--prune", "--json")
    assert shown.exit_code == 0
    [line] = json.loads(shown.stdout)
    assert (line["stream"], line["removed"], line["kept"]) == ("events", 1, 2)
    settings.warehouse.unlink()
    assert land("--replay").exit_code == 0
    assert warehouse(settings) == before
    [line] = json.loads(land("--prune", "--even-if-needed", "--json").stdout)
    assert (line["removed"], line["kept"]) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--replay", "--prune"], "two commands"),
        (["--even-if-needed"], "says nothing without --prune"),
        (["--replay", "hubspott"], "There is no source hubspott"),
    ],
)
def test_what_makes_no_sense_is_refused(
    at_day: Callable[[int], None], arguments: list[str], reason: str
) -> None:
    at_day(1)
    refused = land(*arguments)
    assert (refused.exit_code, reason in said(refused)) == (1, True)


def test_a_replay_waits_for_the_cycle_and_then_says_who_holds_it(settings: Settings) -> None:
    with cycle_lease(settings, "a cycle"):
        refused = land("--replay")
    assert (refused.exit_code, "a cycle" in said(refused)) == (1, True)
