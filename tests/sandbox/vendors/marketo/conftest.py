"""Marketo's client and plain calls against the served sandbox, and the rows to seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from marketorestpython.client import MarketoClient
from marketorestpython.helper.http_lib import HttpLib

from sandbox.vendors.marketo.store import Store
from tests.sandbox.conftest import Served

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


def finish(client: MarketoClient, job: str, store: Store) -> dict[str, Any]:
    store.export_step_seconds = 0
    for _ in range(2):
        [status] = client.execute(method="get_leads_export_job_status", job_id=job)
    return status
