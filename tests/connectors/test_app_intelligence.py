"""The app intelligence against the local one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.run import LoadResult, StreamsFailedError, run_source
from headwater.clock import FixedClock
from headwater.errors import CredentialError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.account_rows import put_accounts
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)
STORE = "itunes_connect"


def publisher(id_: int, website: str | None, *app_ids: int, **shown: Any) -> dict[str, Any]:
    shown = {
        "id": id_,
        "name": f"P{id_}",
        "website_url": website,
        "app_ids": list(app_ids),
        **shown,
    }
    return {"id": f"{STORE}/{id_}", "store": STORE, "shown": shown}


def app(id_: int, publisher_id: int = 1, **fields: Any) -> dict[str, Any]:
    shown = {
        "id": id_,
        "name": f"App {id_}",
        "publisher_id": publisher_id,
        "offers_in_app_purchases": False,
        "initial_release_date": "2024-02-03",
    }
    return {
        "id": f"{STORE}/{id_}",
        "store": STORE,
        "shown": {**shown, **fields.pop("shown", {})},
        "downloads": 100.0,
        "growth": 0.0,
        "released": "2024-02-03",
        "removed": False,
        **fields,
    }


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    known = served.credentials["app_intelligence"]
    monkeypatch.setenv("APP_INTELLIGENCE_CLIENT", known["client"])
    monkeypatch.setenv("APP_INTELLIGENCE_SECRET", known["secret"])
    monkeypatch.setenv("APP_INTELLIGENCE_BASE_URL", f"{served.url}/app_intelligence")
    monkeypatch.setenv("APP_INTELLIGENCE_STORES", STORE)
    monkeypatch.setenv("APP_INTELLIGENCE_HISTORY_DAYS", "30")
    return served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=1)


def run(settings: Settings, as_of: datetime = AS_OF, *streams: str) -> dict[str, LoadResult]:
    results = run_source(
        "app_intelligence", settings, FixedClock(as_of), "cycle", streams=streams or None
    )
    return {result.stream: result for result in results}


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_from_an_accounts_domain_to_the_use_of_its_apps_in_one_run(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["app_intelligence"]
    store.seed(
        "publishers",
        [
            publisher(1, "http://www.acme.com/apps?x=1", 11, 12),
            publisher(2, "https://games.umbrella.co.uk", 21),
            publisher(3, "https://nobodys.com", 31),
            publisher(4, None, 41),
        ],
    )
    store.seed("apps", [app(11), app(12), app(21, 2), app(31, 3)])
    put_accounts(settings, ["https://acme.com"], companies=["umbrella.co.uk"])
    first = run(settings)
    assert first["publishers"].landed == 4
    assert (first["apps"].landed, first["apps"].calls) == (3, 1)
    assert (first["estimates"].landed, first["estimates"].calls) == (3 * 30, 1)
    assert first["estimates"].cursor == "2025-08-28"
    assert rows(
        settings,
        "select store, id, name, publisher_id, cast(released_on as varchar), has_in_app_purchases "
        "from raw_app_intelligence.apps where id = '21'",
    ) == [(STORE, "21", "App 21", "2", "2024-02-03", False)]
    assert rows(
        settings,
        "select country, cast(min(day) as varchar), cast(max(day) as varchar), min(model_version), "
        "count(downloads), count(daily_active), count(monthly_active) "
        "from raw_app_intelligence.estimates group by 1",
    ) == [("US", "2025-07-30", "2025-08-28", "v3.0", 90, 90, 90)]
    assert rows(settings, "select field from landing.drift") == []


def test_the_next_days_bring_the_new_revised_days_and_the_whole_of_new_apps(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["app_intelligence"]
    store.seed("publishers", [publisher(1, "acme.com", 11), publisher(2, "beta.com", 21)])
    store.seed("apps", [app(11), app(21, 2)])
    put_accounts(settings, ["acme.com"])
    run(settings)
    before = dict(rows(settings, "select day, downloads from raw_app_intelligence.estimates"))

    put_accounts(settings, ["beta.com"])
    later = AS_OF + timedelta(days=2)
    environment.clock.set(later)
    second = run(settings, later)
    assert second["publishers"].received == 0, "the directory isn't due before a week is over"
    assert second["publishers"].cursor == "2025-08-29"
    assert second["apps"].landed == 1
    assert second["estimates"].received == 30 + 2 + 14
    known = dict(
        rows(
            settings,
            "select day, downloads from raw_app_intelligence.estimates where app_id = '11'",
        )
    )
    assert len(known) == 32
    revised = {day for day in before if known[day] != before[day]}
    assert {day.isoformat() for day in revised} == {"2025-08-25", "2025-08-26"}

    week = AS_OF + timedelta(days=7)
    environment.clock.set(week)
    assert run(settings, week, "publishers")["publishers"].received == 2


def test_an_app_that_left_the_store_is_marked_and_lives_again_when_it_is_back(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["app_intelligence"]
    store.seed("publishers", [publisher(1, "acme.com", 11, 12)])
    store.seed("apps", [app(11), app(12)])
    put_accounts(settings, ["acme.com"])
    run(settings)
    store.seed("apps", [app(12, removed=True)])
    assert run(settings, AS_OF, "apps")["apps"].tombstoned == 1
    alive = "select id, _deleted_at is null from raw_app_intelligence.apps order by id"
    assert rows(settings, alive) == [("11", True), ("12", False)]
    store.seed("apps", [app(12)])
    run(settings, AS_OF, "apps")
    assert rows(settings, alive) == [("11", True), ("12", True)]


def test_ids_and_days_are_asked_for_in_portions_the_vendor_takes(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_INTELLIGENCE_HISTORY_DAYS", "400")
    ids = list(range(100, 160))
    store = environment.stores["app_intelligence"]
    store.seed("publishers", [publisher(1, "acme.com", *ids)])
    store.seed("apps", [app(id_) for id_ in ids])
    put_accounts(settings, ["acme.com"])
    result = run(settings)
    assert (result["apps"].landed, result["apps"].calls) == (60, 2)
    assert (result["estimates"].landed, result["estimates"].calls) == (60 * 400, 2 * 3)


def test_the_directory_is_paged_and_goes_on_behind_the_last_page(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = environment.stores["app_intelligence"]
    store.page_size = 1
    store.seed("publishers", [publisher(id_, None) for id_ in range(1, 151)])
    put_accounts(settings)
    environment.fault("app_intelligence", "discovery", "status", status=500)  # one is made again
    whole = run(settings, AS_OF, "publishers")["publishers"]
    assert whole.landed == 150
    pages = whole.calls - 1

    again = settings.model_copy(update={"home": settings.home.with_name("again")})
    put_accounts(again)
    limited = again.model_copy(update={"daily_calls": {"app_intelligence": 62}, "as_of": AS_OF})
    environment.calls.clear()
    with pytest.raises(StreamsFailedError, match="HEADWATER_DAILY_CALLS"):
        run(limited, AS_OF, "publishers")
    tomorrow = AS_OF + timedelta(days=1)
    resumed = run(again.model_copy(update={"as_of": tomorrow}), tomorrow, "publishers")[
        "publishers"
    ]
    assert (resumed.landed, resumed.cursor) == (150, "2025-08-29")
    log = environment.calls.as_list()
    asked = sum(each["count"] for each in log if each["route"].endswith("discovery"))
    assert asked == pages, "no page twice"


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("expired_token", {}),
        ("rate_limit", {}),
        ("status", {"status": 502}),
        ("reset", {}),
        ("truncate", {"bytes": 30}),
        ("truncate", {"bytes": 30, "clean": True}),
    ],
)
def test_a_call_that_fails_for_a_moment_is_made_again(
    environment: Served, settings: Settings, kind: str, params: dict[str, Any]
) -> None:
    store = environment.stores["app_intelligence"]
    store.seed("publishers", [publisher(1, "acme.com", 11)])
    store.seed("apps", [app(11)])
    put_accounts(settings, ["acme.com"])
    environment.fault("app_intelligence", "estimates", kind, **params)
    assert run(settings)["estimates"].landed == 30


def test_a_schema_that_changes_between_two_pages(environment: Served, settings: Settings) -> None:
    store = environment.stores["app_intelligence"]
    store.seed(
        "publishers",
        [
            publisher(1, "acme.com", 11),
            publisher(2, "beta.com", hq_city="Berlin"),
            publisher(3, "gamma.com", app_ids="none"),
            {**publisher(4, "delta.com"), "shown": {"id": 4}},
        ],
    )
    put_accounts(settings, ["acme.com", "gamma.com"])
    result = run(settings)
    assert (result["publishers"].landed, result["publishers"].quarantined) == (3, 1)
    assert rows(settings, "select field from landing.drift") == [("hq_city",)]
    [(key, reason)] = rows(settings, "select record_key, reason from landing.quarantine")
    assert key == f"{STORE}|3"
    assert reason.startswith("column app_ids (app_ids): ")


@pytest.mark.parametrize(
    ("name", "value"),
    [("SECRET", "wrong"), ("STORES", "windows_phone"), ("BASE_URL", "http://127.0.0.1:9/x")],
)
def test_what_is_set_wrong_is_said_first(
    environment: Served,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(f"APP_INTELLIGENCE_{name}", value)
    expected = "base URL" if name == "BASE_URL" else f"APP_INTELLIGENCE_{name}"
    with pytest.raises(Exception, match=expected) as caught:
        run(settings)
    assert isinstance(caught.value, CredentialError) or name == "BASE_URL"
    assert environment.credentials["app_intelligence"]["secret"] not in str(caught.value)
    assert not settings.home.exists()


def test_one_login_serves_a_run_and_the_token_stands_alone(
    environment: Served, settings: Settings
) -> None:
    environment.stores["app_intelligence"].seed("publishers", [publisher(1, None)])
    put_accounts(settings)
    run(settings)
    log = environment.calls.as_list()
    assert [each["count"] for each in log if each["route"].endswith("login")] == [1]
