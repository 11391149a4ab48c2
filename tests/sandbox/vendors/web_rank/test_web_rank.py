"""Lists and visits by plain calls in the documented shapes."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
import requests
from tranco import Tranco

from headwater.http import BaseUrlAdapter
from sandbox.vendors.web_rank.store import Store
from tests.sandbox.conftest import NOW, Served

VISITS = "/v1/website/{}/total-traffic-and-engagement/visits"
ASKED = {
    "start_date": "2025-06",
    "end_date": "2025-07",
    "country": "world",
    "granularity": "monthly",
    "main_domain_only": "false",
}


def site(domain: str, **fields: Any) -> dict[str, Any]:
    known = {"score": 9.0, "visits": 1000, "growth": 0.0, "has_estimate": True}
    return {"id": domain, "domain": domain, "since": "2024-01-01", **known, **fields}


@pytest.fixture
def store(served: Served) -> Store:
    found: Store = served.stores["web_rank"]
    found.list_size = 20
    return found


@pytest.fixture
def get(served: Served):
    def ask(path: str, **params: Any) -> requests.Response:
        key = {"api_key": served.credentials["web_rank"]["similarweb_api_key"]}
        url = f"{served.url}/web_rank{path}"
        return requests.get(url, params={**key, **params}, timeout=9)

    return ask


def test_a_list_is_described_and_downloaded_in_both_forms(get, store):
    store.seed("sites", [site("acme.com"), site("later.com", since="2025-09-09")])
    described = get("/api/lists/date/latest").json()
    assert described == get("/api/lists/date/20250829").json()
    assert (described["available"], described["failed"]) == (True, False)
    list_id = described["list_id"]
    assert get("/daily_list_id", date="2025-08-29").text == list_id
    with zipfile.ZipFile(io.BytesIO(get(f"/download_daily/{list_id}").content)) as file:
        assert file.namelist() == ["top-1m.csv"]
        lines = file.read("top-1m.csv").decode().splitlines()
    assert len(lines) == 20
    assert lines[0] == "1,acme.com"
    assert [line.split(",")[0] for line in lines] == [str(n) for n in range(1, 21)]
    assert described["download"].endswith(f"/download/{list_id}/1000000")
    assert requests.get(described["download"], timeout=9).text.splitlines() == lines
    assert get(f"/download/{list_id}/3").text.splitlines() == lines[:3]


def test_lists_differ_from_day_to_day_and_stay_what_they_were(get, store, served):
    store.seed("sites", [site(f"a{n}.com", score=5 + n / 1000) for n in range(20)])
    today = get("/api/lists/date/2025-08-29").json()["list_id"]
    yesterday = get("/api/lists/date/2025-08-28").json()["list_id"]
    assert today != yesterday
    first = get(f"/download/{today}/full").text
    assert first != get(f"/download/{yesterday}/full").text
    served.clock.set(NOW + timedelta(days=3))
    assert get(f"/download/{today}/full").text == first


def test_the_vendors_own_client_reads_a_list(store, served, tmp_path):
    store.seed("sites", [site("acme.com")])
    client = Tranco(cache_dir=str(tmp_path / "lists"))
    client.session.mount("https://", BaseUrlAdapter(f"{served.url}/web_rank"))
    found = client.list(date="2025-08-29")
    assert found.rank("acme.com") == 1
    assert found.rank("nobody.com") == -1
    assert len(found.list) == 20
    served.fault("web_rank", "download_daily", "no_zip")
    assert client.list(date="2025-08-28").rank("acme.com") == 1
    with pytest.raises(AttributeError, match="unavailable"):
        client.list(date="2030-01-01")


@pytest.mark.parametrize("path", ["date/2025-08-30", "date/nonsense", "date/2030-01-01"])
def test_lists_that_are_not_out(get, store, path):
    assert get(f"/api/lists/{path}").status_code == 404
    assert get("/download_daily/NONE5").status_code == 404


def test_a_domains_ranks(get, store):
    store.seed("sites", [site("acme.com")])
    found = get("/api/ranks/domain/acme.com").json()
    assert found["domain"] == "acme.com"
    assert found["ranks"][0] == {"date": "2025-08-29", "rank": 1}
    assert get("/api/ranks/domain/nobody.com").json()["ranks"] == []


def test_visits_cost_a_credit_a_month(get, store):
    store.seed("sites", [site("acme.com"), site("small.com", has_estimate=False)])
    able = get("/capabilities").json()
    assert able["remaining_hits"] == store.credits_a_month
    assert able["web_desktop_data"]["snapshot_interval"]["end_date"] == "2025-07"
    answer = get(VISITS.format("acme.com"), **ASKED).json()
    assert answer["meta"]["status"] == "Success"
    assert answer["meta"]["last_updated"] == "2025-07-31"
    assert "api_key" not in answer["meta"]["request"]
    assert [row["date"] for row in answer["visits"]] == ["2025-06-01", "2025-07-01"]
    for domain in ("small.com", "nobody.com"):
        refused = get(VISITS.format(domain), **ASKED)
        assert (refused.status_code, refused.json()["meta"]["error_code"]) == (404, 401)
    assert get("/capabilities").json()["remaining_hits"] == store.credits_a_month - 2


@pytest.mark.parametrize(
    "params",
    [
        {"start_date": "2025-07-01"},
        {"end_date": "2025-08"},
        {"start_date": "2022-12"},
        {"country": "Germany"},
        {"granularity": "hourly"},
        {"main_domain_only": None},
    ],
)
def test_what_cannot_be_asked(get, store, params):
    store.seed("sites", [site("acme.com")])
    assert get(VISITS.format("acme.com"), **{**ASKED, **params}).status_code == 400
    assert get(VISITS.format("www.acme.com"), **ASKED).status_code == 400


def test_keys_limits_and_credits(get, store, served):
    store.seed("sites", [site("acme.com")])
    assert get("/capabilities", api_key="wrong").status_code == 401
    store.credits_a_month = 1
    assert get(VISITS.format("acme.com"), **ASKED).status_code == 403
    served.clock.set(NOW + timedelta(hours=1))
    store.calls_per_second.seconds = 3600
    statuses = [get("/capabilities").status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
