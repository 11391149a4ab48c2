"""Programs, their members and the export of members."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.sandbox.vendors.marketo.conftest import JUNE, error, lead


def member(program: int, number: int, **fields: Any) -> dict[str, Any]:
    known = {"statusName": "Invited", "membershipDate": "2025-08-10T00:00:00Z"}
    return {"programId": program, "leadId": number, "reachedSuccess": False, **known, **fields}


def test_programs_are_browsed_by_offset_and_an_empty_answer_warns(client, call, store):
    path = "/rest/asset/v1/programs.json?maxReturn=200"
    empty = call("GET", path).json()
    assert empty["success"] is True
    assert "result" not in empty
    assert empty["warnings"] == ["No assets found for the given search criteria."]
    at = {"createdAt": "2025-08-01T00:00:00Z+0000", "updatedAt": "2025-08-02T00:00:00Z+0000"}
    store.seed("programs", [{"id": n, "name": f"P{n}", **at} for n in range(1, 251)])
    assert len(call("GET", path).json()["result"]) == 200
    assert len(call("GET", f"{path}&offset=200").json()["result"]) == 50
    found = client.execute(method="browse_programs", maxReturn=200)
    assert [row["id"] for row in found] == list(range(1, 251))
    late = call("GET", f"{path}&earliestUpdatedAt=2025-08-03T00:00:00Z").json()
    assert "result" not in late
    assert error(call("GET", "/rest/asset/v1/programs.json?maxReturn=201"))[0] == "701"


def test_the_library_lists_the_members_of_a_program(client, call, store):
    store.seed("leads", [lead(n) for n in range(1, 402)])
    store.seed("programs", [{"id": 7, "name": "Webinar", "updatedAt": "2025-08-02T00:00:00Z"}])
    store.seed("program_members", [member(7, n) for n in range(1, 402)] + [member(8, 1)])
    found = client.execute(method="get_multiple_leads_by_program_id", programId=7, fields="email")
    assert len(found) == 401
    assert found[400]["email"] == "p401@acme.com"
    assert found[400]["membership"] == {
        "progressionStatus": "Invited",
        "membershipDate": "2025-08-10T00:00:00Z",
        "reachedSuccess": False,
    }
    assert error(call("GET", "/rest/v1/leads/programs/9.json"))[0] == "1013"


def test_members_of_up_to_ten_programs_are_exported_with_their_program(client, store):
    store.seed("leads", [lead(1, firstName="Ann"), lead(2)])
    store.seed("programs", [{"id": n, "updatedAt": "2025-08-02T00:00:00Z"} for n in (7, 8)])
    store.seed("program_members", [member(7, 1), member(8, 1, statusName="Attended")])
    [job] = client.execute(
        method="create_program_members_export_job",
        fields=["leadId", "statusName", "firstName"],
        filters={"programIds": [7, 8]},
    )
    client.execute(method="enqueue_program_members_export_job", job_id=job["exportId"])
    store.export_step_seconds = 0
    for _ in range(2):
        client.execute(method="get_program_members_export_job_status", job_id=job["exportId"])
    content = client.execute(
        method="get_program_members_export_job_file", job_id=job["exportId"]
    ).decode()
    assert list(csv.reader(io.StringIO(content))) == [
        ["programId", "leadId", "statusName", "firstName"],
        ["7", "1", "Invited", "Ann"],
        ["8", "1", "Attended", "Ann"],
    ]


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ({}, "1003"),
        ({"programIds": list(range(11))}, "1003"),
        ({"programId": 7, "programIds": [7]}, "1003"),
        ({"programId": 99}, "1003"),
        ({"programId": 7, "updatedAt": JUNE["createdAt"]}, "1035"),
    ],
)
def test_filters_of_member_exports(client, store, filters, code):
    store.seed("programs", [{"id": 7, "updatedAt": "2025-08-02T00:00:00Z"}])
    with pytest.raises(Exception, match=f"'code': '{code}'"):
        client.execute(
            method="create_program_members_export_job", fields=["leadId"], filters=filters
        )


def test_the_library_adds_leads_to_a_list_and_removes_them(client, call, store):
    store.seed("leads", [lead(n) for n in range(1, 4)])
    store.seed("lists", [{"id": 7, "name": "L"}])
    added = client.execute(method="add_leads_to_list", listId=7, id=[1, 2, 99])
    assert [row["status"] for row in added] == ["added", "added", "skipped"]
    assert added[2]["reasons"][0]["code"] == "1004"
    removed = client.execute(method="remove_leads_from_list", listId=7, id=[2, 3])
    assert [row["status"] for row in removed] == ["removed", "skipped"]
    assert removed[1]["reasons"][0]["code"] == "1015"
    assert [row["leadId"] for row in store.rows("list_members")] == [1]
    many = {"input": [{"id": n} for n in range(1, 302)]}
    assert error(call("POST", "/rest/v1/lists/7/leads.json", json=many))[0] == "1003"
    assert error(call("POST", "/rest/v1/lists/8/leads.json", json={"input": [{"id": 1}]}))[0] == (
        "1013"
    )
