"""Leads, activities and exports, driven by marketorestpython and plain calls."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from marketorestpython.client import MarketoClient
from marketorestpython.helper.http_lib import HttpLib

from sandbox.vendors.marketo.store import Store
from tests.sandbox.conftest import NOW, Served

JUNE = {"createdAt": {"startAt": "2025-08-01T00:00:00Z", "endAt": "2025-08-31T00:00:00Z"}}


@pytest.fixture
def store(served: Served) -> Store:
    return served.stores["marketo"]


@pytest.fixture
def client(served: Served, monkeypatch: pytest.MonkeyPatch) -> MarketoClient:
    known = served.credentials["marketo"]
    # One attempt only: the library would try an answer it holds for passing for minutes.
    made = MarketoClient(
        known["munchkin_id"], known["client_id"], known["client_secret"], max_retry_time=0
    )
    made.host = f"{served.url}/marketo"
    # The library sleeps between calls; its rate limit is not what is tested here.
    monkeypatch.setattr("marketorestpython.helper.http_lib.time.sleep", lambda seconds: None)
    assert HttpLib.num_calls_per_second == 5
    return made


@pytest.fixture
def call(served: Served) -> Callable[..., requests.Response]:
    known = served.credentials["marketo"]
    query = {"grant_type": "client_credentials", **known}
    url = f"{served.url}/marketo"
    token = requests.get(f"{url}/identity/oauth/token", params=query, timeout=9).json()

    def ask(method: str, path: str, **kwargs: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token['access_token']}", **kwargs.pop("headers", {})}
        return requests.request(method, url + path, headers=headers, timeout=9, **kwargs)

    return ask


def lead(number: int, **fields: Any) -> dict[str, Any]:
    at = {"createdAt": "2025-08-10T00:00:00Z", "updatedAt": "2025-08-10T00:00:00Z"}
    return {"id": number, "email": f"p{number}@acme.com", **at, **fields}


def error(response: requests.Response) -> tuple[str, str]:
    assert response.status_code == 200
    assert response.json()["success"] is False
    [found] = response.json()["errors"]
    return found["code"], found["message"]


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


def finish(client: MarketoClient, job: str, store: Store) -> dict[str, Any]:
    store.export_step_seconds = 0
    for _ in range(2):
        [status] = client.execute(method="get_leads_export_job_status", job_id=job)
    return status


def test_a_leads_export_from_creation_to_file(client, call, store):
    store.seed("leads", [lead(1, firstName="Ann, B"), lead(2, createdAt="2025-01-01T00:00:00Z")])
    [job] = client.execute(
        method="create_leads_export_job", fields=["id", "firstName", "title"], filters=JUNE
    )
    assert job["status"] == "Created"
    path = f"/bulk/v1/leads/export/{job['exportId']}/file.json"
    assert call("GET", path).status_code == 404
    client.execute(method="enqueue_leads_export_job", job_id=job["exportId"])
    with pytest.raises(Exception, match="Job already queued"):
        client.execute(method="enqueue_leads_export_job", job_id=job["exportId"])
    status = finish(client, job["exportId"], store)
    assert (status["status"], status["numberOfRecords"]) == ("Completed", 1)
    content = client.execute(method="get_leads_export_job_file", job_id=job["exportId"])
    rows = list(csv.reader(io.StringIO(content.decode())))
    assert rows == [["id", "firstName", "title"], ["1", "Ann, B", "null"]]
    assert status["fileSize"] == len(content)
    part = call("GET", path, headers={"Range": "bytes=3-11"})
    assert (part.status_code, part.content) == (206, content[3:12])
    assert part.headers["Content-Range"] == f"bytes 3-11/{len(content)}"


def test_a_job_moves_at_most_once_a_minute(client, served, store):
    store.export_step_seconds = 60
    [job] = client.execute(method="create_leads_export_job", fields=["id"], filters=JUNE)
    client.execute(method="enqueue_leads_export_job", job_id=job["exportId"])
    seen = []
    for minute in range(4):
        served.clock.set(NOW + timedelta(seconds=61 * minute))
        for _ in range(2):
            [now] = client.execute(method="get_leads_export_job_status", job_id=job["exportId"])
        seen.append(now["status"])
    assert seen == ["Queued", "Processing", "Completed", "Completed"]


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ({"updatedAt": JUNE["createdAt"]}, "1035"),
        ({**JUNE, "updatedAt": JUNE["createdAt"]}, "1003"),
        ({"createdAt": {**JUNE["createdAt"], "endAt": "2025-09-02T00:00:00Z"}}, "1003"),
        ({"createdAt": {**JUNE["createdAt"], "startAt": "2025-08-01T00:00:00.000Z"}}, "1003"),
    ],
)
def test_filters_of_exports(client, filters, code):
    with pytest.raises(Exception, match=f"'code': '{code}'"):
        client.execute(method="create_leads_export_job", fields=["id"], filters=filters)


def test_ten_jobs_fit_into_the_queue(call, store, served):
    store.export_step_seconds = 30
    body = {"fields": ["id"], "filter": JUNE}

    def queue() -> requests.Response:
        made = call("POST", "/bulk/v1/leads/export/create.json", json=body).json()["result"][0]
        return call("POST", f"/bulk/v1/leads/export/{made['exportId']}/enqueue.json")

    assert all(queue().json()["success"] for _ in range(10))
    assert error(queue()) == ("1029", "Too many jobs in queue")
    served.clock.set(NOW + timedelta(seconds=31))
    listed = call("GET", "/bulk/v1/leads/export.json").json()["result"]
    assert [job["status"] for job in listed].count("Processing") == 2
    store.daily_export_bytes = 0
    for job in listed:
        call("POST", f"/bulk/v1/leads/export/{job['exportId']}/cancel.json")
    assert error(queue()) == ("1029", "Export daily quota 500MB exceeded")


def test_activities_are_exported_with_their_attributes_as_json(client, store):
    client.execute(method="create_update_leads", leads=[{"email": "a@b.co"}])
    filters = {**JUNE, "activityTypeIds": [12]}
    [job] = client.execute(method="create_activities_export_job", filters=filters)
    client.execute(method="enqueue_activities_export_job", job_id=job["exportId"])
    finish_at = store.exports.get(job["exportId"])
    assert finish_at["status"] == "Queued"
    store.export_step_seconds = 0
    for _ in range(2):
        client.execute(method="get_activities_export_job_status", job_id=job["exportId"])
    content = client.execute(method="get_activities_export_job_file", job_id=job["exportId"])
    [row] = csv.DictReader(io.StringIO(content.decode()))
    assert (row["activityTypeId"], row["campaignId"], row["attributes"]) == ("12", "null", "{}")


def test_the_token_is_the_same_until_it_ends(served):
    known = served.credentials["marketo"]
    query = {"grant_type": "client_credentials", **known}

    def token(**other: str) -> requests.Response:
        url = f"{served.url}/marketo/identity/oauth/token"
        return requests.get(url, params={**query, **other}, timeout=9)

    first = token().json()
    served.clock.set(NOW + timedelta(minutes=10))
    again = token().json()
    assert again["access_token"] == first["access_token"]
    assert again["expires_in"] <= first["expires_in"] - 600
    served.clock.set(NOW + timedelta(hours=1))
    assert token().json()["access_token"] != first["access_token"]
    wrong = token(client_secret="wrong")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


def test_invalid_and_expired_tokens(call, served):
    path = "/rest/v1/leads/describe.json"
    assert error(call("GET", path, headers={"Authorization": "Bearer x"}))[0] == "601"
    assert call("GET", path).json()["success"]
    served.clock.set(NOW + timedelta(hours=2))
    assert error(call("GET", path)) == ("602", "Access token expired")


def test_limits_are_told_in_a_200(call, store, served):
    path = "/rest/v1/leads/describe.json"
    store.calls_per_20_seconds.seconds, store.calls_per_20_seconds.limit = 3600, 2
    call("GET", path)
    assert call("GET", "/rest/v1/stats/usage.json").json()["result"][0]["total"] == 2
    assert error(call("GET", path)) == ("606", "Max rate limit '2' exceeded with in '20' secs")
    store.calls_per_20_seconds.limit, store.daily_calls = 100, 2
    assert error(call("GET", path))[0] == "607"
    store.daily_calls, store.concurrent_calls = 100, 0
    assert error(call("GET", path)) == ("615", "Concurrent access limit '0' reached")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("invalid_token", "601"),
        ("expired_token", "602"),
        ("rate_limit", "606"),
        ("quota", "607"),
        ("concurrency", "615"),
    ],
)
def test_misbehaviour_on_demand(call, served, kind, code):
    served.fault("marketo", "describe", kind)
    path = "/rest/v1/leads/describe.json"
    assert error(call("GET", path))[0] == code
    assert call("GET", path).json()["success"]


def test_rows_jobs_and_files_refused_on_demand(client, call, served, store):
    leads = [{"email": "a@b.co"}, {"email": "c@d.co"}]
    served.fault("marketo", "leads", "partial_failure", keys=["c@d.co"], code=1008)
    result = client.execute(method="create_update_leads", leads=leads)
    assert [row["status"] for row in result] == ["created", "skipped"]
    [job] = client.execute(method="create_leads_export_job", fields=["id"], filters=JUNE)
    path = f"/bulk/v1/leads/export/{job['exportId']}"
    served.fault("marketo", "enqueue", "queue_full")
    assert error(call("POST", f"{path}/enqueue.json"))[1] == "Too many jobs in queue"
    served.fault("marketo", "enqueue", "export_quota")
    assert error(call("POST", f"{path}/enqueue.json"))[1] == "Export daily quota 500MB exceeded"
    assert call("POST", f"{path}/enqueue.json").json()["success"]
    assert finish(client, job["exportId"], store)["status"] == "Completed"
    served.fault("marketo", "file", "file_missing")
    assert [call("GET", f"{path}/file.json").status_code for _ in range(2)] == [404, 200]


def test_state_survives_a_restart(client, served, store):
    client.execute(method="create_update_leads", leads=[{"email": "a@b.co"}])
    again = Store(served.home, served.clock)
    assert again.rows("leads") == store.rows("leads")
    assert again.rows("activities") == store.rows("activities")


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
