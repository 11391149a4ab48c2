"""Single rows by simple-salesforce, and by plain requests where it hides the answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests
from simple_salesforce.exceptions import (
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)

from sandbox.vendors.salesforce import ids
from tests.sandbox.conftest import NOW
from tests.sandbox.vendors.salesforce.conftest import (
    ACCOUNT,
    CAMPAIGN,
    CONTACT,
    CONVERTED_LEAD,
    DELETED_LEAD,
    LEAD,
    OPPORTUNITY,
    Org,
    record_id,
)


def row(org: Org, table: str, wanted: str) -> dict[str, Any]:
    return next(r for r in org.store.rows(table) if r["Id"] == wanted)


def rest(org: Org, method: str, path: str, **options: Any) -> requests.Response:
    session = org.login().session_id
    return requests.request(
        method,
        f"{org.base_url}/services/data/v62.0{path}",
        headers={"Authorization": f"Bearer {session}", **options.pop("headers", {})},
        timeout=5,
        **options,
    )


@pytest.mark.parametrize(
    ("short", "complete"),
    [("00D30000000IZ3Z", "00D30000000IZ3ZEAW"), ("001A0000006Vm9r", "001A0000006Vm9rIAC")],
)
def test_ids_have_the_published_checksum(short: str, complete: str) -> None:
    assert ids.to_18(short) == complete
    assert ids.normalize(short) == ids.normalize(complete) == complete
    assert ids.normalize(complete[:17] + "!") is None
    assert ids.normalize(short + "AAA") is None


def test_create_then_read(org: Org) -> None:
    sf = org.login()
    org.served.clock.set(NOW + timedelta(seconds=90, milliseconds=700))
    answer = sf.Lead.create(
        {"LastName": "  New ", "Company": "Co", "PLG_User_Id__c": "u-9", "PLG_ICP_Score__c": "7.25"}
    )
    assert answer["success"] is True
    assert answer["errors"] == []
    assert answer["id"].startswith("00Q")
    assert ids.normalize(answer["id"]) == answer["id"]
    lead = sf.Lead.get(answer["id"])
    stamp = "2025-08-29T10:01:30.000+0000"
    assert lead["LastName"] == "New"
    assert lead["PLG_ICP_Score__c"] == 7.3
    assert lead["Status"] == "Open - Not Contacted"
    assert (lead["CreatedDate"], lead["SystemModstamp"]) == (stamp, stamp)
    assert (
        lead["OwnerId"]
        == lead["CreatedById"]
        == sf.query("SELECT Id FROM User WHERE Name LIKE 'Head%'")["records"][0]["Id"]
    )
    assert (lead["IsConverted"], lead["PLG_PQL__c"]) == (False, False)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        (
            {"FirstName": "x"},
            {
                "message": "Required fields are missing: [LastName, Company]",
                "errorCode": "REQUIRED_FIELD_MISSING",
                "fields": ["LastName", "Company"],
            },
        ),
        (
            {"LastName": "x" * 81, "Company": "Co"},
            {
                "message": f"Last Name: data value too large: {'x' * 81} (max length=80)",
                "errorCode": "STRING_TOO_LONG",
                "fields": ["LastName"],
            },
        ),
        (
            {"LastName": "x", "Company": "Co", "Email": "no address"},
            {
                "message": "Email: invalid email address: no address",
                "errorCode": "INVALID_EMAIL_ADDRESS",
                "fields": ["Email"],
            },
        ),
        (
            {"LastName": "x", "Company": "Co", "Status": "Dreaming"},
            {
                "message": "Status: bad value for restricted picklist field: Dreaming",
                "errorCode": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                "fields": ["Status"],
            },
        ),
        (
            {"LastName": "x", "Company": "Co", "PLG_ICP_Score__c": 10_000},
            {
                "message": "ICP Score: value outside of valid range on numeric field: 10000.0",
                "errorCode": "NUMBER_OUTSIDE_VALID_RANGE",
                "fields": ["PLG_ICP_Score__c"],
            },
        ),
        (
            {"LastName": "x", "Company": "Co", "Nope__c": 1},
            {
                "message": "No such column 'Nope__c' on sobject of type Lead",
                "errorCode": "INVALID_FIELD",
            },
        ),
        (
            {"LastName": "x", "Company": "Co", "SystemModstamp": "2025-01-01T00:00:00Z"},
            {
                "message": "Unable to create/update fields: SystemModstamp. Please check the "
                "security settings of this field and verify that it is read/write for your profile "
                "or permission set.",
                "errorCode": "INVALID_FIELD_FOR_INSERT_UPDATE",
                "fields": ["SystemModstamp"],
            },
        ),
        (
            {"LastName": "x", "Company": "Co", "PLG_User_Id__c": "U-1"},
            {
                "message": "duplicate value found: PLG_User_Id__c duplicates value on record with "
                f"id: {LEAD}",
                "errorCode": "DUPLICATE_VALUE",
            },
        ),
        (
            {"LastName": "x", "Company": "Co", "OwnerId": record_id("005", 404)},
            {
                "message": "invalid cross reference id",
                "errorCode": "INVALID_CROSS_REFERENCE_KEY",
                "fields": ["OwnerId"],
            },
        ),
        (
            {"LastName": "x", "Company": "Co", "OwnerId": ACCOUNT},
            {
                "message": f"Owner ID: id value of incorrect type: {ACCOUNT}",
                "errorCode": "MALFORMED_ID",
                "fields": ["OwnerId"],
            },
        ),
    ],
)
def test_create_refuses(shared_org: Org, values: dict[str, Any], error: dict[str, Any]) -> None:
    before = len(shared_org.store.rows("Lead"))
    with pytest.raises(SalesforceMalformedRequest) as refused:
        shared_org.login().Lead.create(values)
    assert refused.value.content == [error]
    assert len(shared_org.store.rows("Lead")) == before


def test_a_value_of_the_wrong_type_is_a_parser_error(org: Org) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refused:
        org.login().Opportunity.update(OPPORTUNITY, {"CloseDate": "2025-13-01"})
    assert refused.value.content[0]["errorCode"] == "JSON_PARSER_ERROR"


def test_update_moves_the_stamp_and_null_clears(org: Org) -> None:
    sf = org.login()
    assert sf.Lead.update(LEAD, {"FirstName": None, "Title": "CEO"}) == 204
    lead = row(org, "Lead", LEAD)
    assert (lead["FirstName"], lead["Title"], lead["LastName"]) == (None, "CEO", "O'Neil")
    assert lead["SystemModstamp"] == "2025-08-29T10:00:00.000+0000"
    assert lead["CreatedDate"] == "2025-08-01T09:00:00.000+0000"
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Lead.update(LEAD, {"LastName": None})
    assert refused.value.content[0]["message"] == "Required fields are missing: [LastName]"


def test_flags_follow_from_their_picklist(org: Org) -> None:
    sf = org.login()
    sf.Opportunity.update(OPPORTUNITY, {"StageName": "Closed Won"})
    won = row(org, "Opportunity", OPPORTUNITY)
    assert (won["IsClosed"], won["IsWon"]) == (True, True)
    task = sf.Task.create({"WhoId": LEAD, "Subject": "Call", "Status": "Completed"})["id"]
    assert row(org, "Task", task)["IsClosed"] is True


@pytest.mark.parametrize(
    ("wanted", "status", "code", "message"),
    [
        (CONVERTED_LEAD, 400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead"),
        (DELETED_LEAD, 404, "ENTITY_IS_DELETED", "entity is deleted"),
        (record_id("00Q", 404), 404, "NOT_FOUND", "The requested resource does not exist"),
        ("nonsense", 404, "NOT_FOUND", "The requested resource does not exist"),
    ],
)
def test_update_refuses(shared_org: Org, wanted: str, status: int, code: str, message: str) -> None:
    answer = rest(shared_org, "PATCH", f"/sobjects/Lead/{wanted}", json={"Title": "x"})
    assert answer.status_code == status
    assert answer.json() == [{"message": message, "errorCode": code}]


def test_delete_then_the_row_is_only_in_query_all(org: Org) -> None:
    sf = org.login()
    assert sf.Contact.delete(CONTACT) == 204
    with pytest.raises(SalesforceResourceNotFound) as gone:
        sf.Contact.get(CONTACT)
    assert gone.value.content[0]["errorCode"] == "ENTITY_IS_DELETED"
    assert sf.query("SELECT COUNT() FROM Contact")["totalSize"] == 0
    everything = sf.query_all("SELECT Id, IsDeleted, SystemModstamp FROM Contact", True)
    assert everything["records"][0]["IsDeleted"] is True
    assert everything["records"][0]["SystemModstamp"] == "2025-08-29T10:00:00.000+0000"


def test_upsert_by_external_id(org: Org) -> None:
    created = rest(
        org,
        "PATCH",
        "/sobjects/Lead/PLG_User_Id__c/u-50",
        json={"LastName": "Fifty", "Company": "Co"},
    )
    assert created.status_code == 201
    assert created.json()["created"] is True
    again = rest(org, "PATCH", "/sobjects/Lead/PLG_User_Id__c/u-50", json={"Title": "x"})
    assert again.status_code == 200
    assert again.json() == {
        "id": created.json()["id"],
        "success": True,
        "errors": [],
        "created": False,
    }
    lead = org.login().Lead.get_by_custom_id("PLG_User_Id__c", "u-50")
    assert (lead["PLG_User_Id__c"], lead["Title"]) == ("u-50", "x")


def test_upsert_by_simple_salesforce_answers_its_status(org: Org) -> None:
    sf = org.login()
    assert sf.Lead.upsert("PLG_User_Id__c/new", {"LastName": "N", "Company": "C"}) == 201
    assert sf.Lead.upsert("PLG_User_Id__c/new", {"Title": "x"}) == 200
    old = org.login(version="45.0")
    assert old.Lead.upsert("PLG_User_Id__c/new", {"Title": "y"}) == 204


def test_an_ambiguous_external_id_is_300_with_the_urls(org: Org) -> None:
    twins = [record_id("00Q", 91), record_id("00Q", 92)]
    org.store.seed(
        "Lead",
        [{"Id": i, "LastName": "T", "Company": "T", "PLG_User_Id__c": "twin"} for i in twins],
    )
    answer = rest(org, "PATCH", "/sobjects/Lead/PLG_User_Id__c/twin", json={"Title": "x"})
    assert answer.status_code == 300
    assert answer.json() == [f"/services/data/v62.0/sobjects/Lead/{i}" for i in twins]
    with pytest.raises(SalesforceMoreThanOneRecord):
        org.login().Lead.get_by_custom_id("PLG_User_Id__c", "twin")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/sobjects/Lead/PLG_User_Id__c/u-1", {"PLG_User_Id__c": "u-1"}, 400, "INVALID_FIELD"),
        ("/sobjects/Lead/Title/x", {"LastName": "x"}, 404, "NOT_FOUND"),
        ("/sobjects/Lead/PLG_User_Id__c/none?updateOnly=true", {"Title": "x"}, 404, "NOT_FOUND"),
        ("/sobjects/Nothing/Ext__c/x", {"LastName": "x"}, 404, "NOT_FOUND"),
    ],
)
def test_upsert_refuses(
    shared_org: Org, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = rest(shared_org, "PATCH", path, json=body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code)


def test_an_external_id_may_hold_any_character(org: Org) -> None:
    value = "a/b c+ü%'"
    sf = org.login()
    quoted = requests.utils.quote(value, safe="")
    assert sf.Lead.upsert(f"PLG_User_Id__c/{quoted}", {"LastName": "N", "Company": "C"}) == 201
    assert row_by_key(org, value)["LastName"] == "N"


def row_by_key(org: Org, value: str) -> dict[str, Any]:
    return next(r for r in org.store.rows("Lead") if r["PLG_User_Id__c"] == value)


def test_campaign_members(org: Org) -> None:
    sf = org.login()
    made = sf.CampaignMember.create({"CampaignId": CAMPAIGN, "LeadId": LEAD, "Status": "Responded"})
    assert row(org, "CampaignMember", made["id"])["HasResponded"] is True
    for values, code, message in (
        ({"LeadId": LEAD}, "DUPLICATE_VALUE", "Already a campaign member."),
        ({}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LeadId or ContactId]"),
        (
            {"LeadId": LEAD, "ContactId": CONTACT},
            "FIELD_INTEGRITY_EXCEPTION",
            "A campaign member is either a lead or a contact, not both",
        ),
        (
            {"LeadId": CONVERTED_LEAD},
            "CANNOT_UPDATE_CONVERTED_LEAD",
            "cannot reference converted lead",
        ),
    ):
        with pytest.raises(SalesforceMalformedRequest) as refused:
            sf.CampaignMember.create({"CampaignId": CAMPAIGN, **values})
        error = refused.value.content[0]
        assert (error["errorCode"], error["message"]) == (code, message)
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.CampaignMember.update(made["id"], {"ContactId": CONTACT})
    assert refused.value.content[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_task_about_a_lead_has_no_other_relation(org: Org) -> None:
    sf = org.login()
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Task.create({"WhoId": LEAD, "WhatId": ACCOUNT})
    assert refused.value.content[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    assert sf.Task.create({"WhoId": CONTACT, "WhatId": ACCOUNT})["success"]


def test_users_cannot_be_written(org: Org) -> None:
    with pytest.raises(SalesforceRefusedRequest) as refused:
        org.login().User.update(record_id("005", 1), {"Title": "x"})
    assert refused.value.content[0]["errorCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"


def test_methods_and_media_types(shared_org: Org) -> None:
    wrong_method = rest(shared_org, "PUT", f"/sobjects/Lead/{LEAD}", json={})
    assert (wrong_method.status_code, wrong_method.json()[0]["errorCode"]) == (
        405,
        "METHOD_NOT_ALLOWED",
    )
    wrong_type = rest(
        shared_org, "POST", "/sobjects/Lead", data="<Lead/>", headers={"Content-Type": "text/plain"}
    )
    assert (wrong_type.status_code, wrong_type.json()[0]["errorCode"]) == (
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    )
    broken = rest(
        shared_org, "POST", "/sobjects/Lead", data="{", headers={"Content-Type": "application/json"}
    )
    assert (broken.status_code, broken.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert rest(shared_org, "GET", "/nowhere").json()[0]["errorCode"] == "NOT_FOUND"
