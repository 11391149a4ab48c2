"""What the org says of itself: versions, objects, fields, limits, counts, change feeds."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
from simple_salesforce.exceptions import (
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceRefusedRequest,
)

from connectors.contract import columns
from connectors.salesforce import contracts
from sandbox.vendors.salesforce import schema
from tests.sandbox.conftest import NOW
from tests.sandbox.vendors.salesforce.conftest import ACCOUNT, DELETED_LEAD, LEAD, Org


def test_versions_need_no_session(shared_org: Org) -> None:
    known = requests.get(f"{shared_org.base_url}/services/data/", timeout=5).json()
    assert known[-1]["url"] == "/services/data/v68.0"
    assert {"label": "Spring '24", "url": "/services/data/v60.0", "version": "60.0"} in known
    assert {"label": "Winter '25", "url": "/services/data/v62.0", "version": "62.0"} in known


@pytest.mark.parametrize(
    ("version", "status", "code"), [("30.0", 410, "GONE"), ("99.0", 404, "NOT_FOUND")]
)
def test_a_version_that_is_not_there(shared_org: Org, version: str, status: int, code: str) -> None:
    answer = requests.get(f"{shared_org.base_url}/services/data/v{version}/limits", timeout=5)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code)


@pytest.mark.parametrize(
    "contract",
    [
        contracts.Account,
        contracts.Lead,
        contracts.Contact,
        contracts.Opportunity,
        contracts.Task,
        contracts.Campaign,
        contracts.CampaignMember,
        contracts.User,
    ],
)
def test_every_field_of_the_contracts_exists(contract: type[contracts.Contract]) -> None:
    sobject = schema.find(contract.__name__)
    assert sobject is not None
    missing = [c.path[0] for c in columns(contract) if sobject.field(c.path[0]) is None]
    assert missing == []


def test_describe(shared_org: Org) -> None:
    sf = shared_org.login()
    everything = sf.describe()
    assert (everything["encoding"], everything["maxBatchSize"]) == ("UTF-8", 200)
    assert {s["name"]: s["keyPrefix"] for s in everything["sobjects"]}["Lead"] == "00Q"
    fields = {field["name"]: field for field in sf.Lead.describe()["fields"]}
    required = [
        name
        for name, f in fields.items()
        if f["createable"] and not f["nillable"] and not f["defaultedOnCreate"]
    ]
    assert required == ["LastName", "Company"]
    key = fields["PLG_User_Id__c"]
    assert (key["externalId"], key["unique"], key["idLookup"], key["caseSensitive"]) == (
        True,
        True,
        True,
        False,
    )
    assert fields["IsConverted"]["createable"]
    assert not fields["IsConverted"]["updateable"]
    assert fields["Address"]["type"] == "address"
    assert (fields["PLG_ICP_Score__c"]["precision"], fields["PLG_ICP_Score__c"]["scale"]) == (5, 1)
    assert fields["Status"]["restrictedPicklist"]
    assert len(fields["LastName"]) >= 54
    assert sf.Lead.metadata()["objectDescribe"]["label"] == "Lead"


def test_limits_and_usage_on_every_answer(org: Org) -> None:
    sf = org.login()
    before = sf.limits()["DailyApiRequests"]
    sf.query("SELECT COUNT() FROM Lead")
    after = sf.limits()["DailyApiRequests"]
    assert before["Max"] == after["Max"] == 115_000
    assert before["Remaining"] - after["Remaining"] == 2
    usage = sf.api_usage["api-usage"]
    assert (usage.used, usage.total) == (115_000 - after["Remaining"], 115_000)


def test_the_daily_allowance_runs_out_and_comes_back(org: Org) -> None:
    sf = org.login()
    sf.query("SELECT COUNT() FROM Lead")
    org.store.set_limit("DailyApiRequests", 1)
    with pytest.raises(SalesforceRefusedRequest) as refused:
        sf.query("SELECT COUNT() FROM Lead")
    assert refused.value.status == 403
    assert refused.value.content == [
        {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
    ]
    org.served.clock.set(NOW + timedelta(hours=25))
    assert sf.query("SELECT COUNT() FROM Lead")["totalSize"] == 2


def test_record_counts(shared_org: Org) -> None:
    answer = shared_org.login().restful("limits/recordCount", params={"sObjects": "Lead,Account"})
    assert answer == {"sObjects": [{"count": 2, "name": "Lead"}, {"count": 1, "name": "Account"}]}


def test_updated_and_deleted(org: Org) -> None:
    sf = org.login()
    org.served.clock.set(NOW + timedelta(minutes=5))
    sf.Lead.update(LEAD, {"Title": "x"})
    org.served.clock.set(NOW + timedelta(minutes=10, seconds=30))
    changed = sf.Lead.updated(NOW, NOW + timedelta(hours=1))
    assert changed == {"ids": [LEAD], "latestDateCovered": "2025-08-29T10:10:00.000+0000"}
    sf.Account.delete(ACCOUNT)
    deleted = sf.Account.deleted(NOW, NOW + timedelta(minutes=11))
    assert deleted["deletedRecords"] == [
        {"id": ACCOUNT, "deletedDate": "2025-08-29T10:10:30.000+0000"}
    ]
    assert deleted["earliestDateAvailable"] == "2025-08-14T10:10:30.000+0000"
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Lead.updated(NOW - timedelta(days=31), NOW)
    assert refused.value.content[0]["errorCode"] == "INVALID_REPLICATION_DATE"
    assert DELETED_LEAD not in changed["ids"]


def test_a_uri_over_16_kilobytes(shared_org: Org) -> None:
    sf = shared_org.login()
    where = " OR ".join(f"LastName = 'someone quite long {n}'" for n in range(500))
    with pytest.raises(SalesforceGeneralError) as refused:
        sf.query(f"SELECT Id FROM Lead WHERE {where}")
    assert refused.value.status == 414
