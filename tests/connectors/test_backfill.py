"""Backfills against the local Mixpanel: exact books, no day fetched twice, nothing disturbed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import backfill_work
from connectors.backfill import (
    BackfillFailedError,
    BackfillResult,
    BackfillToRetryError,
    DaysLanded,
    day_stream,
    day_streams,
    run_backfill,
)
from connectors.day_exports import LONGEST_CALL, Days, consecutive, divided
from connectors.mixpanel import client
from connectors.mixpanel.streams import EVENTS
from connectors.run import run_source
from connectors.zone import BACKFILL, Zone
from headwater.errors import (
    DefinitionError,
    RetryableError,
    SettingsError,
    WarehouseBusyError,
)
from headwater.settings import Settings
from headwater.system_settings import MixpanelSettings
from headwater.warehouse import connect
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)
FIRST = date(2025, 7, 1)
TWELVE_DAYS = Days(FIRST, date(2025, 7, 12))


class QuickClock:
    """Stands still and hardly waits; adds up for how long it would have."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> datetime:
        return AS_OF

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        time.sleep(0.002)  # workers want a turn


def event(day: date, number: int) -> dict[str, Any]:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return {
        "event": "Page Viewed",
        "properties": {
            "time": int(at.timestamp()) + number,
            "distinct_id": "u",
            "$insert_id": f"{day}-{number}",
            "mp_processing_time_ms": int(at.timestamp() * 1000),
        },
    }


