"""Answers that cannot be read are the vendor's trouble, and what was sent is in doubt."""

from __future__ import annotations

import pytest
import requests

from headwater.errors import OutcomeUnknownError, VendorUnavailableError
from syncs.destination import Change, Operation, Outcome
from syncs.destinations import mixpanel, salesforce
from syncs.destinations.answers import reading


def answered(method: str, body: str) -> requests.Response:
    response = requests.Response()
    response.status_code = 200
    response._content = body.encode()
    response.request = requests.Request(method, "https://vendor.example/things?q=1").prepare()
    return response


@pytest.mark.parametrize("body", ["<html>Down for maintenance</html>", "{}", "[]", "null", "[{}]"])
@pytest.mark.parametrize(
    ("method", "error"), [("GET", VendorUnavailableError), ("POST", OutcomeUnknownError)]
)
def test_an_unreadable_answer_is_the_vendors_and_a_write_is_in_doubt(method, error, body):
    response = answered(method, body)
    with (
        pytest.raises(error, match=rf"Vendor {method} /things: 200 .* cannot be read"),
        reading("Vendor", response),
    ):
        response.json()["results"]


def changes(*keys: str) -> list[Change]:
    return [Change(n, key, Operation.CREATE, {}, key) for n, key in enumerate(keys)]


def test_mixpanel_failures_are_paired_by_their_place():
    said = {"index": 1, "insert_id": "cut sho", "field": "properties.time", "message": "too old"}
    results = mixpanel._results(
        changes("a", "b", "c"), {"num_records_imported": 2, "failed_records": [said]}
    )
    assert [result.outcome for result in results] == [
        Outcome.DELIVERED, Outcome.REJECTED, Outcome.DELIVERED,
    ]  # fmt: skip
    assert (results[1].key, results[1].code) == ("b", "properties.time")


@pytest.mark.parametrize(
    "answer",
    [
        {"num_records_imported": 2},
        {"num_records_imported": 3, "failed_records": [{"index": 0}]},
        {"num_records_imported": 2, "failed_records": [{"index": 3}]},
    ],
)
def test_mixpanel_figures_that_do_not_add_up_are_no_answer(answer):
    with pytest.raises(ValueError, match="3 events sent"):
        mixpanel._results(changes("a", "b", "c"), answer)


def test_salesforce_has_to_answer_for_every_row():
    with pytest.raises(ValueError, match="1 answers for 2 rows"):
        salesforce._paired(changes("a", "b"), [{"success": True, "id": "1"}])
