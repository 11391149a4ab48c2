"""The histories that the org writes by itself, seen by simple-salesforce."""

from __future__ import annotations

from datetime import timedelta

import pytest
from simple_salesforce.exceptions import SalesforceMalformedRequest

from tests.sandbox.conftest import NOW


def rows(sf, soql):
    found = sf.query_all(soql, include_deleted=True)["records"]
    return [{k: v for k, v in row.items() if k != "attributes"} for row in found]


def test_a_deal_leaves_a_row_per_change_of_stage_and_of_a_tracked_field(org):
    sf = org.login()
    deal = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2025-10-01", "Amount": 10}
    key = sf.Opportunity.create(deal)["id"]
    org.served.clock.set(NOW + timedelta(minutes=5))
    sf.Opportunity.update(key, {"StageName": "Closed Won", "Amount": 20})
    sf.Opportunity.update(key, {"Name": "Renamed"})
    stages = rows(
        sf,
        "SELECT StageName, Amount, ForecastCategory FROM OpportunityHistory ORDER BY CreatedDate",
    )
    assert stages == [
        {"StageName": "Prospecting", "Amount": 10.0, "ForecastCategory": "Pipeline"},
        {"StageName": "Closed Won", "Amount": 20.0, "ForecastCategory": "Closed"},
    ]
    fields = rows(
        sf, f"SELECT Field, OldValue, NewValue FROM OpportunityFieldHistory "
        f"WHERE OpportunityId = '{key}' ORDER BY CreatedDate, Field"
    )  # fmt: skip
    assert fields == [
        {"Field": "created", "OldValue": None, "NewValue": None},
        {"Field": "Amount", "OldValue": "10.0", "NewValue": "20.0"},
        {"Field": "StageName", "OldValue": "Prospecting", "NewValue": "Closed Won"},
    ]
    sf.Opportunity.delete(key)
    assert {row["IsDeleted"] for row in rows(sf, "SELECT IsDeleted FROM OpportunityHistory")} == {
        True
    }


def test_histories_cannot_be_written_and_have_fewer_stamps(org):
    sf = org.login()
    with pytest.raises(SalesforceMalformedRequest):
        sf.OpportunityHistory.create({"StageName": "Prospecting"})
    names = {field["name"] for field in sf.OpportunityFieldHistory.describe()["fields"]}
    assert {"CreatedDate", "CreatedById", "Field", "IsDeleted"} <= names
    assert not names & {"SystemModstamp", "LastModifiedDate"}
