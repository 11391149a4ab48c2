"""Salesforce when things go wrong: what was cut off goes on, a quota stops cleanly."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import columns
from connectors.keyed_cursor import KeyedCursor
from connectors.run import StreamsFailedError, StreamsToRetryError
from connectors.salesforce.contracts import Lead
from headwater.allowance import Allowance
from headwater.errors import QuotaExhaustedError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served
from tests.connectors.salesforce_under_test import AS_OF, lead, leads, run, use

BEFORE = AS_OF - timedelta(days=2)
RESULTS = "/services/data/v{version}/jobs/query/{job}/results"
MORE = "/services/data/v{version}/query/{locator}"


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    return use(served, monkeypatch)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Nothing is repeated within a run, so that a fault ends it."""
    return Settings(home=tmp_path / "var", http_retries=0)


def seed(environment: Served, count: int) -> None:
    environment.stores["salesforce"].seed(
        "Lead", [lead(n, BEFORE + timedelta(seconds=n)) for n in range(1, count + 1)]
    )


def answered(environment: Served, route: str) -> int:
    """How many calls of a route were answered with success."""
    return sum(
        call["count"]
        for call in environment.calls.as_list()
        if call["route"].endswith(route) and call["status"] == 200
    )


def test_a_query_that_was_cut_off_goes_on_behind_its_last_page(
    environment: Served, settings: Settings
) -> None:
    seed(environment, 10)
    environment.fault("salesforce", "query", "small_page", times=None, rows=3)
    environment.fault("salesforce", r"/query/01g\w+-6", "reset")
    with pytest.raises(StreamsToRetryError, match="no connection, or one that broke"):
        run(settings)
    result = run(settings)
    assert (result.received, result.landed, result.duplicates) == (10, 10, 0)
    assert len(leads(settings, "id")) == 10
    # Two checks and the first page; then each other page once.
    assert (answered(environment, "/queryAll"), answered(environment, MORE)) == (3, 3)
    assert KeyedCursor.read(result.cursor).changed_at == BEFORE + timedelta(seconds=10)


def test_a_query_that_the_org_dropped_is_asked_anew_from_its_last_stamp(
    environment: Served, settings: Settings
) -> None:
    seed(environment, 10)
    environment.fault("salesforce", "query", "small_page", times=None, rows=4)
    environment.fault("salesforce", r"/query/01g\w+-8", "reset")
    with pytest.raises(StreamsToRetryError):
        run(settings)
    environment.stores["salesforce"].execute("delete from query_cursor")
    result = run(settings)
    # The last row of the second page bears the stamp that is asked for again.
    assert (result.received, result.landed, result.duplicates) == (11, 10, 1)


