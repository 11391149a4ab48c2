"""Deletion tasks: what they refuse, and until when they can be cancelled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import requests

from sandbox.credentials import PRODUCT_PROJECT_ID
from sandbox.vendors.mixpanel.store import project_token
from tests.sandbox.conftest import Served

QUERY = {"token": project_token(PRODUCT_PROJECT_ID)}


def test_tasks_refuse_what_is_no_list_of_texts_and_end_when_cancelled_in_time(
    served: Served,
) -> None:
    store = served.stores["mixpanel"]
    right = {"Authorization": f"Bearer {served.credentials['mixpanel']['gdpr_token']}"}

    def call(method: str, task: str = "", **given: Any) -> requests.Response:
        url = f"{served.url}/mixpanel/api/app/data-deletions/v3.0/{task}"
        options = {"params": QUERY, "headers": right, "timeout": 9, **given}
        return requests.request(method, url, **options)

    assert call("POST", json={"distinct_ids": ["7"]}, headers={}).status_code == 401
    made = call("POST", json={"distinct_ids": ["7"], "compliance_type": "GDPR"}).json()
    assert made["status"] == "ok" and made["results"][0]["status"] == "PENDING"
    assert call("POST", json={"distinct_ids": ["7"]}).status_code == 429
    store.deletions_per_second.limit = 100
    for wrong in ([], [7], "7", ["7"] * 2000, None):
        assert call("POST", json={"distinct_ids": wrong}).status_code == 400
    task = made["results"][0]["tracking_id"]
    assert call("GET", "1/").json()["results"]["status"] == "NOT_FOUND"
    other = {"token": project_token(PRODUCT_PROJECT_ID + 1)}
    assert call("GET", task, params=other).json()["results"]["status"] == "NOT_FOUND"
    served.clock.set(served.clock.now() + timedelta(days=1))
    assert call("GET", task).json()["results"]["status"] == "STAGING"
    assert call("DELETE", task).status_code == 204
    assert call("DELETE", task).status_code == 405
    served.clock.set(served.clock.now() + timedelta(days=30))
    assert call("GET", task).json()["results"]["status"] == "REVOKED"
