"""What Salesforce tells of the past: opportunity histories, conversions, merges."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.run import run_source
from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.warehouse import connect
from sandbox.vendors.salesforce import ids
from tests.connectors.conftest import Served
from tests.connectors.salesforce_under_test import AS_OF, lead, leads, run, use

HISTORIES = ["opportunity", "opportunity_history", "opportunity_field_history"]


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    return use(served, monkeypatch)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=2)


class Org:
    """Somebody who works in the org by its API."""

    def __init__(self, environment: Served) -> None:
        known = environment.credentials["salesforce"]
        self.url = f"{environment.url}/salesforce"
        self.form = {"grant_type": "client_credentials", "client_id": known["client_id"],
                "client_secret": known["client_secret"]}  # fmt: skip

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        opened = requests.post(f"{self.url}/services/oauth2/token", data=self.form, timeout=9)
        answer = requests.request(
            method,
            f"{self.url}/services/data/v62.0/sobjects/{path}",
            json=body,
            headers={"Authorization": f"Bearer {opened.json()['access_token']}"},
            timeout=9,
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def org(environment: Served) -> Org:
    return Org(environment)


def read(settings: Settings, hours: float) -> dict[str, tuple[int, int]]:
    """Landed and tombstoned rows by stream."""
    results = run_source(
        "salesforce", settings, FixedClock(AS_OF + timedelta(hours=hours)), "cycle",
        streams=HISTORIES,
    )  # fmt: skip
    return {result.stream: (result.landed, result.tombstoned) for result in results}


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("bulk_from_rows", ["1", "2000"])
def test_every_change_of_an_opportunity_leaves_its_history(
    environment: Served,
    settings: Settings,
    org: Org,
    monkeypatch: pytest.MonkeyPatch,
    bulk_from_rows: str,
) -> None:
    monkeypatch.setenv("SALESFORCE_BULK_QUERY_FROM_ROWS", bulk_from_rows)
    environment.clock.set(AS_OF)
    deal = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2025-10-01", "Amount": 900}
    key = org.call("POST", "Opportunity", deal)["id"]
    environment.clock.set(AS_OF + timedelta(hours=1))
    org.call("PATCH", f"Opportunity/{key}", {"StageName": "Proposal", "Probability": 50})
    environment.clock.set(AS_OF + timedelta(hours=2))
    org.call("PATCH", f"Opportunity/{key}", {"Name": "A better name"})
    assert read(settings, 3) == {
        "opportunity": (1, 0),
        "opportunity_history": (2, 0),
        "opportunity_field_history": (2, 0),
    }
    assert rows(
        settings,
        "select stage_name, amount, probability, expected_revenue, created_at "
        "from raw_salesforce.opportunity_history order by created_at",
    ) == [
        ("Prospecting", Decimal(900), None, None, AS_OF.replace(tzinfo=None)),
        ("Proposal", Decimal(900), 50.0, Decimal(450),
         (AS_OF + timedelta(hours=1)).replace(tzinfo=None)),
    ]  # fmt: skip
    assert rows(
        settings,
        "select field, old_value, new_value from raw_salesforce.opportunity_field_history "
        "order by created_at",
    ) == [("created", None, None), ("StageName", "Prospecting", "Proposal")]

    environment.clock.set(AS_OF + timedelta(hours=4))
    org.call("DELETE", f"Opportunity/{key}")
    assert read(settings, 5) == {
        "opportunity": (1, 1),
        "opportunity_history": (2, 2),
        "opportunity_field_history": (1, 1),
    }
    # A field history has no stamp that moves: what lies behind the overlap is not read again, and
    # the tombstone of the opportunity speaks for it.
    assert rows(
        settings,
        "select field, _deleted_at is null from raw_salesforce.opportunity_field_history "
        "order by created_at",
    ) == [("created", True), ("StageName", False)]


def test_a_lead_says_what_it_was_converted_into(environment: Served, settings: Settings) -> None:
    became = {
        "ConvertedAccountId": ids.make("001", "SEED", 1),
        "ConvertedContactId": ids.make("003", "SEED", 2),
        "ConvertedOpportunityId": ids.make("006", "SEED", 3),
    }
    converted = lead(1, AS_OF - timedelta(days=1), IsConverted=True, ConvertedDate="2025-08-28")
    environment.stores["salesforce"].seed("Lead", [converted | became])
    run(settings)
    assert leads(
        settings, "converted_account_id, converted_contact_id, converted_opportunity_id"
    ) == [tuple(became.values())]


def test_a_merge_is_a_tombstone_and_a_record_of_who_won(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["salesforce"]
    before, later = AS_OF - timedelta(days=2), AS_OF + timedelta(hours=1)
    first, second, third = (ids.make("00Q", "SEED", number) for number in (1, 2, 3))
    store.seed("Lead", [lead(number, before) for number in (1, 2, 3)])
    run(settings)
    assert rows(settings, "select * from landing.merges") == []
    environment.clock.set(later)
    store.seed(
        "Lead",
        [
            lead(1, later),
            lead(2, later, IsDeleted=True, MasterRecordId=first),
            lead(3, later, IsDeleted=True),
        ],
    )
    result = run(settings, later + timedelta(minutes=1))
    assert (result.landed, result.tombstoned) == (3, 2)
    merges = "select source, stream, loser_key, winner_key from landing.merges"
    assert rows(settings, merges) == [("salesforce", "lead", second, first)]
    run(settings, later + timedelta(minutes=2))  # the overlap brings them again
    assert rows(settings, merges) == [("salesforce", "lead", second, first)]
    assert leads(settings, "id, _deleted_at is null") == [
        (first, True),
        (second, False),
        (third, False),
    ]