@pytest.fixture
def served_events(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Three events on each of twelve days, and no pacing that a test would have to wait for."""
    known = served.credentials["mixpanel"]
    monkeypatch.setenv("MIXPANEL_SERVICE_ACCOUNT_USERNAME", known["username"])
    monkeypatch.setenv("MIXPANEL_SERVICE_ACCOUNT_SECRET", known["secret"])
    monkeypatch.setenv("MIXPANEL_PROJECT_ID", str(known["project_ids"][0]))
    monkeypatch.setenv("MIXPANEL_EXPORT_BASE_URL", f"{served.url}/mixpanel")
    monkeypatch.setenv("MIXPANEL_BACKFILL_CALLS_PER_HOUR", "60")
    monkeypatch.setattr(client, "BACKFILL_CALLS_PER_SECOND", 100)
    monkeypatch.setattr(client, "CALLS_PER_SECOND", 100)
    store = served.stores["mixpanel"]
    store.exports_per_second.limit = 100
    store.seed("events", [event(day, number) for day in TWELVE_DAYS for number in range(3)])
    return served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "var",
        history_start=date(2025, 7, 1),
        http_retries=2,
        cycle_budget_minutes=1,
        warehouse_wait_seconds=5,
    )


def backfill(
    settings: Settings,
    asked: Days = TWELVE_DAYS,
    *,
    backfill_id: str = "backfill-1",
    clock: QuickClock | None = None,
    **options: Any,
) -> BackfillResult:
    options = {"lease": nullcontext} | options
    return run_backfill(
        EVENTS, asked, settings, clock or QuickClock(), backfill_id=backfill_id, **options
    )


def ask(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def calls(served: Served) -> int:
    return served.calls.total("mixpanel")


def test_days_land_in_parallel_with_exact_books_and_no_cursor_moves(
    served_events: Served, settings: Settings
) -> None:
    told: list[DaysLanded] = []
    result = backfill(settings, on_landed=told.append)
    assert calls(served_events) == 1 + 12, "one to check, and one per day"
    assert [load.days for load in result.landed] == [Days(day, day) for day in TWELVE_DAYS]
    assert sorted(told, key=lambda load: load.days) == list(result.landed)
    assert {(load.received, load.landed, load.calls) for load in told} == {(3, 3, 1)}
    assert ask(settings, "select count(*), count(distinct insert_id) from raw_mixpanel.events") == [
        (36, 36)
    ]
    assert ask(
        settings,
        "select count(*), bool_and(received = landed + duplicates + quarantined), "
        "bool_and(lane like 'backfill-%'), min(cycle_id), max(cycle_id), "
        "min(cursor_before), max(cursor_after) from landing.loads",
    ) == [(12, True, True, "backfill-1", "backfill-1", "2025-07-01", "2025-07-12")]
    assert ask(settings, "select count(*) from landing.cursors") == [(0,)]


def test_days_that_landed_already_change_nothing_but_the_books(
    served_events: Served, settings: Settings
) -> None:
    run_source("mixpanel", settings, QuickClock(), "cycle")
    rows = "select * from raw_mixpanel.events order by all"
    cursors = "select * from landing.cursors"
    before, stood = ask(settings, rows), ask(settings, cursors)
    result = backfill(settings)
    assert sum(load.duplicates for load in result.landed) == 36
    assert sum(load.landed for load in result.landed) == 0
    assert (ask(settings, rows), ask(settings, cursors)) == (before, stood)


def test_what_the_vendor_stored_too_late_for_the_cycle_lands_on_its_day(
    served_events: Served, settings: Settings
) -> None:
    run_source("mixpanel", settings, QuickClock(), "cycle")
    day = date(2025, 7, 3)
    served_events.stores["mixpanel"].seed("events", [event(day, 7), event(day, 8)])
    run_source("mixpanel", settings, QuickClock(), "cycle")
    days = "select cast(event_at as date), count(*) from raw_mixpanel.events group by 1 order by 1"
    assert dict(ask(settings, days))[day] == 3
    [load] = backfill(settings, Days(day, day)).landed
    assert (load.received, load.landed, load.duplicates) == (5, 2, 3)
    assert dict(ask(settings, days))[day] == 5


def test_a_line_that_breaks_the_contract_is_accounted_for(
    served_events: Served, settings: Settings
) -> None:
    nobody = event(FIRST, 9)
    del nobody["properties"]["distinct_id"]
    served_events.stores["mixpanel"].seed("events", [nobody])
    first = backfill(settings, Days(FIRST, FIRST)).landed[0]
    assert (first.received, first.landed, first.quarantined) == (4, 3, 1)
    again = backfill(settings, Days(FIRST, FIRST), backfill_id="backfill-2").landed[0]
    assert (again.received, again.duplicates, again.quarantined) == (4, 4, 0)


def after_the_start(then: Callable[[], None]) -> Callable[[str], None]:
    """Listens to the progress, and does something once the work has been divided."""
    return lambda text: then() if "at a time" in text else None


def test_a_vendor_that_asks_to_slow_down_is_left_alone_for_a_while(
    served_events: Served, settings: Settings
) -> None:
    clock = QuickClock()
    result = backfill(
        settings,
        clock=clock,
        on_progress=after_the_start(
            lambda: served_events.fault("mixpanel", "export", "rate_limit", times=5)
        ),
    )
    assert sum(load.landed for load in result.landed) == 36
    assert clock.slept > backfill_work.FIRST_PAUSE_SECONDS
    refused = [row for row in served_events.calls.as_list() if row["status"] == 429]
    assert sum(row["count"] for row in refused) == 5


def test_a_vendor_that_never_lets_up_ends_the_backfill_cleanly(
    served_events: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill_work, "PAUSES_SECONDS", 200.0)
    clock = QuickClock()
    with pytest.raises(BackfillToRetryError, match="2025-07-01 to 2025-07-12") as caught:
        backfill(
            settings,
            clock=clock,
            on_progress=after_the_start(
                lambda: served_events.fault("mixpanel", "export", "rate_limit", times=None)
            ),
        )
    assert caught.value.result.missing == (TWELVE_DAYS,)
    assert clock.slept >= 200


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("status", {"status": 503}),
        ("reset", {}),
        ("truncate", {"bytes": 40}),
        ("terminated_early", {"lines": 2}),
    ],
)
def test_a_call_that_fails_is_made_again(
    served_events: Served, settings: Settings, kind: str, params: dict[str, Any]
) -> None:
    result = backfill(
        settings,
        on_progress=after_the_start(
            lambda: served_events.fault("mixpanel", "export", kind, times=2, **params)
        ),
    )
    assert sum(load.landed for load in result.landed) == 36
    assert calls(served_events) == 1 + 12 + 2


def test_a_call_that_keeps_failing_costs_its_days_and_the_next_try_asks_for_those_only(
    served_events: Served, settings: Settings
) -> None:
    with pytest.raises(BackfillToRetryError, match="503") as caught:
        backfill(
            settings,
            on_progress=after_the_start(
                lambda: served_events.fault("mixpanel", "export", "status", times=30, status=503)
            ),
        )
    missing = caught.value.result.missing
    assert 0 < sum(len(days) for days in missing) < 12
    landed = {load.days for load in caught.value.result.landed}
    served_events.faults.clear()
    served_events.calls.clear()
    result = backfill(settings, backfill_id="backfill-2")
    assert calls(served_events) - 1 <= sum(len(days) for days in missing)
    assert landed <= {load.days for load in result.landed}, "told of what was there before as well"
    assert sum(load.landed for load in result.landed) == 36
    assert ask(settings, "select distinct cycle_id from landing.loads") == [("backfill-1",)]
    served_events.calls.clear()
    assert backfill(settings, backfill_id="backfill-3").backfill_id == "backfill-3"
    assert calls(served_events) == 1 + 12, "that one is over: the next one asks anew"


def test_a_credential_that_is_taken_away_stops_the_rest(
    served_events: Served, settings: Settings
) -> None:
    with pytest.raises(BackfillFailedError, match="401") as caught:
        backfill(
            settings,
            on_progress=after_the_start(
                lambda: served_events.fault("mixpanel", "export", "status", times=None, status=401)
            ),
        )
    assert caught.value.result.missing == (TWELVE_DAYS,)
    assert calls(served_events) <= 1 + MixpanelSettings().backfill_parallel


def test_a_daily_quota_that_runs_out_ends_it_and_the_next_day_goes_on(
    served_events: Served, settings: Settings
) -> None:
    rationed = settings.model_copy(update={"daily_calls": {"mixpanel": 1 + 3}})
    with pytest.raises(BackfillFailedError, match="HEADWATER_DAILY_CALLS") as caught:
        backfill(rationed)
    there = caught.value.result.landed
    assert sum(len(load.days) for load in there) == 3
    assert ask(settings, "select count(*) from raw_mixpanel.events") == [(9,)]
    served_events.calls.clear()
    backfill(settings, backfill_id="the next day")
    assert calls(served_events) == 1 + 9
    assert ask(settings, "select count(*) from raw_mixpanel.events") == [(36,)]


@contextmanager
def taken() -> Iterator[None]:
    raise WarehouseBusyError("a cycle has the lease")
    yield


def test_what_no_lease_was_had_for_waits_and_the_next_cycle_lands_it(
    served_events: Served, settings: Settings
) -> None:
    result = backfill(settings, lease=taken)
    assert result.landed == ()
    assert sum(len(days) for days in result.waiting) == 12
    with Zone(settings.landing_zone).hold(EVENTS, BACKFILL):
        [of_cycle] = run_source("mixpanel", settings, QuickClock(), "cycle 1")
        assert of_cycle.received == 36, "a backfill that lives lands its loads by itself"
    loads = "select count(*) from landing.loads where lane <> 'cycle'"
    assert ask(settings, loads) == [(0,)]
    run_source("mixpanel", settings, QuickClock(), "cycle 2")
    assert ask(settings, loads) == [(12,)]
    assert ask(settings, "select cursor from landing.cursors") == [("2025-08-29",)]
    assert ask(settings, "select count(*) from raw_mixpanel.events") == [(36,)]
    served_events.calls.clear()
    assert len(backfill(settings, backfill_id="backfill-2").landed) == 12
    assert calls(served_events) == 1, "all days were there"


class HourUsedUp(Exception):
    """Ends a backfill that would wait for an hour."""


def test_the_hour_s_allowance_is_one_for_all_backfills(
    served_events: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIXPANEL_BACKFILL_CALLS_PER_HOUR", "12")
    backfill(settings)
    served_events.calls.clear()

    def listen(text: str) -> None:
        if "this hour's 12 calls are used" in text:
            raise HourUsedUp

    with pytest.raises(HourUsedUp):
        backfill(settings, backfill_id="backfill-2", on_progress=listen)
    assert calls(served_events) == 1, "that of the check"
    monkeypatch.setattr(backfill_work, "HOUR_SECONDS", 0.0)
    assert len(backfill(settings, backfill_id="backfill-3").landed) == 12


def test_one_backfill_of_a_stream_at_a_time(served_events: Served, settings: Settings) -> None:
    with (
        Zone(settings.landing_zone).hold(EVENTS, BACKFILL),
        pytest.raises(RetryableError, match=r"Another process is backfilling mixpanel\.events"),
    ):
        backfill(settings)


def test_anew_asks_for_all_days_again(served_events: Served, settings: Settings) -> None:
    backfill(settings, lease=taken)
    served_events.calls.clear()
    assert len(backfill(settings, backfill_id="backfill-2", anew=True).landed) == 12
    assert calls(served_events) == 1 + 12


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (Days(date(2025, 7, 3), date(2025, 7, 1)), "is after the last"),
        (Days(date(2025, 6, 30), date(2025, 7, 1)), "before the first day of history"),
        (Days(date(2025, 8, 28), date(2025, 8, 29)), "the last whole day is 2025-08-28"),
    ],
)
def test_days_that_cannot_be_asked_for_are_refused_before_anything_is_touched(
    served_events: Served, settings: Settings, asked: Days, what: str
) -> None:
    with pytest.raises(SettingsError, match=what):
        backfill(settings, asked)
    assert calls(served_events) == 0
    assert not settings.home.exists()


def test_only_exports_by_days_can_be_backfilled() -> None:
    assert EVENTS in day_streams()
    assert day_stream("mixpanel.events") is EVENTS
    with pytest.raises(DefinitionError, match=r"Known: .*mixpanel\.events"):
        day_stream("hubspot.contacts")


@given(
    first=st.dates(date(2024, 1, 1), date(2025, 1, 1)),
    count=st.integers(1, 800),
    calls_allowed=st.integers(1, 60),
    data=st.data(),
)
def test_the_calls_cover_exactly_the_missing_days(
    first: date, count: int, calls_allowed: int, data: st.DataObject
) -> None:
    asked = Days(first, first + timedelta(days=count - 1))
    there = data.draw(st.sets(st.sampled_from(list(asked))))
    runs = divided(asked, there, calls_allowed)
    assert [day for days in runs for day in days] == [day for day in asked if day not in there]
    assert all(len(days) <= LONGEST_CALL for days in runs)
    gaps = len(consecutive([day for day in asked if day not in there]))
    assert len(runs) <= max(calls_allowed, -(-count // LONGEST_CALL)) + gaps
