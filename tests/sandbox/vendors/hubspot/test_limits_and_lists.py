"""Tokens, rate limits, quotas and faults; the properties API and lists."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import requests
from hubspot import HubSpot
from hubspot.crm.contacts import ApiException
from hubspot.crm.lists import ListCreateRequest, ListSearchRequest, MembershipChangeRequest
from hubspot.crm.properties import PropertyCreate

from tests.sandbox.conftest import NOW, Served
from tests.sandbox.vendors.hubspot.test_objects import contact, upsert


def get(served: Served, path: str = "/crm/v3/objects/contacts", **kwargs: Any) -> requests.Response:
    token = served.credentials["hubspot"]["access_token"]
    headers = {"Authorization": f"Bearer {token}", **kwargs.pop("headers", {})}
    method = kwargs.pop("method", "GET")
    url = f"{served.url}/hubspot{path}"
    return requests.request(method, url, headers=headers, timeout=9, **kwargs)


def test_a_wrong_token(served):
    answer = get(served, headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")


def test_rate_headers_and_the_ten_second_window(served, store):
    store.ten_seconds.limit, store.ten_seconds.seconds = 3, 3600
    first = get(served)
    assert first.headers["X-HubSpot-RateLimit-Max"] == "3"
    assert first.headers["X-HubSpot-RateLimit-Remaining"] == "2"
    assert first.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "624999"
    assert [get(served).status_code for _ in range(3)] == [200, 200, 429]
    refused = get(served).json()
    assert refused["message"] == "You have reached your ten_secondly_rolling limit."
    assert refused["policyName"] == "TEN_SECONDLY_ROLLING"
    assert refused["errorType"] == "RATE_LIMIT"


def test_the_daily_quota_starts_anew_each_day(served, store):
    store.daily_limit = 2
    assert [get(served).status_code for _ in range(3)] == [200, 200, 429]
    assert get(served).json()["policyName"] == "DAILY"
    served.clock.set(NOW + timedelta(days=1))
    assert get(served).status_code == 200


def test_searches_have_a_limit_of_their_own_and_no_headers(served, store):
    store.ten_seconds.limit = 0
    store.search_second.seconds = 3600
    path = "/crm/v3/objects/contacts/search"
    answers = [get(served, path, method="POST", json={}) for _ in range(6)]
    assert [each.status_code for each in answers] == [200] * 5 + [429]
    assert "X-HubSpot-RateLimit-Max" not in answers[0].headers
    assert answers[-1].json()["message"] == "You have reached your secondly limit."
    assert "policyName" not in answers[-1].json()


@pytest.mark.parametrize(
    ("kind", "status", "category"),
    [
        ("expired_token", 401, "EXPIRED_AUTHENTICATION"),
        ("missing_scope", 403, "MISSING_SCOPES"),
        ("locked_row", 423, "LOCKED"),
        ("rate_limit", 429, "RATE_LIMITS"),
        ("quota", 429, "RATE_LIMITS"),
    ],
)
def test_misbehaviour_on_demand(served, kind, status, category):
    served.fault("hubspot", "contacts", kind)
    answer = get(served)
    assert (answer.status_code, answer.json()["category"]) == (status, category)
    assert get(served).status_code == 200


def test_partial_failure_on_demand(served, client):
    served.fault("hubspot", "upsert", "partial_failure", keys=["b@b.co"], message="refused")
    answer = upsert(
        client,
        {"id": "a@b.co", "properties": {}, "objectWriteTraceId": "1"},
        {"id": "b@b.co", "properties": {}, "objectWriteTraceId": "2"},
    )
    assert [error.message for error in answer.errors] == ["refused"]
    served.fault("hubspot", "upsert", "partial_failure", every_nth=2)
    with pytest.raises(ApiException):
        upsert(client, {"id": "c@b.co", "properties": {}}, {"id": "d@b.co", "properties": {}})


def test_a_lost_response_has_written(served, client, store):
    served.fault("hubspot", "upsert", "lost_response", status=502)
    with pytest.raises(ApiException):
        upsert(client, {"id": "a@b.co", "properties": {}})
    assert len(store.rows("contacts")) == 1


def test_the_schema_shows_types_options_and_headwaters_properties(client):
    found = {prop.name: prop for prop in client.crm.properties.core_api.get_all("contacts").results}
    assert found["product_user_id"].has_unique_value
    assert found["plg_used_share"].type == "number"
    assert [option.value for option in found["hs_email_optout"].options] == ["true", "false"]
    assert found["createdate"].modification_metadata.read_only_value


def test_a_property_can_be_added_used_and_removed(client, store):
    api = client.crm.properties.core_api
    made = PropertyCreate(
        name="plg_tier",
        label="Tier",
        type="enumeration",
        field_type="select",
        group_name="contactinformation",
        options=[{"label": "A", "value": "A", "displayOrder": 0, "hidden": False}],
    )
    api.create("contacts", made)
    with pytest.raises(Exception, match="already exists"):
        api.create("contacts", made)
    upsert(client, {"id": "a@b.co", "properties": {"plg_tier": "A"}})
    with pytest.raises(ApiException, match="INVALID_OPTION"):
        upsert(client, {"id": "a@b.co", "properties": {"plg_tier": "B"}})
    api.archive("contacts", "plg_tier")
    with pytest.raises(ApiException, match="PROPERTY_DOESNT_EXIST"):
        upsert(client, {"id": "a@b.co", "properties": {"plg_tier": "A"}})


def make_list(client: HubSpot, name: str, processing: str = "MANUAL") -> str:
    request = ListCreateRequest(name=name, object_type_id="0-1", processing_type=processing)
    return client.crm.lists.lists_api.create(request).list.list_id


def test_members_of_a_manual_list(client, store):
    store.seed("contacts", [contact(1), contact(2), contact(3)])
    list_id = make_list(client, "Overage")
    members = client.crm.lists.memberships_api
    answer = members.add(list_id, ["1", "2", "99"])
    assert answer.records_ids_added == ["1", "2"]
    assert answer.record_ids_missing == ["99"]
    assert members.add(list_id, ["1"]).records_ids_added == []
    changed = members.add_and_remove(
        list_id, MembershipChangeRequest(record_ids_to_add=["3"], record_ids_to_remove=["1"])
    )
    assert (changed.records_ids_added, changed.record_ids_removed) == (["3"], ["1"])
    assert store.rows("lists")[0]["members"] == ["2", "3"]
    page = members.get_page(list_id, limit=1)
    assert (page.results[0].record_id, page.paging.next.after) == ("2", "2")
    assert members.remove(list_id, ["2", "3"]).record_ids_removed == ["2", "3"]


def test_lists_are_found_by_name_and_their_names_are_unique(client):
    for number in range(3):
        make_list(client, f"List {number}")
    with pytest.raises(Exception, match="already exists"):
        make_list(client, "list 1")
    api = client.crm.lists.lists_api
    first = api.do_search(
        ListSearchRequest(query="list", count=2, offset=0, additional_properties=[])
    )
    assert (first.total, first.has_more, first.offset) == (3, True, 2)
    assert first.lists[0].additional_properties["hs_list_size"] == "0"
    assert api.get_by_name("List 2", "0-1").list.name == "List 2"
    api.remove(first.lists[0].list_id)
    with pytest.raises(Exception, match="does not exist"):
        api.get_by_id(first.lists[0].list_id)


def test_members_of_a_dynamic_list_cannot_be_changed(client):
    list_id = make_list(client, "Filters", "DYNAMIC")
    with pytest.raises(Exception, match="DYNAMIC") as caught:
        client.crm.lists.memberships_api.add(list_id, ["1"])
    assert json.loads(caught.value.body)["category"] == "VALIDATION_ERROR"


def test_an_archived_contact_leaves_its_lists(client, store):
    store.seed("contacts", [contact(1)])
    list_id = make_list(client, "Overage")
    client.crm.lists.memberships_api.add(list_id, ["1"])
    client.crm.contacts.basic_api.archive("1")
    assert store.rows("lists")[0]["members"] == []
