"""The raw export: whole days, streamed, duplicates kept, limits and misbehaviour."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from mixpanel_utils import MixpanelUtils

from sandbox.credentials import ACCOUNTS_PROJECT_ID, PRODUCT_PROJECT_ID
from tests.sandbox.conftest import Served


def event(number: int, day: int = 28, name: str = "Logged In") -> dict[str, Any]:
    at = datetime(2025, 8, day, 12, 0, number % 60, tzinfo=UTC)
    return {
        "event": name,
        "properties": {
            "time": int(at.timestamp()),
            "distinct_id": str(number),
            "$insert_id": f"k-{number}",
        },
    }


@pytest.fixture
def auth(served: Served) -> tuple[str, str]:
    known = served.credentials["mixpanel"]
    return known["username"], known["secret"]


def export(served: Served, auth: tuple[str, str], **query: Any) -> requests.Response:
    asked = {
        "project_id": PRODUCT_PROJECT_ID,
        "from_date": "2025-08-28",
        "to_date": "2025-08-29",
        **query,
    }
    return requests.get(f"{served.url}/mixpanel/api/2.0/export", params=asked, auth=auth, timeout=9)


def lines(response: requests.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def test_the_official_tool_exports_what_was_seeded_copies_included(served, auth):
    store = served.stores["mixpanel"]
    store.seed("events", [event(1), event(1), event(2, 29)])
    store.seed("events", [event(3, 28)])  # a late event: a second gzip member of that day
    store.seed("events", [{**event(4), "project_id": ACCOUNTS_PROJECT_ID}])
    tool = MixpanelUtils(
        auth[1], token="t", project_id=PRODUCT_PROJECT_ID, service_account_username=auth[0]
    )
    tool.raw_api = f"{served.url}/mixpanel/api"
    got = tool.query_export({"from_date": "2025-08-28", "to_date": "2025-08-29"})
    ids = sorted(row["properties"]["distinct_id"] for row in got)
    assert ids == ["1", "1", "2", "3"]
    assert store.unique_events(PRODUCT_PROJECT_ID) == 3


def test_gzip_only_when_asked_and_the_files_bytes_as_they_are(served, auth):
    served.stores["mixpanel"].seed("events", [event(1), event(2)])
    url = f"{served.url}/mixpanel/api/2.0/export?project_id={PRODUCT_PROJECT_ID}"
    url += "&from_date=2025-08-28&to_date=2025-08-28"
    plain = requests.get(url, auth=auth, headers={"Accept-Encoding": "identity"}, timeout=9)
    assert "content-encoding" not in plain.headers
    packed = requests.get(
        url, auth=auth, headers={"Accept-Encoding": "gzip"}, timeout=9, stream=True
    )
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.raw.read()) == plain.content


def test_filters_by_event_and_limit_and_time_in_ms(served, auth):
    served.stores["mixpanel"].seed("events", [event(1), event(2, name="Signed Up"), event(3)])
    assert len(lines(export(served, auth, event='["Signed Up"]'))) == 1
    served.clock.set(served.clock.now().replace(second=5))
    assert len(lines(export(served, auth, limit=2))) == 2
    row = lines(export(served, auth, event='["Signed Up"]', time_in_ms="true"))[0]
    assert row["properties"]["time"] == event(2)["properties"]["time"] * 1000


def test_a_malformed_line_in_a_file_is_exported_as_it_is(served, auth):
    store = served.stores["mixpanel"]
    store.seed("events", [event(1)])
    day = datetime(2025, 8, 28, tzinfo=UTC).date()
    with store.day_file(PRODUCT_PROJECT_ID, day).open("ab") as file:
        file.write(gzip.compress(b'{"event":"cut\n'))
    assert export(served, auth).text.splitlines()[1] == '{"event":"cut'


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"to_date": "2025-08-30"}, "to_date cannot be later than today"),
        ({"from_date": "2025-08-30"}, "from_date cannot be later than to_date"),
        ({"from_date": "28.8.2025"}, "from_date: '28.8.2025' is not a date of the form YYYY-MM-DD"),
        ({"event": "Signed Up"}, "event: must be a JSON list of event names"),
        ({"limit": "0"}, "limit: must be from 1 to 100000"),
    ],
)
def test_what_cannot_be_asked(served, auth, query, error):
    answer = export(served, auth, **query)
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert answer.json()["request"].startswith("/api/2.0/export?")


def test_the_credential_must_be_right_and_the_project_known(served, auth):
    assert export(served, (auth[0], "wrong")).status_code == 401
    assert export(served, auth, project_id=1).status_code == 401


def test_three_calls_a_second_and_sixty_an_hour(served, auth):
    store = served.stores["mixpanel"]
    store.exports_per_second.seconds = 3600
    assert [export(served, auth).status_code for _ in range(4)] == [200, 200, 200, 429]
    store.exports_per_second.limit = 1000
    store.exports_per_hour.limit = 4
    assert export(served, auth).status_code == 200
    assert export(served, auth).json()["error"] == "Query rate limit exceeded"
    served.clock.set(served.clock.now().replace(hour=12))
    assert export(served, auth).status_code == 200


def test_terminated_early_is_a_200_whose_last_line_says_so(served, auth):
    served.stores["mixpanel"].seed("events", [event(number) for number in range(20)])
    served.fault("mixpanel", "export", "terminated_early", lines=5)
    answer = export(served, auth)
    assert answer.status_code == 200
    text = answer.text.splitlines()
    assert (len(text), text[-1]) == (6, "terminated early")
    assert len(lines(export(served, auth))) == 20


def test_a_truncated_stream_breaks_off(served, auth):
    served.stores["mixpanel"].seed("events", [event(number) for number in range(2000)])
    served.fault("mixpanel", "export", "truncate", bytes=500)
    with pytest.raises(requests.exceptions.RequestException):
        export(served, auth)


def test_rate_limit_and_plan_on_demand(served, auth):
    served.fault("mixpanel", "export", "rate_limit")
    assert export(served, auth).status_code == 429
    served.fault("mixpanel", "export", "plan_without_api")
    assert export(served, auth).status_code == 402
    assert export(served, auth).status_code == 200
