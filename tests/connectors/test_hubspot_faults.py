"""HubSpot when things go wrong: what was cut off goes on, a quota stops cleanly."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.hubspot.client import LIST_PAGE
from connectors.run import StreamsFailedError, StreamsToRetryError
from headwater.settings import Settings
from sandbox.vendors.hubspot import search
from tests.connectors.conftest import Served
from tests.connectors.hubspot_under_test import AS_OF, contact, contacts, rows, run, use

BEFORE = AS_OF - timedelta(days=3)


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    return use(served, monkeypatch)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=0)


def seed(environment: Served, count: int) -> None:
    environment.stores["hubspot"].seed(
        "contacts", [contact(number, BEFORE) for number in range(1, count + 1)]
    )


def listed(environment: Served) -> int:
    """Answered pages of the listing; each run's check takes one, too."""
    return sum(
        call["count"]
        for call in environment.calls.as_list()
        if call["method"] == "GET" and "objects" in call["route"] and call["status"] == 200
    )


def test_the_days_quota_that_runs_out_half_way_stops_cleanly_and_goes_on_the_next_day(
    environment: Served, settings: Settings
) -> None:
    seed(environment, 3 * LIST_PAGE)
    environment.stores["hubspot"].daily_limit = 4 + 2  # the check, and two of three pages
    with pytest.raises(StreamsFailedError, match="the account's calls of the day are used up"):
        run(settings)
    assert rows(settings, "select * from landing.loads") == []
    used = listed(environment)
    environment.clock.set(AS_OF + timedelta(days=1))
    result = run(settings, AS_OF + timedelta(days=1))
    assert (result.received, result.landed) == (3 * LIST_PAGE, 3 * LIST_PAGE)
    # The check's two; then the third page and the archive.
    assert listed(environment) - used == 2 + 2


def test_a_search_that_was_cut_off_goes_on_behind_its_last_id(
    environment: Served, settings: Settings
) -> None:
    seed(environment, 1)
    run(settings)
    changed = AS_OF + timedelta(hours=1)
    environment.stores["hubspot"].seed(
        "contacts", [contact(number, changed) for number in range(2, 452)]
    )
    environment.stores["hubspot"].search_second.limit = 2
    with pytest.raises(StreamsToRetryError, match="rate limit"):
        run(settings, changed)
    environment.stores["hubspot"].search_second.limit = 5
    environment.clock.set(environment.clock.now() + timedelta(seconds=5))
    result = run(settings, changed)
    # One of them is what the overlap brings again; two pages had come before.
    assert (result.received, result.landed, result.calls) == (451, 450, 2)


def test_a_search_of_more_than_a_query_may_give_is_walked_by_id(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_RESULTS", 400)
    seed(environment, 1)
    run(settings)
    changed = AS_OF + timedelta(hours=1)
    environment.stores["hubspot"].seed(
        "contacts", [contact(number, changed) for number in range(2, 1002)]
    )
    assert run(settings, changed).landed == 1000


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (None, "missing, but required"),
        ({"no": "id"}, """value '{"no":"id"}' is not text"""),
    ],
)
def test_a_record_without_a_readable_id_is_quarantined_and_the_walk_goes_on(
    environment: Served, settings: Settings, bad: object, reason: str
) -> None:
    seed(environment, 1)
    run(settings)
    changed = AS_OF + timedelta(hours=1)
    broken = {**contact(3, changed), "id": bad}
    first = {
        "total": 3,
        "results": [contact(2, changed), broken],
        "paging": {"next": {"after": "2"}},
    }
    environment.fault("hubspot", "contacts/search", "status", status=200, body=first)
    environment.stores["hubspot"].seed("contacts", [contact(4, changed)])
    result = run(settings, changed)
    assert (result.landed, result.quarantined) == (2, 1)
    assert [row[0] for row in contacts(settings)] == ["1", "2", "4"]
    [found] = rows(settings, "select reason from landing.quarantine")
    assert found[0] == f"column id (id): {reason}"


def test_a_page_without_any_readable_id_says_so(environment: Served, settings: Settings) -> None:
    seed(environment, 1)
    run(settings)
    answer = {"total": 9, "results": [{"id": None}], "paging": {"next": {"after": "1"}}}
    environment.fault("hubspot", "contacts/search", "status", status=200, body=answer)
    with pytest.raises(StreamsFailedError, match="no record of a page has an id behind"):
        run(settings, AS_OF + timedelta(hours=1))


def test_a_schema_that_changes_between_two_pages(environment: Served, settings: Settings) -> None:
    whole = contact(2, BEFORE)
    second = [
        {**whole, "properties": {"email": "p2@example.com", "mood": "sunny"}, "source": "form"},
        {**contact(3, BEFORE), "archived": "perhaps"},
    ]
    first = {"results": [contact(1, BEFORE)], "paging": {"next": {"after": "1"}}}
    environment.fault("hubspot", "contacts$", "status", times=2, status=200, body=first)
    environment.fault("hubspot", "contacts$", "status", status=200, body={"results": second})
    result = run(settings)
    assert (result.received, result.landed, result.quarantined) == (3, 2, 1)
    assert contacts(settings) == [("1", "P1", None), ("2", None, None)]
    assert rows(settings, "select field from landing.drift order by field") == [
        ("properties.mood",),
        ("source",),
    ]


def test_an_answer_that_ends_in_the_middle_is_asked_for_again(
    environment: Served, tmp_path: Path
) -> None:
    seed(environment, 5)
    environment.fault("hubspot", "contacts$", "truncate", times=2, bytes=90, clean=True)
    assert run(Settings(home=tmp_path / "var", http_retries=2)).landed == 5
