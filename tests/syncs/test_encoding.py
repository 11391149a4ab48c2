"""Null, empty and missing, as each destination is told them (golden)."""

from __future__ import annotations

import pytest

from syncs.destination import Batch, Change, Operation, Outcome, RowResult
from syncs.destinations import hubspot, mixpanel, outreach, salesforce, salesforce_bulk


def change(key="k", **fields):
    return Change(1, key, Operation.CREATE, fields, "token")


def test_salesforce_bulk_tells_null_from_missing():
    batch = Batch(
        "b",
        (
            change("1", A=None, B='x,\n"y"', C=True),
            change("2", A="", B=1.5),
        ),
    )
    assert salesforce_bulk.encode(batch, "Ext__c") == (
        'Ext__c,A,B,C\n1,#N/A,"x,\n""y""",true\n2,#N/A,1.5,\n'
    )


@pytest.mark.parametrize(("value", "sent"), [(None, None), ("", None), (0, 0), (False, False)])
def test_salesforce_rest_clears_with_null(value, sent):
    assert salesforce.encode(value) is sent or salesforce.encode(value) == sent


@pytest.mark.parametrize(
    ("value", "sent"), [(None, ""), ("", ""), (True, "true"), (1.25, "1.25"), ("x", "x")]
)
def test_hubspot_takes_text_only(value, sent):
    assert hubspot.encode(value) == sent


def test_outreach_has_a_list_of_addresses():
    assert outreach.encode({"email": "a@b.co", "title": None}) == {
        "emails": ["a@b.co"],
        "title": None,
    }
    assert outreach.encode({"email": None}) == {"emails": []}
    assert outreach.encode({"firstName": ""}) == {"firstName": ""}


def test_mixpanel_times_are_milliseconds_and_nulls_are_left_out():
    event = change(
        "id-1", event="E", time="2025-08-29T00:00:00.500000Z", distinct_id="d", user_id=None
    )
    assert mixpanel.encode(event) == {
        "event": "E",
        "properties": {"time": 1756425600500, "distinct_id": "d", "$insert_id": "id-1"},
    }


@pytest.mark.parametrize(
    ("said", "code", "message", "outcome"),
    [
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --",
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [Name]",
            Outcome.REJECTED,
        ),
        (
            "DUPLICATE_VALUE:duplicate value found: X__c duplicates value on record with id: 5:--",
            "DUPLICATE_VALUE",
            "duplicate value found: X__c duplicates value on record with id: 5",
            Outcome.REJECTED,
        ),
        (
            "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 2 records: "
            "001a,001b:--",
            "UNABLE_TO_LOCK_ROW",
            "unable to obtain exclusive access to this record or 2 records: 001a,001b",
            Outcome.RETRY,
        ),
        ("something else", None, "something else", Outcome.REJECTED),
    ],
)
def test_a_failed_bulk_cell_is_taken_apart(said, code, message, outcome):
    result = salesforce_bulk._refused("k", said)
    assert (result.code, result.message, result.outcome) == (code, message, outcome)


def test_least_calls_of_bulk_and_collections():
    assert salesforce_bulk.job_calls(100_000, 100_000) == 5
    assert salesforce_bulk.job_calls(100_001, 100_000) == 10


@pytest.mark.parametrize(
    ("message", "arrived"),
    [
        ("duplicate value found: Ext__c duplicates value on record with id: 00Q5f00000ABCDE", True),
        (
            "duplicate value found: Other__c duplicates value on record with id: 00Q5f00000ABCDE",
            False,
        ),
        (
            "duplicate value found: My_Ext__c duplicates value on record with id: 00Q5f00000ABCDE",
            False,
        ),
        ("Duplicate external id specified: 7", False),
        ("duplicate value found: <unknown> duplicates value on record with id: <unknown>", False),
    ],
)
def test_only_a_duplicate_of_the_key_means_that_the_record_is_there(message, arrived):
    refused = RowResult("k", Outcome.REJECTED, code="DUPLICATE_VALUE", message=message)
    found = salesforce_bulk.already_there(refused, "Ext__c")
    assert (found.outcome is Outcome.DELIVERED) == arrived
    assert (found.destination_id == "00Q5f00000ABCDE") == arrived
