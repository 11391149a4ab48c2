"""Tokens, limits, and refusals on demand."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from tests.sandbox.conftest import NOW
from tests.sandbox.vendors.marketo.conftest import JUNE, error, finish


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
