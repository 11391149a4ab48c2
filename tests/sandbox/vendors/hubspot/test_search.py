"""Searches: operators, paging, limits and the lag of the index."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hubspot.crm.contacts import (
    ApiException,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)

from tests.sandbox.conftest import NOW
from tests.sandbox.vendors.hubspot.test_objects import contact


@pytest.fixture
def search(client):
    def ask(*filters: dict[str, Any], **more: Any) -> Any:
        groups = [{"filters": list(filters)}] if filters else []
        request = PublicObjectSearchRequest(
            **{"filter_groups": groups, "limit": 100, "sorts": [], "properties": [], **more}
        )
        return client.crm.contacts.search_api.do_search(request)

    return ask


def ids(answer: Any) -> list[str]:
    return [row.id for row in answer.results]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"propertyName": "email", "operator": "EQ", "value": "P1@acme.com"}, ["1"]),
        ({"propertyName": "company", "operator": "NEQ", "value": "Acme"}, ["2", "3"]),
        ({"propertyName": "hs_object_id", "operator": "GT", "value": "2"}, ["3"]),
        (
            {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "1754042520000"},
            ["2", "3"],
        ),
        (
            {
                "propertyName": "lastmodifieddate",
                "operator": "BETWEEN",
                "value": "2025-08-01T10:01:00Z",
                "highValue": "2025-08-01T10:02:00Z",
            },
            ["1", "2"],
        ),
        ({"propertyName": "email", "operator": "IN", "values": ["p1@acme.com"]}, ["1"]),
        ({"propertyName": "company", "operator": "NOT_IN", "values": ["acme"]}, ["2", "3"]),
        ({"propertyName": "company", "operator": "HAS_PROPERTY"}, ["1", "2"]),
        ({"propertyName": "company", "operator": "NOT_HAS_PROPERTY"}, ["3"]),
        ({"propertyName": "email", "operator": "CONTAINS_TOKEN", "value": "p3*"}, ["3"]),
        ({"propertyName": "plg_used_share", "operator": "LT", "value": "9.5"}, ["2"]),
    ],
)
def test_operators(search, store, asked, expected):
    store.seed(
        "contacts",
        [
            contact(1, company="Acme", plg_used_share=10),
            contact(2, company="Beta", plg_used_share=9),
            contact(3),
        ],
    )
    assert ids(search(asked)) == expected


def test_sorted_paged_and_capped_at_10000(search, store, client):
    store.seed("contacts", [contact(number) for number in range(1, 401)])
    by_id = [{"propertyName": "hs_object_id", "direction": "DESCENDING"}]
    first = search(limit=200, sorts=by_id)
    assert (first.total, first.results[0].id, first.paging.next.after) == (400, "400", "200")
    last = search(limit=200, sorts=by_id, after="200")
    assert (last.results[-1].id, last.paging) == ("1", None)
    for wrong in ({"limit": 201}, {"limit": 200, "after": "9900"}):
        with pytest.raises(ApiException) as caught:
            search(**wrong)
        assert caught.value.status == 400


@pytest.mark.parametrize(
    ("groups", "filters"),
    [(6, 1), (1, 7), (4, 5)],
)
def test_at_most_so_many_filters(search, groups, filters):
    one = {"propertyName": "email", "operator": "HAS_PROPERTY"}
    with pytest.raises(ApiException) as caught:
        search(filter_groups=[{"filters": [one] * filters}] * groups)
    assert caught.value.status == 400


def test_unknown_property_and_operator_and_a_long_body(search):
    for wrong in (
        {"propertyName": "nonsense", "operator": "EQ", "value": "1"},
        {"propertyName": "email", "operator": "EQ", "value": "x" * 3000},
    ):
        with pytest.raises(ApiException) as caught:
            search(wrong)
        assert json.loads(caught.value.body)["category"] == "VALIDATION_ERROR"


def test_archived_records_never_appear(search, store):
    store.seed("contacts", [contact(1), {**contact(2), "archived": True}])
    assert ids(search()) == ["1"]


def test_writes_become_searchable_after_the_delay(search, store, client, served):
    store.seed("contacts", [contact(1)])
    assert ids(search()) == ["1"]
    store.search_delay = 30
    basic = client.crm.contacts.basic_api
    basic.create(SimplePublicObjectInputForCreate(properties={"email": "new@acme.com"}))
    basic.update("1", SimplePublicObjectInput({"company": "Later"}))
    found = search(properties=["company"])
    assert [(row.id, row.properties["company"]) for row in found.results] == [("1", None)]
    served.clock.set(NOW + timedelta(seconds=31))
    assert search().total == 2
    assert search(query="later").total == 1
