"""Misbehaviour on demand, as Headwater's own session and simple-salesforce meet it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests
from simple_salesforce.exceptions import (
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceRefusedRequest,
)

from sandbox.clock import VirtualClock
from sandbox.vendors.salesforce.store import Store
from tests.sandbox.conftest import NOW, serve
from tests.sandbox.vendors.salesforce.conftest import LEAD, Org, record_id


def test_the_vendors_503_in_its_own_shape(org: Org) -> None:
    sf = org.login()
    body = [{"message": "Server temporarily unavailable", "errorCode": "SERVER_UNAVAILABLE"}]
    org.fault("/query", "status", status=503, body=body)
    with pytest.raises(SalesforceGeneralError) as refused:
        sf.query("SELECT COUNT() FROM Lead")
    assert (refused.value.status, refused.value.content) == (503, body)
    assert sf.query("SELECT COUNT() FROM Lead")["totalSize"] == 2


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("quota", "TotalRequests Limit exceeded."),
        ("rate_limit", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
    ],
)
def test_request_limits(org: Org, kind: str, message: str) -> None:
    sf = org.login()
    org.fault("/query", kind)
    with pytest.raises(SalesforceRefusedRequest) as refused:
        sf.query("SELECT COUNT() FROM Lead")
    assert refused.value.content == [{"message": message, "errorCode": "REQUEST_LIMIT_EXCEEDED"}]


def test_a_lost_answer_to_a_create_leaves_the_row(org: Org) -> None:
    sf = org.login()
    org.fault("/sobjects/Lead$", "lost_response", method="POST")
    with pytest.raises(requests.ConnectionError):
        sf.Lead.create({"LastName": "Lost", "Company": "Co"})
    assert sf.query("SELECT COUNT() FROM Lead WHERE LastName = 'Lost'")["totalSize"] == 1


def test_a_connection_reset_before_a_create_leaves_nothing(org: Org) -> None:
    sf = org.login()
    org.fault("/sobjects/Lead", "reset")
    with pytest.raises(requests.ConnectionError):
        sf.Lead.create({"LastName": "Lost", "Company": "Co"})
    assert sf.query("SELECT COUNT() FROM Lead WHERE LastName = 'Lost'")["totalSize"] == 0


def test_a_bulk_result_that_breaks_off(org: Org) -> None:
    sf = org.login()
    org.fault("/results$", "truncate", bytes=10)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        list(sf.bulk2.Lead.query("SELECT Id FROM Lead", wait=0.05))


def test_a_locked_row(org: Org) -> None:
    sf = org.login()
    org.fault(f"/sobjects/Lead/{LEAD}", "locked_row", method="PATCH")
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Lead.update(LEAD, {"Title": "x"})
    assert refused.value.content == [
        {
            "message": "unable to obtain exclusive access to this record or 1 records: " + LEAD,
            "errorCode": "UNABLE_TO_LOCK_ROW",
        }
    ]
    assert sf.Lead.update(LEAD, {"Title": "x"}) == 204


@pytest.mark.parametrize(
    ("params", "failed"),
    [({"every_nth": 2}, [1, 3]), ({"keys": ["n0", "n3"]}, [0, 3])],
)
def test_partial_failure_in_collections(
    org: Org, params: dict[str, Any], failed: list[int]
) -> None:
    sf = org.login()
    org.fault(
        "/composite/sobjects",
        "partial_failure",
        code="FIELD_CUSTOM_VALIDATION_EXCEPTION",
        message="Not today",
        fields=["Company"],
        **params,
    )
    records = [
        {"attributes": {"type": "Lead"}, "LastName": f"n{n}", "Company": "C"} for n in range(4)
    ]
    results = sf.restful("composite/sobjects", method="POST", json={"records": records})
    assert [n for n, r in enumerate(results) if not r["success"]] == failed
    assert results[failed[0]]["errors"] == [
        {
            "statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            "message": "Not today",
            "fields": ["Company"],
        }
    ]
    saved = {r["LastName"] for r in org.store.rows("Lead")}
    assert saved.isdisjoint(f"n{n}" for n in failed)


def test_calls_are_counted_by_route(org: Org) -> None:
    sf = org.login()
    org.served.calls.clear()
    sf.Lead.get(LEAD)
    sf.query("SELECT COUNT() FROM Lead")
    sf.query("SELECT COUNT() FROM Lead")
    counted = {
        (c["method"], c["route"], c["status"]): c["count"] for c in org.served.calls.as_list()
    }
    assert counted == {
        ("GET", "/services/data/v{version}/sobjects/{object}/{id}", 200): 1,
        ("GET", "/services/data/v{version}/query", 200): 2,
    }


def test_everything_survives_a_restart(org: Org) -> None:
    sf = org.login()
    created = sf.Lead.create({"LastName": "Kept", "Company": "C"})["id"]
    used = org.store.requests_used()
    with serve(org.served.home, org.served.clock) as again:
        store = again.stores["salesforce"]
        assert created in {r["Id"] for r in store.rows("Lead")}
        assert store.requests_used() == used
        answer = requests.get(
            f"{again.url}/salesforce/services/data/v62.0/sobjects/Lead/{created}",
            headers={"Authorization": f"Bearer {sf.session_id}"},
            timeout=5,
        )
        assert answer.json()["LastName"] == "Kept"


def test_a_seed_updates_what_it_names_and_refuses_what_it_does_not_know(org: Org) -> None:
    later = NOW + timedelta(days=1)
    org.store.seed(
        "Lead", [{"Id": LEAD[:15], "Status": "Working", "SystemModstamp": later.isoformat()}]
    )
    lead = next(r for r in org.store.rows("Lead") if r["Id"] == LEAD)
    assert (lead["Status"], lead["LastName"]) == ("Working", "O'Neil")
    assert lead["SystemModstamp"] == "2025-08-30T10:00:00.000+0000"
    for table, row, reason in (
        ("Leads", {"Id": LEAD}, "no object 'Leads'"),
        ("Lead", {"Id": LEAD, "Nope": 1}, "Lead has no field Nope"),
        ("Lead", {"LastName": "x"}, "needs an Id"),
        ("Lead", {"Id": "short"}, "'short' is no Salesforce id"),
        ("Lead", {"Id": LEAD, "ConvertedDate": "soon"}, "ConvertedDate: 'soon' is no date"),
    ):
        with pytest.raises(ValueError, match=reason):
            org.store.seed(table, [row])


def test_the_same_calls_give_the_same_ids(org: Org, tmp_path_factory: Any) -> None:
    def made(home: Any) -> list[str]:
        clock = VirtualClock(home / "clock.json")
        clock.set(NOW)
        return Store(home, clock).new_ids("00Q", 3)

    first, second = (made(tmp_path_factory.mktemp("org")) for _ in range(2))
    assert first == second
    assert len(set(first)) == 3
    assert record_id("00Q", 1) not in first