def test_a_bulk_job_that_was_cut_off_goes_on_with_its_next_locator(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALESFORCE_BULK_QUERY_FROM_ROWS", "1")
    seed(environment, 10)
    environment.fault("salesforce", "/results", "small_page", times=None, rows=3)
    # The third page: its first answer is lost on the way.
    environment.fault("salesforce", "/results", "delay", times=2, seconds=0)
    environment.fault("salesforce", "/results", "truncate", times=2, bytes=10_000)
    environment.fault("salesforce", "/results", "truncate", bytes=200)
    with pytest.raises(StreamsToRetryError, match=r"connection broke|cut off"):
        run(settings)
    result = run(settings)
    assert (result.received, result.landed, result.duplicates) == (10, 10, 0)
    assert answered(environment, RESULTS) == 5  # four pages, one of them twice
    assert answered(environment, "/jobs/query") == 1
    assert len(leads(settings, "id")) == 10


def test_a_bulk_job_that_the_org_dropped_is_made_again(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALESFORCE_BULK_QUERY_FROM_ROWS", "1")
    seed(environment, 5)
    environment.fault("salesforce", "/results", "status", status=503)
    with pytest.raises(StreamsToRetryError):
        run(settings)
    environment.stores["salesforce"].execute("delete from job")
    assert run(settings).landed == 5
    assert answered(environment, "/jobs/query") == 2


def test_the_days_quota_that_runs_out_half_way_stops_cleanly_and_goes_on_the_next_day(
    environment: Served, settings: Settings
) -> None:
    seed(environment, 10)
    environment.fault("salesforce", "query", "small_page", times=None, rows=3)
    environment.stores["salesforce"].set_limit("DailyApiRequests", 4)
    with pytest.raises(StreamsFailedError, match="4 of the account's 4 API requests"):
        run(settings)
    with connect(settings, read_only=True) as connection:
        assert connection.execute("select * from landing.loads").fetchall() == []
    environment.clock.set(AS_OF + timedelta(days=2))
    result = run(settings, AS_OF + timedelta(days=2))
    assert (result.landed, result.duplicates) == (10, 0)
    assert answered(environment, MORE) == 3


def test_others_are_left_their_share_of_the_orgs_requests(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALESFORCE_API_SHARE", "0.5")
    environment.stores["salesforce"].set_limit("DailyApiRequests", 4)
    seed(environment, 10)
    environment.fault("salesforce", "query", "small_page", times=None, rows=3)
    with pytest.raises(StreamsFailedError, match="SALESFORCE_API_SHARE"):
        run(settings)
    assert environment.calls.total("salesforce") == 1 + 2  # the login, the check, the first page


def test_too_many_calls_at_once_are_waited_out(environment: Served, tmp_path: Path) -> None:
    seed(environment, 1)
    environment.fault("salesforce", "queryAll", "rate_limit", times=1)
    assert run(Settings(home=tmp_path / "var", http_retries=1)).landed == 1


def test_an_answer_that_ends_in_the_middle_is_asked_for_again(
    environment: Served, tmp_path: Path
) -> None:
    seed(environment, 3)
    environment.fault("salesforce", r"/query/01g", "truncate", bytes=200, clean=True)
    environment.fault("salesforce", "query", "small_page", times=None, rows=2)
    assert run(Settings(home=tmp_path / "var", http_retries=1)).landed == 3


@pytest.mark.parametrize("stamp", ["yesterday", "2025-13-45T00:00:00.000+0000", None, 5.5])
def test_a_row_without_a_readable_stamp_is_quarantined_by_rest(
    environment: Served, settings: Settings, stamp: object
) -> None:
    whole = [lead(number, BEFORE, IsConverted=False) for number in (1, 2, 3)]
    whole[1]["SystemModstamp"] = stamp
    answer = {"totalSize": 3, "done": True, "records": whole}
    environment.fault("salesforce", "queryAll", "status", times=2, status=200, body=answer)
    result = run(settings)
    assert (result.landed, result.quarantined) == (2, 1)
    assert KeyedCursor.read(result.cursor).changed_at == BEFORE


def test_a_row_without_a_readable_stamp_is_quarantined_by_bulk(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALESFORCE_BULK_QUERY_FROM_ROWS", "1")
    seed(environment, 2)
    names = [column.path[0] for column in columns(Lead)]
    stamp = BEFORE.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    rows = [
        {"Id": f"00Q{n}", "LastName": "L", "IsConverted": "false", "IsDeleted": "false",
         "CreatedDate": stamp, "SystemModstamp": moment}
        for n, moment in ((1, stamp), (2, "yesterday"))
    ]  # fmt: skip
    lines = [names, *([row.get(name, "") for name in names] for row in rows)]
    csv = "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines)
    headers = {"Sforce-Locator": "null", "Sforce-NumberOfRecords": "2"}
    environment.fault("salesforce", "/results", "status", status=200, body=csv, headers=headers)
    result = run(settings)
    assert (result.landed, result.quarantined) == (1, 1)
    assert KeyedCursor.read(result.cursor).changed_at == BEFORE


def test_a_schema_that_changes_between_two_pages(environment: Served, settings: Settings) -> None:
    """Unknown fields are kept as drift, missing ones are null, a changed type is quarantined."""
    pages: list[list[dict[str, Any]]] = [
        [lead(1, BEFORE, IsConverted=False, Title="Head of Food")],
        [
            lead(2, BEFORE, IsConverted=False, Mood__c="sunny"),
            lead(3, BEFORE, IsConverted="perhaps"),
        ],
    ]
    del pages[1][0]["Title"]
    first = {"totalSize": 3, "done": False, "nextRecordsUrl": "/services/data/v62.0/query/x-1"}
    environment.fault(
        "salesforce", "queryAll", "status", times=2, status=200, body=first | {"records": pages[0]}
    )
    environment.fault(
        "salesforce", "query/x-1", "status", status=200, body={"done": True, "records": pages[1]}
    )
    result = run(settings)
    assert (result.received, result.landed, result.quarantined) == (3, 2, 1)
    assert leads(settings, "title, _extra") == [
        ("Head of Food", None),
        (None, '{"Mood__c":"sunny"}'),
    ]
    with connect(settings, read_only=True) as connection:
        assert connection.execute("select field from landing.drift").fetchall() == [("Mood__c",)]


@pytest.mark.parametrize(
    ("header", "used"),
    [
        ("api-usage=18/5000", 18),
        ("api-usage=18/5000; per-app-api-usage=17/250(appName=Headwater)", 18),
        ("per-app-api-usage=17/250(appName=Headwater); api-usage=18/5000", 18),
        ("per-app-api-usage=17/250(appName=Headwater)", 0),
        (None, 0),
    ],
)
def test_the_orgs_usage_is_told_from_that_of_one_app(header: str | None, used: int) -> None:
    allowance = Allowance("salesforce", 0.9, "X")
    allowance.note({"Sforce-Limit-Info": header} if header else {})
    assert allowance.used == used
    allowance.check()


def test_our_share_ends_where_the_setting_says() -> None:
    allowance = Allowance("salesforce", 0.9, "X")
    allowance.note({"Sforce-Limit-Info": "api-usage=89/100"})
    allowance.check()
    allowance.note({"Sforce-Limit-Info": "api-usage=90/100"})
    with pytest.raises(QuotaExhaustedError, match="90 of the account's 100"):
        allowance.check()
