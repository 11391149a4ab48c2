"""Contacts and companies one by one and in batches, driven by the official client."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm.contacts import (
    ApiException,
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchInputSimplePublicObjectId,
    BatchReadInputSimplePublicObjectId,
    PublicGdprDeleteInput,
    PublicMergeInput,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)

from sandbox.vendors.hubspot.store import FIRST_ID, Store
from tests.sandbox.conftest import NOW


def contact(number: int, **properties: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "properties": {"email": f"p{number}@acme.com", "firstname": "Ann", **properties},
        "createdAt": "2025-08-01T10:00:00Z",
        "updatedAt": f"2025-08-01T10:{number % 60:02}:00.000Z",
        "archived": False,
    }


def create(client: HubSpot, **properties: Any) -> Any:
    return client.crm.contacts.basic_api.create(
        SimplePublicObjectInputForCreate(properties=properties)
    )


def upsert(client: HubSpot, *inputs: dict[str, Any]) -> Any:
    return client.crm.contacts.batch_api.upsert(
        BatchInputSimplePublicObjectBatchInputUpsert([{"idProperty": "email", **i} for i in inputs])
    )


def body(caught: pytest.ExceptionInfo[ApiException]) -> dict[str, Any]:
    return json.loads(caught.value.body)


def test_one_contact_through_its_life(client, store, served):
    made = create(client, email="Ann@Acme.com", firstname="Ann")
    assert (made.id, made.properties["email"]) == (str(FIRST_ID), "ann@acme.com")
    got = client.crm.contacts.basic_api.get_by_id(
        "ANN@acme.com", id_property="email", properties=["plg_campaign", "email", "unknown"]
    )
    assert got.properties["plg_campaign"] is None
    assert "unknown" not in got.properties
    served.clock.set(NOW + timedelta(minutes=1))
    changed = client.crm.contacts.basic_api.update(
        made.id, SimplePublicObjectInput({"plg_used_share": 0.83, "hs_email_optout": True})
    )
    assert changed.properties["plg_used_share"] == "0.83"
    assert changed.properties["hs_email_optout"] == "true"
    assert changed.properties["lastmodifieddate"] == "2025-08-29T10:01:00.000Z"
    client.crm.contacts.basic_api.archive(made.id)
    client.crm.contacts.basic_api.archive(made.id)
    assert client.crm.contacts.basic_api.get_page().results == []
    [archived] = client.crm.contacts.basic_api.get_page(archived=True).results
    assert (archived.id, archived.archived) == (made.id, True)
    assert archived.archived_at == NOW + timedelta(minutes=1)
    assert Store(served.home, served.clock).rows("contacts") == store.rows("contacts")


def test_listing_pages_by_id_and_takes_at_most_100(client, store):
    store.seed("contacts", [contact(number) for number in range(1, 251)])
    first = client.crm.contacts.basic_api.get_page(limit=100)
    assert first.paging.next.after == first.results[-1].id == "100"
    everyone = client.crm.contacts.get_all()
    assert [each.id for each in everyone] == [str(number) for number in range(1, 251)]
    last = client.crm.contacts.basic_api.get_page(limit=100, after="200")
    assert (len(last.results), last.paging) == (50, None)
    with pytest.raises(ApiException) as caught:
        client.crm.contacts.basic_api.get_page(limit=101)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("properties", "name", "code"),
    [
        ({"email": "not-an-address"}, "email", "INVALID_EMAIL"),
        ({"email": "a@b.co", "nonsense": "1"}, "nonsense", "PROPERTY_DOESNT_EXIST"),
        ({"email": "a@b.co", "lifecyclestage": "friend"}, "lifecyclestage", "INVALID_OPTION"),
        ({"email": "a@b.co", "hs_email_optout": "maybe"}, "hs_email_optout", "INVALID_OPTION"),
        ({"email": "a@b.co", "plg_used_share": "much"}, "plg_used_share", "INVALID_INTEGER"),
        ({"email": "a@b.co", "createdate": "2025-01-01"}, "createdate", "READ_ONLY_VALUE"),
    ],
)
def test_bad_values_are_named_as_json_inside_the_message(client, properties, name, code):
    with pytest.raises(ApiException) as caught:
        create(client, **properties)
    answer = body(caught)
    assert (caught.value.status, answer["category"]) == (400, "VALIDATION_ERROR")
    start = "Property values were not valid: "
    assert answer["message"].startswith(start)
    [problem] = json.loads(answer["message"].removeprefix(start))
    assert (problem["name"], problem["error"], problem["isValid"]) == (name, code, False)


def test_an_address_is_there_once(client):
    made = create(client, email="ann@acme.com")
    with pytest.raises(ApiException) as caught:
        create(client, email="ANN@acme.com")
    assert caught.value.status == 409
    assert body(caught)["message"] == f"Contact already exists. Existing ID: {made.id}"
    assert body(caught)["category"] == "CONFLICT"


def test_an_unknown_record_is_a_404(client):
    with pytest.raises(ApiException) as caught:
        client.crm.contacts.basic_api.get_by_id("99")
    assert (caught.value.status, body(caught)["message"]) == (404, "resource not found")


def test_the_lifecycle_stage_only_moves_forward_unless_cleared(client):
    made = create(client, email="a@b.co", lifecyclestage="customer")
    update = client.crm.contacts.basic_api.update
    get = client.crm.contacts.basic_api.get_by_id

    def stage() -> str | None:
        return get(made.id, properties=["lifecyclestage"]).properties["lifecyclestage"]

    update(made.id, SimplePublicObjectInput({"lifecyclestage": "lead"}))
    assert stage() == "customer"
    update(made.id, SimplePublicObjectInput({"lifecyclestage": ""}))
    assert stage() is None
    update(made.id, SimplePublicObjectInput({"lifecyclestage": "lead"}))
    assert stage() == "lead"


def test_upsert_creates_and_updates_and_says_which(client):
    create(client, email="old@acme.com")
    answer = upsert(
        client,
        {"id": "Old@acme.com", "properties": {"plg_campaign": "c"}, "objectWriteTraceId": "1"},
        {"id": "new@acme.com", "properties": {"plg_campaign": "c"}, "objectWriteTraceId": "2"},
    )
    assert {row.properties["email"]: row.new for row in answer.results} == {
        "old@acme.com": False,
        "new@acme.com": True,
    }


def test_results_do_not_follow_the_order_of_the_inputs(client):
    emails = [f"p{number}@acme.com" for number in range(20)]
    answer = upsert(client, *({"id": email, "properties": {}} for email in emails))
    got = [row.properties["email"] for row in answer.results]
    assert sorted(got) == sorted(emails)
    assert got != emails


def test_without_trace_ids_one_bad_row_fails_all(client, store):
    good = {"id": "good@acme.com", "properties": {}}
    bad = {"id": "bad@acme.com", "properties": {"nonsense": "1"}}
    with pytest.raises(ApiException) as caught:
        upsert(client, good, bad)
    assert caught.value.status == 400
    assert "PROPERTY_DOESNT_EXIST" in body(caught)["message"]
    assert store.rows("contacts") == []


def test_with_trace_ids_the_good_rows_are_written_and_the_bad_are_named(client, store):
    answer = upsert(
        client,
        {"id": "good@acme.com", "properties": {}, "objectWriteTraceId": "row-1"},
        {"id": "bad", "properties": {}, "objectWriteTraceId": "row-2"},
    )
    assert (answer.status, answer.num_errors) == ("COMPLETE", 1)
    assert answer.errors[0].context["objectWriteTraceId"] == ["row-2"]
    assert "INVALID_EMAIL" in answer.errors[0].message
    assert [row.properties["email"] for row in answer.results] == ["good@acme.com"]
    assert len(store.rows("contacts")) == 1


@pytest.mark.parametrize("second", ["a@b.co", "A@b.co"])
def test_a_repeated_id_fails_the_call_trace_ids_or_not(client, store, second):
    with pytest.raises(ApiException) as caught:
        upsert(
            client,
            {"id": "a@b.co", "properties": {}, "objectWriteTraceId": "1"},
            {"id": second, "properties": {}, "objectWriteTraceId": "2"},
        )
    assert body(caught)["message"] == (
        "Duplicate IDs found in batch input: [a@b.co]. IDs must be unique"
    )
    assert store.rows("contacts") == []


def test_a_batch_holds_100_and_the_id_property_must_be_unique(client):
    with pytest.raises(ApiException) as caught:
        upsert(client, *({"id": f"p{n}@acme.com", "properties": {}} for n in range(101)))
    assert caught.value.status == 400
    with pytest.raises(ApiException) as caught:
        upsert(client, {"id": "x", "idProperty": "company", "properties": {}})
    assert body(caught)["message"] == (
        "Unable to perform update/upsert by non-unique 0-1 property company"
    )


def test_upsert_by_the_products_user_id(client):
    rows = [{"id": "42", "idProperty": "product_user_id", "properties": {"email": "a@b.co"}}]
    assert upsert(client, *rows).results[0].new is True
    again = upsert(client, *rows)
    assert (again.results[0].new, again.results[0].properties["email"]) == (False, "a@b.co")


def test_a_secondary_address_matches(client, store):
    store.seed("contacts", [contact(7, hs_additional_emails="second@acme.com;third@acme.com")])
    answer = upsert(client, {"id": "Third@acme.com", "properties": {"plg_campaign": "c"}})
    assert (answer.results[0].id, answer.results[0].new) == ("7", False)


def test_batch_create_with_an_existing_address(client, store):
    create(client, email="old@acme.com")
    inputs = [{"properties": {"email": "new@acme.com"}}, {"properties": {"email": "old@acme.com"}}]
    api = client.crm.contacts.batch_api
    with pytest.raises(ApiException) as caught:
        api.create(BatchInputSimplePublicObjectBatchInputForCreate(inputs))
    assert (caught.value.status, body(caught)["message"]) == (409, "Contact already exists")
    assert len(store.rows("contacts")) == 1
    traced = [{**row, "objectWriteTraceId": str(n)} for n, row in enumerate(inputs)]
    answer = api.create(BatchInputSimplePublicObjectBatchInputForCreate(traced))
    assert answer.errors[0].context == {"existingId": [str(FIRST_ID)], "objectWriteTraceId": ["1"]}


def test_batch_read_update_and_archive(client, store):
    store.seed("contacts", [contact(1), contact(2)])
    api = client.crm.contacts.batch_api
    answer = api.read(
        BatchReadInputSimplePublicObjectId(
            properties=["email"],
            properties_with_history=[],
            id_property="email",
            inputs=[{"id": "p1@acme.com"}, {"id": "gone@acme.com"}],
        )
    )
    assert answer.errors[0].message == (
        "Could not get some CONTACT objects, they may be deleted or not exist. "
        "Check that ids are valid."
    )
    assert answer.errors[0].context == {"ids": ["gone@acme.com"]}
    updated = api.update(
        BatchInputSimplePublicObjectBatchInput(
            [
                {"id": "1", "properties": {"firstname": ""}, "objectWriteTraceId": "a"},
                {"id": "99", "properties": {}, "objectWriteTraceId": "b"},
            ]
        )
    )
    assert (updated.num_errors, updated.results[0].properties["firstname"]) == (1, None)
    api.archive(BatchInputSimplePublicObjectId([{"id": "1"}, {"id": "99"}]))
    assert [row["archived"] for row in store.rows("contacts")] == [True, False]


def test_a_merge_makes_a_new_record_that_both_old_ids_lead_to(client, store):
    store.seed("contacts", [contact(1), contact(2, company="Acme")])
    api = client.crm.contacts.basic_api
    merged = api.merge(PublicMergeInput(primary_object_id="1", object_id_to_merge="2"))
    assert merged.id not in {"1", "2"}
    got = api.get_by_id(
        "2", properties=["email", "company", "hs_additional_emails", "hs_merged_object_ids"]
    )
    assert got.id == merged.id
    assert got.properties["email"] == "p1@acme.com"
    assert got.properties["company"] == "Acme"
    assert got.properties["hs_additional_emails"] == "p2@acme.com"
    assert got.properties["hs_merged_object_ids"] == "1;2"
    assert api.get_page(archived=True).results == []


def test_a_gdpr_delete_is_final(client, store):
    create(client, email="ann@acme.com")
    api = client.crm.contacts.basic_api
    api.purge(PublicGdprDeleteInput(object_id="Ann@acme.com", id_property="email"))
    assert store.rows("contacts") == []
    with pytest.raises(ApiException):
        create(client, email="ann@acme.com")


def test_companies_have_no_unique_domain(client):
    from hubspot.crm.companies import SimplePublicObjectInputForCreate as Company

    for _ in range(2):
        client.crm.companies.basic_api.create(
            Company(properties={"name": "Acme", "domain": "acme.com"})
        )
    rows = client.crm.companies.get_all(properties=["domain"])
    assert [row.properties["domain"] for row in rows] == ["acme.com", "acme.com"]
    assert "hs_lastmodifieddate" in rows[0].properties
