"""Leads and their activities: writing, reading, deletes, merges and changes."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.vendors.marketo.store import Store
from tests.sandbox.vendors.marketo.conftest import error, lead


def test_the_library_upserts_reads_and_describes(client, store):
    result = client.execute(
        method="create_update_leads",
        leads=[{"email": "a@b.co", "firstName": "Ann"}, {"email": "c@d.co"}],
        action="createOrUpdate",
        lookupField="email",
    )
    assert [row["status"] for row in result] == ["created", "created"]
    again = client.execute(
        method="create_update_leads", leads=[{"email": "A@B.co", "title": "CTO"}]
    )
    assert again == [{"id": 1, "status": "updated"}]
    found = client.execute(
        method="get_multiple_leads_by_filter_type",
        filterType="email",
        filterValues=["a@b.co", "none@b.co"],
        fields=["email", "title", "phone"],
    )
    assert found == [{"id": 1, "email": "A@B.co", "title": "CTO"}]
    names = {field["rest"]["name"] for field in client.execute(method="describe")}
    assert {"email", "plgCampaign"} <= names


@pytest.mark.parametrize(
    ("action", "row", "code"),
    [
        ("createOnly", {"email": "p1@acme.com"}, "1005"),
        ("updateOnly", {"email": "new@acme.com"}, "1004"),
        ("createOrUpdate", {"email": "twice@acme.com"}, "1007"),
        ("createOrUpdate", {"firstName": "Ann"}, "1003"),
        ("createOrUpdate", {"email": "p1@acme.com", "leadScore": "high"}, "1001"),
        ("createOrUpdate", {"email": "p1@acme.com", "company": "Acme"}, "1011"),
        ("createOrUpdate", {"email": "ümlaut@acme.com"}, "1001"),
    ],
)
def test_a_skipped_row_keeps_its_place(client, store, action, row, code):
    store.seed("leads", [lead(1), lead(2, email="twice@acme.com"), lead(3, email="twice@acme.com")])
    good = {"email": "p1@acme.com"} if action != "createOnly" else {"email": "good@acme.com"}
    result = client.execute(method="create_update_leads", leads=[row, good], action=action)
    assert result[0]["status"] == "skipped"
    assert result[0]["reasons"][0]["code"] == code
    assert result[1]["status"] in {"created", "updated"}


def test_requests_that_fail_whole(call):
    def sync(**body: Any) -> tuple[str, str]:
        return error(call("POST", "/rest/v1/leads.json", json=body))

    assert sync(input=[{"email": "a@b.co", "nonsense": 1}])[0] == "1006"
    assert sync(input=[{"email": f"p{n}@acme.com"} for n in range(301)])[0] == "1003"
    assert sync(input=[{"id": 1}], lookupField="id")[0] == "1003"
    assert sync()[0] == "1002"
    assert error(call("POST", "/rest/v1/leads.json", data="{"))[0] == "609"
    large = call("POST", "/rest/v1/leads.json", data="x" * 1_000_001)
    assert large.status_code == 413
    assert call("GET", "/rest/v1/leads.json?filterValues=" + "x" * 9000).status_code == 414


def test_reading_by_filter_has_limits_and_pages(call, store):
    store.seed("leads", [lead(n, plgWorkspaceId="7") for n in range(1, 500)])
    query = "/rest/v1/leads.json?filterType=plgWorkspaceId&filterValues=7"
    first = call("GET", query).json()
    assert len(first["result"]) == 300
    rest = call("GET", f"{query}&nextPageToken={first['nextPageToken']}").json()
    assert len(rest["result"]) == 199
    assert "nextPageToken" not in rest
    store.seed("leads", [lead(n, plgWorkspaceId="7") for n in range(500, 1002)])
    assert error(call("GET", query)) == ("1003", "Too many results match the filter")
    assert (
        error(call("GET", "/rest/v1/leads.json?filterType=updatedAt&filterValues=1"))[0] == "1003"
    )


def test_deletes_and_merges_leave_activities(client, call, store):
    store.seed("leads", [lead(1), lead(2, title="CTO"), lead(3), lead(4)])
    assert client.execute(method="delete_lead", id=[4, 99])[1]["reasons"][0]["code"] == "1004"
    client.execute(method="merge_lead", id=1, leadIds=[2, 3])
    assert [(row["id"], row.get("title")) for row in store.rows("leads")] == [(1, "CTO")]
    deleted = client.execute(method="get_deleted_leads", sinceDatetime="2025-08-01")
    assert [row["leadId"] for row in deleted] == [4]
    [merge] = client.execute(
        method="get_lead_activities", activityTypeIds=["32"], sinceDatetime="2025-08-01"
    )
    assert merge["attributes"] == [{"name": "Merge IDs", "value": "[2, 3]"}]


def test_changes_of_values_are_told_by_field(client):
    for title in ("CTO", "CEO"):
        leads = [{"email": "a@b.co", "title": title}]
        client.execute(method="create_update_leads", leads=leads)
    changes = client.execute(
        method="get_lead_changes", fields=["title"], sinceDatetime="2025-08-29T00:00:00Z"
    )
    assert [row["activityTypeId"] for row in changes] == [12, 13]
    [field] = changes[1]["fields"]
    assert (field["name"], field["oldValue"], field["newValue"]) == ("title", "CTO", "CEO")
    later = client.execute(
        method="get_lead_changes", fields=["title"], sinceDatetime="2025-08-30T00:00:00Z"
    )
    assert later == []


def test_a_page_may_be_empty_while_there_is_more(call, store):
    rows = [
        {
            "id": n,
            "marketoGUID": str(n),
            "leadId": 1,
            "activityDate": "2025-08-10T00:00:00Z",
            "activityTypeId": 1 if n <= 300 else 2,
            "attributes": [],
        }
        for n in range(1, 401)
    ]
    store.seed("activities", rows)
    start = call("GET", "/rest/v1/activities/pagingtoken.json?sinceDatetime=2025-08-01T00:00:00Z")
    query = "/rest/v1/activities.json?activityTypeIds=2&nextPageToken="
    first = call("GET", query + start.json()["nextPageToken"]).json()
    assert first["moreResult"] is True
    assert "result" not in first
    second = call("GET", query + first["nextPageToken"]).json()
    assert (second["moreResult"], len(second["result"])) == (False, 100)
    assert error(call("GET", query + "nonsense"))[0] == "1003"
    many = "/rest/v1/activities.json?nextPageToken=x&activityTypeIds=" + ",".join("12345678901")
    assert error(call("GET", many))[0] == "1003"


def test_state_survives_a_restart(client, served, store):
    client.execute(method="create_update_leads", leads=[{"email": "a@b.co"}])
    again = Store(served.home, served.clock)
    assert again.rows("leads") == store.rows("leads")
    assert again.rows("activities") == store.rows("activities")


def test_the_library_lists_static_lists(client, store):
    store.seed("lists", [{"id": n, "name": f"L{n}"} for n in range(1, 302)])
    assert len(client.execute(method="get_multiple_lists")) == 301


def test_seeds_remove_and_leave_room_for_seeds_to_come(client, store):
    store.seed("leads", [lead(1), lead(2)])
    store.seed("leads", [lead(2, isDeleted=True)])
    assert [row["id"] for row in store.rows("leads")] == [1]
    [made] = client.execute(method="create_update_leads", leads=[{"email": "new@acme.com"}])
    store.seed("leads", [lead(3)])
    assert made["id"] > 1_000_000
