"""The Salesforce connector against the local Salesforce: REST and Bulk, deletes, tokens, quota."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.contract import columns
from connectors.run import StreamsToRetryError
from connectors.salesforce.client import SalesforceClient
from connectors.salesforce.contracts import Lead
from connectors.salesforce.login import Token
from headwater.allowance import Allowance
from headwater.clock import FixedClock
from headwater.errors import CredentialError, QuotaExhaustedError
from headwater.settings import Settings
from headwater.system_settings import SalesforceSettings
from headwater.warehouse import connect
from tests.connectors.conftest import Served
from tests.connectors.salesforce_under_test import AS_OF, lead, leads, run, use


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    return use(served, monkeypatch)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=2)


def test_changes_come_by_rest_and_deletes_through_query_all(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["salesforce"]
    before = AS_OF - timedelta(days=2)
    store.seed("Lead", [lead(number, before) for number in range(1, 6)])
    first = run(settings)
    assert (first.received, first.landed, first.calls) == (5, 5, 1)

    later = AS_OF + timedelta(hours=1)
    environment.clock.set(later)
    store.seed(
        "Lead",
        [
            lead(1, later, Title="Head of Food"),
            lead(2, later, IsDeleted=True),
            lead(6, later),
        ],
    )
    second = run(settings, later + timedelta(minutes=30))
    assert (second.landed, second.tombstoned, second.calls) == (3, 1, 1)
    assert [(row[0], row[1]) for row in leads(settings, "title, _deleted_at")] == [
        ("Head of Food", None),
        (None, later.replace(tzinfo=None)),
        (None, None),
        (None, None),
        (None, None),
        (None, None),
    ]
    assert run(settings, later + timedelta(hours=2)).landed == 0


def test_many_rows_come_by_bulk_and_are_the_same_rows(
    environment: Served, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = environment.stores["salesforce"]
    before = AS_OF - timedelta(days=2)
    store.seed("Lead", [lead(number, before, IsDeleted=number == 3) for number in range(1, 41)])
    rest_calls = run(settings).calls
    by_rest = leads(settings, "* exclude (_load_id, _landed_at)")
    monkeypatch.setenv("SALESFORCE_BULK_QUERY_FROM_ROWS", "10")
    bulk = Settings(home=tmp_path / "bulk")
    result = run(bulk)
    assert (result.received, result.landed, result.tombstoned) == (40, 40, 1)
    more = result.calls - rest_calls
    line = SalesforceSettings.model_fields["bulk_query_from_rows"].default
    assert 2000 * more <= line <= 2000 * 2 * more, "it is the cheap way from the line on"
    assert leads(bulk, "* exclude (_load_id, _landed_at)") == by_rest
    # What the other way brings of the same rows says nothing new.
    monkeypatch.setenv("SALESFORCE_BULK_QUERY_FROM_ROWS", "2000")
    assert run(bulk).landed == 0


@pytest.mark.parametrize(
    "bulk_from_rows", [pytest.param("1", id="bulk"), pytest.param("2000", id="rest")]
)
def test_a_lead_deleted_between_two_reads_becomes_a_tombstone(
    environment: Served,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    bulk_from_rows: str,
) -> None:
    monkeypatch.setenv("SALESFORCE_BULK_QUERY_FROM_ROWS", bulk_from_rows)
    store = environment.stores["salesforce"]
    before, later = AS_OF - timedelta(days=2), AS_OF + timedelta(hours=1)
    store.seed("Lead", [lead(number, before) for number in range(1, 4)])
    assert run(settings).landed == 3
    environment.clock.set(later)
    store.seed("Lead", [lead(2, later, IsDeleted=True)])
    result = run(settings, later + timedelta(minutes=30))
    assert (result.landed, result.tombstoned) == (1, 1)
    gone = (True, later.replace(tzinfo=None))
    assert leads(settings, "is_deleted, _deleted_at") == [(False, None), gone, (False, None)]


def test_pages_are_followed(environment: Served, settings: Settings) -> None:
    before = AS_OF - timedelta(days=2)
    environment.stores["salesforce"].seed("Lead", [lead(number, before) for number in range(1, 8)])
    environment.fault("salesforce", "query", "small_page", times=None, rows=3)
    result = run(settings)
    assert (result.received, result.landed, result.calls) == (7, 7, 3)


def test_a_token_that_expires_is_renewed(environment: Served, settings: Settings) -> None:
    store = environment.stores["salesforce"]
    store.seed("Lead", [lead(1, AS_OF - timedelta(days=1))])
    environment.fault(
        "salesforce",
        "queryAll",
        "status",
        times=1,
        status=401,
        body=[{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}],
    )
    assert run(settings).landed == 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [("SALESFORCE_CLIENT_SECRET", "WRONG-SECRET"), ("SALESFORCE_CLIENT_ID", "wrong-id")],
)
def test_a_wrong_credential_is_said_first(
    environment: Served,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
) -> None:
    monkeypatch.setenv(setting, value)
    with pytest.raises(CredentialError, match=setting) as caught:
        run(settings)
    assert value not in str(caught.value)
    assert not settings.home.exists()


def test_a_used_up_quota_is_not_taken_for_a_wrong_credential(
    environment: Served, settings: Settings
) -> None:
    limit = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    environment.fault("salesforce", "queryAll", "status", status=403, body=limit)
    with pytest.raises(QuotaExhaustedError, match="TotalRequests"):
        run(settings)


def test_a_failed_bulk_job_lands_nothing_and_is_read_again(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALESFORCE_BULK_QUERY_FROM_ROWS", "1")
    environment.stores["salesforce"].seed("Lead", [lead(1, AS_OF - timedelta(days=1))])
    environment.fault("salesforce", "jobs/query", "job_failed")
    with pytest.raises(StreamsToRetryError, match="ended as Failed"):
        run(settings)
    assert run(settings).landed == 1


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(lambda page: 0, id="everything"),
        pytest.param(lambda page: 20, id="in the header"),
        pytest.param(lambda page: page.index(b"\n") + 1, id="after the header"),
        pytest.param(lambda page: page.rindex(b'\n"00Q') + 1, id="between two rows"),
        pytest.param(lambda page: page.rindex(b'line ""two') + 3, id="in a value of two lines"),
        pytest.param(lambda page: page.rindex(b',"') + 1, id="before the last value"),
        pytest.param(lambda page: page.rindex(b',"') + 3, id="in the last value"),
    ],
)
def test_a_bulk_result_that_was_cut_off_lands_nothing_and_is_read_again(
    environment: Served,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cut: Callable[[bytes], int],
) -> None:
    monkeypatch.setenv("SALESFORCE_BULK_QUERY_FROM_ROWS", "1")
    before = AS_OF - timedelta(days=1)
    environment.stores["salesforce"].seed("Lead", [lead(number, before) for number in range(1, 9)])
    page = bulk_page(settings, tmp_path)
    environment.fault("salesforce", "/results", "truncate", bytes=cut(page), clean=True)
    with pytest.raises(StreamsToRetryError, match="answer was cut off"):
        run(settings)
    with connect(settings, read_only=True) as connection:
        assert connection.execute("select * from landing.loads").fetchall() == []
    assert run(settings).landed == 8


def bulk_page(settings: Settings, folder: Path) -> bytes:
    """The one page of CSV that a read of all leads brings."""
    salesforce = SalesforceSettings()  # type: ignore[call-arg]
    token, allowance = Token(settings, salesforce), Allowance("salesforce", 1.0, "X")
    client = SalesforceClient(settings, salesforce, token, allowance)
    fields = ", ".join(column.path[0] for column in columns(Lead))
    job = client.open_job(f"SELECT {fields} FROM Lead")
    client.wait_for_job(job, FixedClock(AS_OF))
    [page] = client.bulk_pages(job, None, folder)
    client.close()
    return page.file.read_bytes()
