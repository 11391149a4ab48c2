"""The email events API: filters, pages by offset, and events that are listed late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.sandbox.conftest import NOW, Served
from tests.sandbox.vendors.hubspot.test_limits_and_lists import get

PATH = "/email/public/v1/events"


def event(number: int, created: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"e{number}", "created": created, "type": "SENT", "recipient": "a@x.io", **fields}


def ids(served: Served, **params: Any) -> list[str]:
    answer = get(served, PATH, params={"limit": 100, **params})
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["events"]]


def test_pages_by_offset_the_newest_first(served, store):
    store.seed("email_events", [event(number, 1000 + number // 2) for number in range(7)])
    seen, offset, has_more = [], None, True
    while has_more:
        page = get(served, PATH, params={"limit": 3, "offset": offset}).json()
        seen += [each["id"] for each in page["events"]]
        offset, has_more = page["offset"], page["hasMore"]
    assert seen == ["e6", "e5", "e4", "e3", "e2", "e1", "e0"]


def test_filters_and_windows_with_both_ends_in(served, store):
    store.seed("email_events", [event(1, 10), event(2, 20, type="OPEN"), event(3, 30)])
    assert ids(served, startTimestamp=20, endTimestamp=30) == ["e3", "e2"]
    assert ids(served, eventType="OPEN") == ["e2"]
    assert ids(served, recipient="b@x.io") == []


def test_an_offset_is_bound_to_its_query_and_forgotten_soon(served, store):
    store.seed("email_events", [event(1, 10), event(2, 20)])
    offset = get(served, PATH, params={"limit": 1}).json()["offset"]
    assert ids(served, offset=offset) == ["e1"]
    assert get(served, PATH, params={"offset": offset, "eventType": "SENT"}).status_code == 400
    served.clock.set(NOW + timedelta(hours=1))
    assert get(served, PATH, params={"offset": offset}).status_code == 400
    assert get(served, PATH, params={"offset": "nonsense"}).status_code == 400


def test_events_are_listed_after_the_delay(served, store):
    store.events_delay = 60
    store.seed("email_events", [event(1, 10)])
    assert ids(served) == []
    served.clock.set(NOW + timedelta(minutes=2))
    assert ids(served) == ["e1"]


def test_a_page_has_a_thousand_events_at_most(served):
    assert get(served, PATH, params={"limit": 1001}).status_code == 400
