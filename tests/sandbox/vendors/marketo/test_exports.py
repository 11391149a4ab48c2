"""Bulk exports of leads and activities: filters, the queue, and files."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
import requests

from tests.sandbox.conftest import NOW
from tests.sandbox.vendors.marketo.conftest import JUNE, error, finish, lead


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
