"""HubSpot's email events, lists and members."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.run import StreamsToRetryError
from headwater.settings import Settings
from tests.connectors.conftest import Served
from tests.connectors.hubspot_under_test import AS_OF, contact, rows, run, use

EVENTS = "select id from raw_hubspot.email_events order by id"
LISTS = "select list_id, name, size, _deleted_at is null from raw_hubspot.lists order by list_id"
MEMBERS = (
    "select list_id, record_id from raw_hubspot.list_memberships where _deleted_at is null "
    "order by list_id, cast(record_id as bigint)"
)


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    return use(served, monkeypatch)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=0)


def event(number: int, at: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"e{number:04d}",
        "created": int(at.timestamp() * 1000),
        "type": "OPEN",
        "recipient": f"p{number}@example.com",
        "emailCampaignId": 5,
        "portalId": 1,
        **fields,
    }


def test_events_land_once_with_their_moments(environment: Served, settings: Settings) -> None:
    store = environment.stores["hubspot"]
    at = AS_OF - timedelta(days=40, milliseconds=-7)
    sent = {"id": "s", "created": int((at - timedelta(hours=2)).timestamp() * 1000)}
    store.seed("email_events", [event(1, at, sentBy=sent, filteredEvent=True), event(2, AS_OF)])
    first = run(settings, stream="email_events")
    assert (first.received, first.landed, first.cursor) == (2, 2, AS_OF.isoformat())
    assert rows(
        settings,
        "select created_at, sent_by_id, sent_at, email_campaign_id, is_filtered, _extra "
        "from raw_hubspot.email_events where id = 'e0001'",
    ) == [
        (
            at.replace(tzinfo=None),
            "s",
            (at - timedelta(hours=2)).replace(tzinfo=None),
            5,
            True,
            None,
        )
    ]
    # One that is listed late bears a moment behind the cursor.
    store.seed("email_events", [event(3, AS_OF - timedelta(hours=9))])
    second = run(settings, AS_OF + timedelta(hours=1), "email_events")
    assert (second.received, second.landed, second.duplicates) == (2, 1, 1)


def test_events_are_eventually_listed(environment: Served, settings: Settings) -> None:
    store = environment.stores["hubspot"]
    store.seed("email_events", [event(1, AS_OF)])
    run(settings, stream="email_events")
    store.events_delay = 3600
    store.seed("email_events", [event(2, AS_OF - timedelta(minutes=5))])
    assert run(settings, AS_OF + timedelta(minutes=1), "email_events").landed == 0
    environment.clock.set(environment.clock.now() + timedelta(hours=2))
    assert run(settings, AS_OF + timedelta(hours=2), "email_events").landed == 1


def test_a_walk_through_events_goes_on_from_the_oldest_that_it_reached(
    environment: Served, settings: Settings
) -> None:
    at = AS_OF - timedelta(days=1)
    environment.stores["hubspot"].seed(
        "email_events", [event(n, at + timedelta(seconds=n)) for n in range(2500)]
    )
    with pytest.MonkeyPatch.context() as patch:
        cut_third_page(environment, patch)
        with pytest.raises(StreamsToRetryError):
            run(settings, stream="email_events")
    result = run(settings, stream="email_events")
    assert (result.received, result.landed, result.duplicates) == (2501, 2500, 1)
    assert len(rows(settings, EVENTS)) == 2500


def cut_third_page(environment: Served, patch: pytest.MonkeyPatch) -> None:
    from connectors.hubspot.client import HubSpotClient

    asked = HubSpotClient.email_events
    pages: list[object] = []

    def counted(self: HubSpotClient, *args: Any) -> Any:
        pages.append(args)
        if len(pages) == 3:
            environment.fault("hubspot", "email/public", "reset")
        return asked(self, *args)

    patch.setattr(HubSpotClient, "email_events", counted)


@pytest.mark.parametrize("created", ["yesterday", None, True])
def test_an_event_without_a_readable_moment_is_quarantined(
    environment: Served, settings: Settings, created: object
) -> None:
    answer = {"hasMore": False, "events": [event(1, AS_OF), event(2, AS_OF, created=created)]}
    environment.fault("hubspot", "email/public", "status", times=2, status=200, body=answer)
    result = run(settings, stream="email_events")
    assert (result.landed, result.quarantined, result.cursor) == (1, 1, AS_OF.isoformat())


def a_list(number: int, *members: int) -> dict[str, Any]:
    return {
        "listId": str(number),
        "name": f"List {number}",
        "objectTypeId": "0-1",
        "processingType": "MANUAL",
        "createdAt": "2025-01-01T00:00:00.000Z",
        "updatedAt": "2025-01-01T00:00:00.000Z",
        "members": {str(member): "2025-02-01T00:00:00.000Z" for member in members},
    }


def test_lists_and_members_come_whole_and_what_left_is_seen(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["hubspot"]
    store.seed("lists", [a_list(1, *range(1, 301)), a_list(2, 5), a_list(3)])
    assert run(settings, stream="lists").landed == 3
    members = run(settings, stream="list_memberships")
    # The lists, two pages of the first and one of each of the others.
    assert (members.landed, members.calls) == (301, 5)
    store.lists.delete(2)
    store.seed("lists", [a_list(1, 1, 2)])
    assert run(settings, stream="lists").tombstoned == 1
    assert rows(settings, LISTS) == [
        ("1", "List 1", 2, True),
        ("2", "List 2", 1, False),
        ("3", "List 3", 0, True),
    ]
    assert run(settings, stream="list_memberships").tombstoned == 299
    assert rows(settings, MEMBERS) == [("1", "1"), ("1", "2")]


def test_lists_that_change_while_they_are_read_are_read_again(
    environment: Served, settings: Settings
) -> None:
    environment.stores["hubspot"].seed("lists", [a_list(1), a_list(2)])
    answer = {"total": 3, "hasMore": False, "offset": 2, "lists": [a_list(1), a_list(2)]}
    environment.fault("hubspot", "lists/search", "status", times=2, status=200, body=answer)
    with pytest.raises(StreamsToRetryError, match="they changed while they were read"):
        run(settings, stream="lists")
    assert run(settings, stream="lists").landed == 2


def test_members_go_on_with_the_list_at_which_they_were_cut_off(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["hubspot"]
    store.seed("contacts", [contact(1, AS_OF)])
    store.seed("lists", [a_list(number, 1, 2) for number in (1, 2, 3)])
    environment.fault("hubspot", "lists/2/memberships", "reset")
    with pytest.raises(StreamsToRetryError):
        run(settings, stream="list_memberships")
    result = run(settings, stream="list_memberships")
    assert (result.landed, result.calls) == (6, 2)
