"""Login, directory, look-ups and estimates by plain calls in the documented shapes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests

from sandbox.vendors.app_intelligence.store import Store
from tests.sandbox.conftest import NOW, Served

DAYS = {"country_iso": "US", "date_from": "2025-08-01", "date_to": "2025-08-31"}


@pytest.fixture
def store(served: Served) -> Store:
    return served.stores["app_intelligence"]


@pytest.fixture
def login(served: Served):
    def ask(**form: str) -> requests.Response:
        known = served.credentials["app_intelligence"]
        url = f"{served.url}/app_intelligence/api/login"
        return requests.post(url, data={**known, **form}, timeout=9)

    return ask


@pytest.fixture
def get(served: Served, login):
    token = login().json()["token"]

    def ask(path: str, header: str = token, **params: Any) -> requests.Response:
        url = f"{served.url}/app_intelligence/api{path}"
        named = {name.replace("_list", "[]"): value for name, value in params.items()}
        return requests.get(url, params=named, headers={"Authorization": header}, timeout=9)

    return ask


def app(id_: str, store: str = "google_play", **fields: Any) -> dict[str, Any]:
    shown = {"id": id_, "name": id_}
    known = {"downloads": 100.0, "growth": 0.0, "released": "2024-01-01", "removed": False}
    return {"id": f"{store}/{id_}", "store": store, "shown": shown, **known, **fields}


def test_the_token_stands_alone_and_lives_two_weeks(get, login, served):
    token = login().json()["token"]
    assert token.count(".") == 2, "a JSON web token"
    assert get("/google_play/app", header=token, id="1").json() == []
    assert get("/google_play/app", header=f"Bearer {token}", id="1").status_code == 401
    served.clock.set(NOW + timedelta(days=15))
    assert get("/google_play/app", header=token, id="1").status_code == 401
    assert login(secret="wrong").status_code == 401


def test_every_publisher_is_in_one_partition(get, store):
    store.page_size = 2
    ids = range(1, 41)
    store.seed(
        "publishers",
        [{"id": f"google_play/{n}", "store": "google_play", "shown": {"id": n}} for n in ids]
        + [{"id": "itunes_connect/9", "store": "itunes_connect", "shown": {"id": 9}}],
    )
    found = []
    for partition in range(1, 101):
        token: str | None = ""
        while token is not None:
            params = {"partition": partition, "total_partitions": 100, "page_token": token}
            page = get("/google_play/publisher/discovery", **params).json()
            assert len(page["result_rows"]) <= 2
            found += [row["id"] for row in page["result_rows"]]
            token = page["next_page_token"]
    assert sorted(found) == list(ids)


@pytest.mark.parametrize(
    "params",
    [
        {"partition": 1, "total_partitions": 99},
        {"partition": 101, "total_partitions": 100},
        {"partition": 0, "total_partitions": 100},
        {"partition": "one", "total_partitions": 100},
        {"total_partitions": 100},
        {"partition": 1, "total_partitions": 100, "page_token": "made-up"},
    ],
)
def test_what_is_no_part_of_the_directory(get, params):
    assert get("/google_play/publisher/discovery", **params).status_code == 400


def test_look_ups_leave_out_what_is_gone(get, store):
    store.seed("apps", [app("a"), app("b", removed=True), app("c", "itunes_connect")])
    found = get("/google_play/app", id_list=["a", "b", "c", "d"]).json()
    assert [each["id"] for each in found] == ["a"]
    assert get("/google_play/app", id_list=[str(n) for n in range(51)]).status_code == 400
    assert get("/google_play/app").status_code == 400
    assert get("/windows_phone/app", id="a").status_code == 404


def test_estimates_end_yesterday_and_recent_ones_are_revised(get, store, served):
    store.seed("apps", [app("a")])
    rows = get("/google_play/estimates", id="a", **DAYS).json()
    assert [row["date"] for row in rows] == [f"2025-08-{day:02}" for day in range(1, 29)]
    served.clock.set(NOW + timedelta(days=10))
    later = {row["date"]: row for row in get("/google_play/estimates", id="a", **DAYS).json()}
    assert len(later) == 31
    changed = [row["date"] for row in rows if later[row["date"]]["downloads"] != row["downloads"]]
    assert changed == ["2025-08-25", "2025-08-26", "2025-08-27", "2025-08-28"]
    other = get("/google_play/estimates", id="a", model_version="v3.0", **DAYS).json()
    assert other[0]["downloads"] > rows[0]["downloads"], "the default model is another one"


@pytest.mark.parametrize(
    "params",
    [
        {"country_iso": "Germany"},
        {"date_from": "2025-01-01"},
        {"date_to": "2025-07-01"},
        {"date_from": "August"},
        {"model_version": "v9"},
    ],
)
def test_estimates_that_cannot_be_asked_for(get, params):
    assert get("/google_play/estimates", id="a", **{**DAYS, **params}).status_code == 400


def test_a_thousand_calls_a_minute(get, store):
    store.calls_per_minute.limit = 3
    store.calls_per_minute.seconds = 3600
    assert [get("/google_play/app", id="1").status_code for _ in range(4)] == [200] * 3 + [429]
