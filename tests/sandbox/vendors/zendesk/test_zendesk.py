"""The local Zendesk, judged by the client zenpy and by plain calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests
from zenpy import Zenpy

from headwater.http import BaseUrlAdapter
from sandbox.vendors.zendesk.store import Store
from tests.sandbox.conftest import NOW, Served

PRESENT = int(NOW.timestamp())
HOUR = 3600


def ticket(number: int, at: int = PRESENT - HOUR, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "subject": f"Question {number}",
        "status": "open",
        "requester_id": 7,
        "generated_timestamp": at,
        **fields,
    }


def stamp(at: int) -> str:
    return (NOW + timedelta(seconds=at - PRESENT)).strftime("%Y-%m-%dT%H:%M:%SZ")


def user(number: int, at: int = PRESENT - HOUR) -> dict[str, Any]:
    return {"id": number, "name": f"P {number}", "role": "end-user", "updated_at": stamp(at)}


def event(number: int, at: int) -> dict[str, Any]:
    comment = {"id": number + 1, "event_type": "Comment", "body": "Hello", "public": False}
    return {"id": number, "ticket_id": 1, "timestamp": at, "child_events": [comment]}


@pytest.fixture
def store(served: Served) -> Store:
    found: Store = served.stores["zendesk"]
    return found


class Gateway(BaseUrlAdapter):
    """Leads here, and shows the client the address that it asked for: it judges answers by it."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url)
        self._own = base_url

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        asked = request.url
        response = super().send(request, **kwargs)
        response.request.url = asked
        response._content = response.content.replace(
            self._own.encode(), b"https://groupgrub.zendesk.com"
        )
        return response


@pytest.fixture
def zenpy(served: Served) -> Zenpy:
    """The client builds https://groupgrub.zendesk.com; its session leads here."""
    known = served.credentials["zendesk"]
    session = requests.Session()
    session.mount("https://", Gateway(f"{served.url}/zendesk"))
    return Zenpy(
        subdomain=known["subdomain"], email=known["email"], token=known["api_token"],
        session=session,
    )  # fmt: skip


def get(served: Served, path: str, **params: Any) -> requests.Response:
    known = served.credentials["zendesk"]
    return requests.get(
        f"{served.url}/zendesk{path}",
        params=params,
        auth=(f"{known['email']}/token", known["api_token"]),
        timeout=10,
    )


def get_chats(served: Served, token: str | None = None, **params: Any) -> requests.Response:
    bearer = token or served.credentials["zendesk"]["chat_access_token"]
    return requests.get(
        f"{served.url}/zendesk/api/v2/chat/incremental/chats",
        params=params,
        headers={"Authorization": f"Bearer {bearer}"},
        timeout=10,
    )


def test_zenpy_reads_tickets_and_users_by_cursor(zenpy: Zenpy, store: Store) -> None:
    store.seed("tickets", [ticket(n, PRESENT - HOUR - n) for n in range(1, 8)])
    found = list(zenpy.tickets.incremental(start_time=0, per_page=3))
    assert [each.id for each in found] == [7, 6, 5, 4, 3, 2, 1]
    store.seed("users", [user(n) for n in range(1, 4)])
    assert [each.id for each in zenpy.users.incremental(start_time=0)] == [1, 2, 3]


def test_zenpy_reads_organizations_and_events_by_time(zenpy: Zenpy, store: Store) -> None:
    store.seed(
        "organizations",
        [{"id": n, "name": f"Org {n}", "updated_at": stamp(PRESENT - HOUR)} for n in (1, 2)],
    )
    found = list(zenpy.organizations.incremental(start_time=0))
    assert [each.name for each in found] == ["Org 1", "Org 2"]
    store.seed("ticket_events", [event(10, PRESENT - HOUR), event(20, PRESENT - HOUR + 1)])
    events = list(zenpy.tickets.events(start_time=0, include=["comment_events"]))
    assert [each.id for each in events] == [10, 20]


def test_a_cursor_leads_behind_the_last_page_also_of_later_changes(
    served: Served, store: Store
) -> None:
    path = "/api/v2/incremental/tickets/cursor.json"
    store.seed("tickets", [ticket(n) for n in (1, 2, 3)])
    first = get(served, path, start_time=0, per_page=2).json()
    assert (first["end_of_stream"], [t["id"] for t in first["tickets"]]) == (False, [1, 2])
    second = get(served, path, cursor=first["after_cursor"]).json()
    assert (second["end_of_stream"], [t["id"] for t in second["tickets"]]) == (True, [3])
    nothing = get(served, path, cursor=second["after_cursor"]).json()
    assert (nothing["tickets"], nothing["after_cursor"]) == ([], second["after_cursor"])
    store.seed("tickets", [ticket(1, PRESENT - 120, status="deleted")])
    again = get(served, path, cursor=second["after_cursor"]).json()
    assert [t["status"] for t in again["tickets"]] == ["deleted"]
    assert get(served, path, cursor="garbage").status_code == 400


