"""Collections through ``restful()``: one result per row, in order."""

from __future__ import annotations

from typing import Any

import pytest
from simple_salesforce.exceptions import SalesforceMalformedRequest

from tests.sandbox.vendors.salesforce.conftest import (
    ACCOUNT,
    CONTACT,
    CONVERTED_LEAD,
    DELETED_LEAD,
    LEAD,
    Org,
    record_id,
)


def lead(**values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Lead"}, **values}


def call(org: Org, method: str, path: str = "", **options: Any) -> Any:
    return org.login().restful(f"composite/sobjects{path}", method=method, **options)


def test_create_mixed_types_in_order(org: Org) -> None:
    results = call(
        org,
        "POST",
        json={
            "allOrNone": False,
            "records": [
                lead(LastName="A", Company="Co"),
                lead(FirstName="no last name", Company="Co"),
                {"attributes": {"type": "Task"}, "WhoId": LEAD, "Subject": "Call"},
            ],
        },
    )
    assert [r["success"] for r in results] == [True, False, True]
    assert results[1] == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [LastName]",
                "fields": ["LastName"],
            }
        ],
    }
    assert (results[0]["id"][:3], results[2]["id"][:3]) == ("00Q", "00T")


def test_update_reports_each_row(org: Org) -> None:
    results = call(
        org,
        "PATCH",
        json={
            "records": [
                lead(id=LEAD, Title="x"),
                lead(id=CONVERTED_LEAD, Title="x"),
                lead(id=DELETED_LEAD, Title="x"),
                lead(id=record_id("00Q", 404), Title="x"),
                lead(id="nonsense", Title="x"),
                lead(Title="x"),
                lead(id=LEAD, Email="nonsense"),
            ]
        },
    )
    codes = [r["errors"][0]["statusCode"] if r["errors"] else None for r in results]
    assert codes == [
        None,
        "CANNOT_UPDATE_CONVERTED_LEAD",
        "ENTITY_IS_DELETED",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
        "MISSING_ARGUMENT",
        "INVALID_EMAIL_ADDRESS",
    ]
    assert results[0] == {"id": LEAD, "success": True, "errors": []}


def test_upsert(org: Org) -> None:
    results = call(
        org,
        "PATCH",
        "/Lead/PLG_User_Id__c",
        json={
            "records": [
                lead(PLG_User_Id__c="u-1", Title="known"),
                lead(PLG_User_Id__c="u-8", LastName="New", Company="Co"),
                lead(PLG_User_Id__c="twice", LastName="1", Company="Co"),
                lead(PLG_User_Id__c="Twice", LastName="2", Company="Co"),
                lead(PLG_User_Id__c="u-9", LastName="No company"),
                lead(PLG_User_Id__c=None, LastName="x", Company="Co"),
            ]
        },
    )
    assert results[0] == {"id": LEAD, "success": True, "errors": [], "created": False}
    assert results[1]["created"] is True
    messages = [r["errors"][0]["message"] for r in results[2:]]
    assert messages == [
        "Duplicate external id specified: twice",
        "Duplicate external id specified: Twice",
        "Required fields are missing: [Company]",
        "PLG_User_Id__c not specified",
    ]


def test_upsert_by_id_creates_where_it_is_null(org: Org) -> None:
    results = call(
        org,
        "PATCH",
        "/Lead/Id",
        json={"records": [lead(Id=None, LastName="N", Company="C"), lead(Id=LEAD, Title="t")]},
    )
    assert [r["created"] for r in results] == [True, False]


def test_an_ambiguous_key_is_a_rows_error(org: Org) -> None:
    twins = [record_id("00Q", 91), record_id("00Q", 92)]
    org.store.seed(
        "Lead",
        [{"Id": i, "LastName": "T", "Company": "T", "PLG_User_Id__c": "twin"} for i in twins],
    )
    body = {"records": [lead(PLG_User_Id__c="twin", Title="x")]}
    result = call(org, "PATCH", "/Lead/PLG_User_Id__c", json=body)[0]
    assert result["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"


def test_two_new_rows_with_one_unique_value(org: Org) -> None:
    records = [lead(LastName="a", Company="c", PLG_User_Id__c="same") for _ in range(2)]
    first, second = call(org, "POST", json={"records": records})
    assert first["success"]
    assert second["errors"][0]["message"] == (
        "duplicate value found: PLG_User_Id__c duplicates value on record with id: " + first["id"]
    )


def test_all_or_none_rolls_back(org: Org) -> None:
    before = org.store.rows("Lead")
    results = call(
        org,
        "POST",
        json={"allOrNone": True, "records": [lead(LastName="A", Company="Co"), lead(Company="x")]},
    )
    assert [r["errors"][0]["statusCode"] for r in results] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
    ]
    assert org.store.rows("Lead") == before


def test_delete_and_retrieve(org: Org) -> None:
    wanted = f"{CONTACT},{DELETED_LEAD},{CONTACT}"
    results = call(org, "DELETE", params={"ids": wanted, "allOrNone": "false"})
    assert [r["success"] for r in results] == [True, False, False]
    found = call(
        org,
        "POST",
        "/Account",
        json={"ids": [ACCOUNT, record_id("001", 404)], "fields": ["Name", "NumberOfEmployees"]},
    )
    assert found[0]["Name"] == "Acme"
    assert found[1] is None
    by_get = call(org, "GET", "/Lead", params={"ids": LEAD, "fields": "Id,Email"})
    assert by_get[0]["Email"] == "ann@acme.example"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"records": []}, "REQUIRED_FIELD_MISSING"),
        ({"records": [lead(LastName="x", Company="c")] * 201}, "EXCEEDED_ID_LIMIT"),
        ({"records": [{"LastName": "x"}]}, "INVALID_INPUT"),
        ({"records": [{"attributes": {"type": "Nope"}}]}, "INVALID_TYPE"),
        ({"records": [lead(Nope="x")]}, "INVALID_FIELD"),
        ({"records": [lead(LastName="x", Company="c", DoNotCall="maybe")]}, "JSON_PARSER_ERROR"),
        (
            {
                "records": [
                    lead(LastName="x", Company="c"),
                    {"attributes": {"type": "Account"}, "Name": "x"},
                ]
                * 6
            },
            "LIMIT_EXCEEDED",
        ),
    ],
)
def test_a_malformed_request_is_refused_as_a_whole(
    shared_org: Org, body: dict[str, Any], code: str
) -> None:
    before = shared_org.store.rows("Lead")
    with pytest.raises(SalesforceMalformedRequest) as refused:
        call(shared_org, "POST", json=body)
    assert refused.value.content[0]["errorCode"] == code
    assert shared_org.store.rows("Lead") == before


def test_the_message_for_no_records(org: Org) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refused:
        call(org, "POST", json={"records": []})
    assert refused.value.content[0]["message"] == "At least 1 record is required"


def test_200_rows_are_fine(org: Org) -> None:
    records = [lead(LastName=f"n{n}", Company="c") for n in range(200)]
    results = call(org, "POST", json={"records": records})
    names = {r["Id"]: r["LastName"] for r in org.store.rows("Lead")}
    assert [names[r["id"]] for r in results] == [f"n{n}" for n in range(200)]
