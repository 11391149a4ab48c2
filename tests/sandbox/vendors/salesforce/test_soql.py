"""Queries by simple-salesforce: what they select, how they page, what wrong ones are told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simple_salesforce import Salesforce, format_soql
from simple_salesforce.exceptions import SalesforceMalformedRequest

from sandbox.vendors.salesforce import soql
from sandbox.vendors.salesforce.errors import ApiError
from tests.sandbox.vendors.salesforce.conftest import (
    ACCOUNT,
    CONTACT,
    CONVERTED_LEAD,
    DELETED_LEAD,
    LEAD,
    Org,
    record_id,
)


def ids_of(answer: Any) -> list[str]:
    return [record["Id"] for record in answer["records"]]


def test_values_have_their_json_types_and_parents_are_nested(org: Org) -> None:
    sf = org.login()
    answer = sf.query(
        "select id, Name, Account.Name, account.owner.Name, Account.NumberOfEmployees "
        f"from Contact where Id = '{CONTACT[:15]}'"
    )
    root = "/services/data/v62.0/sobjects"
    assert answer == {
        "totalSize": 1,
        "done": True,
        "records": [
            {
                "attributes": {"type": "Contact", "url": f"{root}/Contact/{CONTACT}"},
                "Id": CONTACT,
                "Name": "Kay",
                "Account": {
                    "attributes": {"type": "Account", "url": f"{root}/Account/{ACCOUNT}"},
                    "Name": "Acme",
                    "NumberOfEmployees": 120,
                    "Owner": {
                        "attributes": {
                            "type": "User",
                            "url": f"{root}/User/{record_id('005', 1)}",
                        },
                        "Name": "Rep",
                    },
                },
            }
        ],
    }
    lead = sf.query(
        "SELECT Name, PLG_ICP_Score__c, PLG_PQL__c, DoNotCall, SystemModstamp, "
        f"ConvertedAccount.Name FROM Lead WHERE Id = '{LEAD}'"
    )["records"][0]
    del lead["attributes"]
    assert lead == {
        "Name": "Ann O'Neil",
        "PLG_ICP_Score__c": 23.0,
        "PLG_PQL__c": True,
        "DoNotCall": False,
        "SystemModstamp": "2025-08-01T09:00:00.000+0000",
        "ConvertedAccount": None,
    }


@pytest.fixture(scope="module")
def people(shared_org: Org) -> Salesforce:
    """Three leads, and the client that asks for them."""
    seed_people(shared_org)
    return shared_org.login()


def seed_people(org: Org) -> None:
    rows = [
        {"LastName": "Adams", "Title": "CEO", "Email": "a@x.example", "PLG_ICP_Score__c": 1.0},
        {"LastName": "baker", "Title": None, "Email": "b_1@x.example", "PLG_ICP_Score__c": 2.0},
        {"LastName": "Clark", "Title": "cto", "Email": None, "PLG_ICP_Score__c": None},
    ]
    org.store.execute('delete from "Lead"')
    org.store.seed(
        "Lead",
        [
            {
                "Id": record_id("00Q", n),
                "Company": "x",
                "PLG_PQL__c": n == 2,
                "ConvertedDate": f"2025-08-0{n}",
                "SystemModstamp": f"2025-08-0{n}T12:00:00Z",
                **row,
            }
            for n, row in enumerate(rows, start=1)
        ],
    )


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("LastName = 'ADAMS'", [1]),
        ("LastName != 'adams'", [2, 3]),
        ("Title != 'CEO'", [2, 3]),
        ("NOT Title = 'CEO'", [2, 3]),
        ("NOT (Title = 'CEO' OR Title = null)", [3]),
        ("Title = null", [2]),
        ("Title <> NULL", [1, 3]),
        ("Title IN ('CTO', 'x')", [3]),
        ("Title NOT IN ('CTO', 'x')", [1, 2]),
        ("Title IN ('CTO', null)", [2, 3]),
        ("Title NOT IN ('CTO', null)", [1]),
        ("LastName LIKE 'B%'", [2]),
        ("LastName LIKE '_lark'", [3]),
        (r"Email LIKE '%\_%'", [2]),
        ("NOT Email LIKE '%@%'", [3]),
        ("PLG_ICP_Score__c >= 1.5", [2]),
        ("PLG_ICP_Score__c < 2", [1]),
        ("PLG_PQL__c = true", [2]),
        ("PLG_PQL__c != TRUE", [1, 3]),
        ("SystemModstamp >= 2025-08-02T12:00:00Z", [2, 3]),
        ("SystemModstamp > 2025-08-02T14:00:00+02:00", [3]),
        ("SystemModstamp = 2025-08-02T12:00:00.000Z", [2]),
        ("ConvertedDate > 2025-08-01 AND ConvertedDate <= 2025-08-02", [2]),
        ("SystemModstamp = LAST_N_DAYS:27", [2, 3]),
        ("SystemModstamp < TODAY", [1, 2, 3]),
        ("(LastName = 'Adams' OR LastName = 'Clark') AND Title LIKE 'c%'", [1, 3]),
        ("LastName = 'Adams' OR (Title = null AND PLG_PQL__c = true)", [1, 2]),
        (f"Id IN ('{record_id('00Q', 1)[:15]}', '{record_id('00Q', 3)}')", [1, 3]),
        ("OwnerId IN (SELECT Id FROM User WHERE Name = 'nobody')", []),
        ("Id IN (SELECT Id FROM Lead WHERE Title LIKE 'c%') AND LastName != 'Clark'", [1]),
        ("Id NOT IN (SELECT Id FROM Lead WHERE Title = null)", [1, 3]),
        ("Lead.LastName = 'Adams'", [1]),
    ],
)
def test_where(people: Salesforce, where: str, expected: list[int]) -> None:
    answer = people.query(f"SELECT Id FROM Lead WHERE {where} ORDER BY Id")
    assert ids_of(answer) == [record_id("00Q", n) for n in expected]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("ORDER BY LastName DESC", [3, 2, 1]),
        ("ORDER BY Title", [2, 1, 3]),
        ("ORDER BY Title DESC", [2, 3, 1]),
        ("ORDER BY Title ASC NULLS LAST", [1, 3, 2]),
        ("ORDER BY PLG_PQL__c DESC, Id DESC LIMIT 2", [2, 3]),
        ("ORDER BY Id LIMIT 2 OFFSET 1", [2, 3]),
    ],
)
def test_order_and_limit(people: Salesforce, order: str, expected: list[int]) -> None:
    answer = people.query(f"SELECT Id FROM Lead {order}")
    assert ids_of(answer) == [record_id("00Q", n) for n in expected]


def test_values_are_bound_not_pasted(org: Org) -> None:
    sf = org.login()
    found = sf.query(format_soql("SELECT Id FROM Lead WHERE LastName = {}", "O'Neil"))
    assert ids_of(found) == [LEAD]
    hostile = "x') OR 1 = 1 --"
    answer = sf.query(format_soql("SELECT Id FROM Lead WHERE LastName = {}", hostile))
    assert ids_of(answer) == []


def test_aggregates(org: Org) -> None:
    sf = org.login()
    counted = sf.query("SELECT COUNT() FROM Lead WHERE IsConverted = false")
    assert counted == {"totalSize": 1, "done": True, "records": []}
    rows = sf.query(
        "SELECT Company, COUNT(Id), MAX(SystemModstamp) latest FROM Lead GROUP BY Company "
        "ORDER BY Company"
    )["records"]
    assert [(r["Company"], r["expr0"], r["latest"]) for r in rows] == [
        ("Acme", 1, "2025-08-01T09:00:00.000+0000"),
        ('The "Best", Inc.', 1, "2025-08-01T09:00:00.000+0000"),
    ]
    assert rows[0]["attributes"] == {"type": "AggregateResult"}


def test_fields_all_needs_a_limit(org: Org) -> None:
    sf = org.login()
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.query("SELECT FIELDS(ALL) FROM Lead")
    assert refused.value.content[0]["errorCode"] == "MALFORMED_QUERY"
    record = sf.query("SELECT FIELDS(ALL) FROM Lead LIMIT 200")["records"][0]
    assert record["PLG_User_Id__c"] == "u-1"
    assert record["Address"] is None


def test_query_all_shows_what_query_hides(org: Org) -> None:
    sf = org.login()
    soql_text = "SELECT Id, IsDeleted, MasterRecordId FROM Lead ORDER BY Id"
    assert ids_of(sf.query(soql_text)) == [LEAD, CONVERTED_LEAD]
    everything = sf.query_all(soql_text, include_deleted=True)
    assert ids_of(everything) == [LEAD, CONVERTED_LEAD, DELETED_LEAD]
    assert everything["records"][2]["MasterRecordId"] == LEAD


def seed_many(org: Org, count: int) -> list[str]:
    org.store.execute('delete from "Lead"')
    wanted = [record_id("00Q", n) for n in range(1, count + 1)]
    org.store.seed("Lead", ({"Id": i, "LastName": "x", "Company": "x"} for i in wanted))
    return wanted


def test_pages_hold_together_while_rows_change(org: Org) -> None:
    wanted = seed_many(org, 450)
    sf = org.login()
    sf.headers["Sforce-Query-Options"] = "batchSize=200"
    first = sf.query("SELECT Id FROM Lead ORDER BY Id")
    assert (len(first["records"]), first["totalSize"], first["done"]) == (200, 450, False)
    assert first["nextRecordsUrl"].startswith("/services/data/v62.0/query/01g")
    assert first["nextRecordsUrl"].endswith("-200")
    sf.Lead.create({"LastName": "late", "Company": "x"})
    second = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    third = sf.query_more(second["nextRecordsUrl"], identifier_is_url=True)
    assert third["done"]
    assert "nextRecordsUrl" not in third
    assert ids_of(first) + ids_of(second) + ids_of(third) == wanted
    assert ids_of(sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)) == ids_of(second)


def test_query_all_and_its_iterator_follow_all_pages(org: Org) -> None:
    wanted = seed_many(org, 2_100)
    sf = org.login()
    assert ids_of(sf.query_all("SELECT Id FROM Lead ORDER BY Id")) == wanted
    iterated = [r["Id"] for r in sf.query_all_iter("SELECT Id FROM Lead ORDER BY Id")]
    assert iterated == wanted


def test_a_page_is_never_smaller_than_200_unless_the_server_says_so(org: Org) -> None:
    seed_many(org, 250)
    sf = org.login()
    sf.headers["Sforce-Query-Options"] = "batchSize=1"
    assert len(sf.query("SELECT Id FROM Lead")["records"]) == 200
    org.fault("/query", "small_page", rows=7)
    assert len(sf.query("SELECT Id FROM Lead")["records"]) == 7


def test_an_unknown_locator(org: Org) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refused:
        org.login().query_more("01gxx0000000AbCAAU-2000")
    assert refused.value.content == [
        {"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}
    ]


NAMES = "Please reference your WSDL or the describe call for the appropriate names."


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            "SELECT Id FORM Lead",
            "MALFORMED_QUERY",
            "\nSELECT Id FORM Lead\n          ^\nERROR at Row:1:Column:11\n"
            "unexpected token: 'FORM'",
        ),
        (
            "SELECT Id FROM Lead WHERE",
            "MALFORMED_QUERY",
            "\nSELECT Id FROM Lead WHERE\n                         ^\n"
            "ERROR at Row:1:Column:26\nunexpected token: '<EOF>'",
        ),
        (
            "SELECT Id,\n Nope FROM Lead",
            "INVALID_FIELD",
            "\n Nope FROM Lead\n ^\nERROR at Row:2:Column:2\n"
            "No such column 'Nope' on entity 'Lead'. If you are attempting to use a custom field, "
            f"be sure to append the '__c' after the custom field name. {NAMES}",
        ),
        (
            "SELECT Id FROM Accout",
            "INVALID_TYPE",
            "\nSELECT Id FROM Accout\n               ^\nERROR at Row:1:Column:16\n"
            "sObject type 'Accout' is not supported. If you are attempting to use a custom object, "
            f"be sure to append the '__c' after the entity name. {NAMES}",
        ),
        (
            "SELECT Id FROM Lead WHERE SystemModstamp > '2025-01-01'",
            "INVALID_FIELD",
            "\nSELECT Id FROM Lead WHERE SystemModstamp > '2025-01-01'\n"
            "                                           ^\nERROR at Row:1:Column:44\n"
            "value of filter criterion for field 'SystemModstamp' must be of type dateTime and "
            "should not be enclosed in quotes",
        ),
    ],
)
def test_errors_point_into_the_text(people: Salesforce, text: str, code: str, message: str) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refused:
        people.query(text)
    assert refused.value.content == [{"message": message, "errorCode": code}]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT FROM Lead",
        "SELECT Id, FROM Lead",
        "SELECT Id FROM Lead WHERE Title = 'a' AND Email = 'b' OR Email = 'c'",
        "SELECT Id FROM Lead WHERE SystemModstamp > 2025-01-01T00:00:00 00:00",
        "SELECT Id FROM Lead WHERE Title = 'open",
        "SELECT Id FROM Lead LIMIT many",
        "SELECT Id, Id FROM Lead",
        "SELECT Id, COUNT(Id) FROM Lead",
        "DELETE FROM Lead",
        "SELECT Id FROM Lead; DROP TABLE Lead",
    ],
)
def test_malformed(people: Salesforce, text: str) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refused:
        people.query(text)
    assert refused.value.content[0]["errorCode"] == "MALFORMED_QUERY"


@given(st.text(alphabet="SELECTFROMWHEREidLead ,.()'=<>!\\%_0123456789:-\n", max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        soql.parse(text)
    except ApiError as error:
        assert error.code == "MALFORMED_QUERY"


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_a_quoted_string_comes_back_whole(value: str) -> None:
    text = str(format_soql("SELECT Id FROM Lead WHERE Name = {}", value))
    where = soql.parse(text).where
    assert isinstance(where, soql.Comparison)
    assert isinstance(where.value, soql.Literal)
    assert where.value.value == value
