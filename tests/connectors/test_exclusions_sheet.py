"""The sheet of exclusions: loose headers, ragged rows, and the local Google behind it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.exclusions_sheet.client import rows_to_records
from connectors.run import LoadResult, StreamsFailedError, run_source
from headwater.clock import FixedClock
from headwater.errors import CredentialError, SourceDataError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)


def test_headers_are_matched_loosely_and_rows_may_be_ragged() -> None:
    values = [
        ["Reason", " WORKSPACE / Account or Domain ", "Expires\u00a0on", "", "Ticket", "Reason"],
        ["Talks", " acme.com\u00a0"],
        [],
        ["", "\u00a0", " "],
        ["No key", ""],
        ["", "12", "2025-09-01", "x", "T-1", "again"],
    ]
    assert rows_to_records(values, 3, "Exclusions") == [
        {"row_number": 4, "key": " acme.com\u00a0", "reason": "Talks"},
        {"row_number": 7, "key": None, "reason": "No key"},
        {
            "row_number": 8,
            "key": "12",
            "expires_on": "2025-09-01",
            "column 4": "x",
            "ticket": "T-1",
            "reason 6": "again",
        },
    ]


@pytest.mark.parametrize("values", [[], [[]], [["Name", "Why"], ["acme.com", "Talks"]]])
def test_a_sheet_without_a_key_column_is_refused_not_taken_for_empty(
    values: list[list[str]],
) -> None:
    with pytest.raises(SourceDataError, match="has no column for the key") as caught:
        rows_to_records(values, 1, "Exclusions")
    assert "workspace id" in str(caught.value)


def test_an_emptied_sheet_is_an_empty_snapshot() -> None:
    assert rows_to_records([["Key", "Reason"]], 1, "Exclusions") == []


@pytest.fixture
def environment(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    known = served.credentials["google"]
    key_file = tmp_path / "service-account.json"
    key_file.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": known["client_email"],
                "private_key": known["private_key"],
                "private_key_id": known["private_key_id"],
                "token_uri": f"{served.url}/google/token",
            }
        )
    )
    monkeypatch.setenv("EXCLUSIONS_SHEET_ID", known["spreadsheet_id"])
    monkeypatch.setenv("EXCLUSIONS_SHEET_SERVICE_ACCOUNT_FILE", str(key_file))
    monkeypatch.setenv("EXCLUSIONS_SHEET_BASE_URL", f"{served.url}/google")
    return served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=1)


def run(settings: Settings) -> LoadResult:
    [result] = run_source("exclusions_sheet", settings, FixedClock(AS_OF), "cycle")
    return result


def put(environment: Served, grid: list[list[Any]]) -> None:
    sheet = environment.credentials["google"]["spreadsheet_id"]
    environment.stores["google"].seed_sheet(sheet, "Exclusions", grid)


HEADER = ["Key", "Reason", "Owner", "Expires on"]


def test_each_load_is_the_whole_sheet(environment: Served, settings: Settings) -> None:
    put(environment, [HEADER, ["12", "Talks", "dana@gg.example"], [], ["", "no key"], ["a.com"]])
    first = run(settings)
    assert (first.received, first.landed, first.quarantined, first.calls) == (3, 2, 1, 1)
    put(environment, [HEADER, ["12", "Talks", "dana@gg.example"], ["b.com"]])
    second = run(settings)
    assert (second.landed, second.duplicates, second.tombstoned) == (1, 1, 1)
    with connect(settings, read_only=True) as connection:
        rows = connection.execute(
            "select row_number, key, owner, expires_on, _deleted_at is not null "
            "from raw_exclusions_sheet.exclusions order by row_number"
        ).fetchall()
        reason = connection.execute("select line_number, reason from landing.quarantine").fetchall()
    assert rows == [
        (2, "12", "dana@gg.example", None, False),
        (3, "b.com", None, None, False),
        (5, "a.com", None, None, True),
    ]
    assert reason == [(2, "column key (key): missing, but required")]


def test_a_sheet_that_lost_its_header_tombstones_nothing(
    environment: Served, settings: Settings
) -> None:
    put(environment, [HEADER, ["12", "Talks"]])
    run(settings)
    put(environment, [])
    with pytest.raises(StreamsFailedError, match="has no column for the key"):
        run(settings)
    with connect(settings, read_only=True) as connection:
        assert connection.execute(
            "select key, _deleted_at from raw_exclusions_sheet.exclusions"
        ).fetchall() == [("12", None)]


def test_a_wrong_key_file_or_sheet_is_said_first(
    environment: Served, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("EXCLUSIONS_SHEET_ID", "another-sheet")
        with pytest.raises(CredentialError, match="EXCLUSIONS_SHEET_ID"):
            run(settings)
    (tmp_path / "service-account.json").write_text("{}")
    with pytest.raises(CredentialError, match="EXCLUSIONS_SHEET_SERVICE_ACCOUNT_FILE"):
        run(settings)
    (tmp_path / "service-account.json").unlink()
    with pytest.raises(CredentialError, match="EXCLUSIONS_SHEET_SERVICE_ACCOUNT_FILE"):
        run(settings)
    assert not settings.home.exists()