def test_the_last_minute_is_held_back(served: Served, store: Store) -> None:
    path = "/api/v2/incremental/tickets/cursor.json"
    store.seed("tickets", [ticket(1), ticket(2, PRESENT - 30)])
    assert [t["id"] for t in get(served, path, start_time=0).json()["tickets"]] == [1]
    served.clock.set(NOW + timedelta(minutes=1))
    assert len(get(served, path, start_time=0).json()["tickets"]) == 2


def test_a_second_with_more_than_a_page_comes_whole(served: Served, store: Store) -> None:
    path = "/api/v2/incremental/ticket_events.json"
    store.seed("ticket_events", [event(10 * n, PRESENT - HOUR) for n in range(1, 6)])
    store.seed("ticket_events", [event(100, PRESENT - HOUR + 5)])
    page = get(served, path, start_time=PRESENT - HOUR, per_page=3).json()
    assert (page["count"], page["end_time"], page["end_of_stream"]) == (5, PRESENT - HOUR, False)
    last = get(served, path, start_time=PRESENT - HOUR + 1, per_page=3).json()
    assert (last["count"], last["end_of_stream"]) == (1, True)


def test_comments_come_with_the_side_load_only(served: Served, store: Store) -> None:
    path = "/api/v2/incremental/ticket_events.json"
    store.seed("ticket_events", [event(10, PRESENT - HOUR)])
    bare = get(served, path, start_time=0).json()["ticket_events"][0]["child_events"][0]
    assert "body" not in bare
    assert bare["comment_public"] is False
    whole = get(served, path, start_time=0, include="comment_events").json()
    assert whole["ticket_events"][0]["child_events"][0]["body"] == "Hello"


def test_users_are_side_loaded_with_tickets(served: Served, store: Store) -> None:
    store.seed("tickets", [ticket(1), ticket(2)])
    store.seed("users", [user(7), user(8)])
    path = "/api/v2/incremental/tickets/cursor.json"
    answer = get(served, path, start_time=0, include="users").json()
    assert [each["id"] for each in answer["users"]] == [7]


@pytest.mark.parametrize(
    ("start_time", "error"),
    [
        ("", "InvalidStartTime"),
        ("yesterday", "InvalidStartTime"),
        (str(PRESENT - 30), "StartTimeTooRecent"),
    ],
)
def test_a_start_that_the_vendor_would_not_take_is_refused(
    served: Served, start_time: str, error: str
) -> None:
    for path in ("tickets/cursor.json", "organizations.json"):
        refused = get(served, f"/api/v2/incremental/{path}", start_time=start_time)
        assert (refused.status_code, refused.json()["error"]) == (400, error)


def test_ten_exports_a_minute_are_allowed(served: Served) -> None:
    path = "/api/v2/incremental/organizations.json"
    for _ in range(10):
        assert get(served, path, start_time=0).status_code == 200
    refused = get(served, path, start_time=0)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["error"] == "APIRateLimitExceeded"
    served.clock.set(NOW + timedelta(seconds=61))
    assert get(served, path, start_time=0).status_code == 200


def test_who_we_are_is_somebody_anonymous_without_a_credential(
    served: Served, store: Store
) -> None:
    me = "/api/v2/users/me.json"
    assert get(served, me).json()["user"]["role"] == "admin"
    anonymous = requests.get(f"{served.url}/zendesk{me}", timeout=10)
    assert (anonymous.status_code, anonymous.json()["user"]["id"]) == (200, None)
    wrong = requests.get(f"{served.url}/zendesk{me}", auth=("a@b.c/token", "no"), timeout=10)
    assert (wrong.status_code, wrong.json()) == (401, {"error": "Couldn't authenticate you"})
    store.role = "agent"
    refused = get(served, "/api/v2/incremental/tickets/cursor.json", start_time=0)
    assert (refused.status_code, refused.json()["error"]["title"]) == (403, "Forbidden")


def test_chats_go_on_behind_time_and_id(served: Served, store: Store) -> None:
    at = PRESENT - HOUR
    store.seed(
        "chats",
        [{"id": f"2508.1.{key}", "update_timestamp": stamp(at), "type": "chat"} for key in "abc"],
    )
    bare = get_chats(served, start_time=0).json()
    assert bare["chats"][0] == {"id": "2508.1.a"}
    page = get_chats(served, start_time=0, limit=2, fields="chats(*)").json()
    assert (page["end_time"], page["end_id"]) == (at, "2508.1.b")
    assert page["chats"][0]["type"] == "chat"
    rest = get_chats(served, start_time=page["end_time"], start_id=page["end_id"]).json()
    assert [each["id"] for each in rest["chats"]] == ["2508.1.c"]
    assert get_chats(served, start_time=PRESENT - 200).status_code == 400
    assert get_chats(served, token="wrong", start_time=0).status_code == 401
