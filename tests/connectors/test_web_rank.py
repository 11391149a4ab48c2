"""Ranks and visits against the local web rank."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from disposable_email_domains import blocklist

from connectors.run import LoadResult, StreamsFailedError, StreamsToRetryError, run_source
from headwater.clock import FixedClock
from headwater.errors import CredentialError
from headwater.settings import Settings
from headwater.warehouse import connect
from sandbox.vendors.web_rank.lists import Lists
from tests.connectors.account_rows import put_accounts
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)


def site(domain: str, visits: int = 1000, **fields: Any) -> dict[str, Any]:
    known = {"score": 3.0, "growth": 0.0, "has_estimate": True, "since": "2024-01-01"}
    return {"id": domain, "domain": domain, "visits": visits, **known, **fields}


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    known = served.credentials["web_rank"]
    monkeypatch.setenv("WEB_RANK_SIMILARWEB_API_KEY", known["similarweb_api_key"])
    monkeypatch.setenv("WEB_RANK_SIMILARWEB_BASE_URL", f"{served.url}/web_rank")
    monkeypatch.setenv("WEB_RANK_TRANCO_BASE_URL", f"{served.url}/web_rank")
    monkeypatch.setattr("connectors.web_rank.ranks.CALLS_PER_SECOND", 1000)
    monkeypatch.setattr("connectors.web_rank.visits.CALLS_PER_SECOND", 1000)
    served.stores["web_rank"].list_size = 50
    served.stores["web_rank"].calls_per_second.limit = 10_000
    return served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=1)


def run(settings: Settings, stream: str, as_of: datetime = AS_OF) -> LoadResult:
    [result] = run_source("web_rank", settings, FixedClock(as_of), "cycle", streams=[stream])
    return result


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_list_of_the_day_lands_whole_and_only_once(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["web_rank"]
    store.seed("sites", [site("acme.com", score=9.0), site("old.com", score=8.0)])
    first = run(settings, "ranks")
    assert (first.received, first.landed, first.calls, first.cursor) == (50, 50, 2, "2025-08-29")
    again = run(settings, "ranks")
    assert (again.received, again.calls, again.cursor) == (0, 0, "2025-08-29")
    top = "select rank, domain, cast(listed_on as varchar) from raw_web_rank.ranks"
    assert rows(settings, f"{top} where domain in ('acme.com', 'old.com') order by rank") == [
        (1, "acme.com", "2025-08-29"),
        (2, "old.com", "2025-08-29"),
    ]

    later = AS_OF + timedelta(days=1)
    environment.clock.set(later)
    store.seed("sites", [site("acme.com", score=8.0), site("new.com", score=9.0)])
    store.sites.delete("old.com")
    second = run(settings, "ranks", later)
    assert (second.received, second.landed, second.cursor) == (50, 50, "2025-08-30")
    named = f"{top} where domain in ('acme.com', 'old.com', 'new.com') order by rank, domain"
    assert rows(settings, named) == [
        (1, "new.com", "2025-08-30"),
        (2, "acme.com", "2025-08-30"),
        (2, "old.com", "2025-08-29"),
    ], "a domain that left the list keeps its last rank and day"


def test_a_list_of_real_domains_keeps_every_one(environment: Served, settings: Settings) -> None:
    """The names are those of a package that nobody here made."""
    names = sorted(blocklist)
    assert len(names) > 1000
    store = environment.stores["web_rank"]
    store.list_size = len(names)
    store.seed("sites", [site(name, score=100 - n / 100) for n, name in enumerate(names)])
    result = run(settings, "ranks")
    assert (result.landed, result.quarantined) == (len(names), 0)
    ranking = Lists(store, environment.faults).ranking(date(2025, 8, 29))
    assert rows(settings, "select domain from raw_web_rank.ranks order by rank") == [
        (domain,) for domain in ranking
    ]


def test_a_day_without_a_list_is_passed_over(environment: Served, settings: Settings) -> None:
    environment.fault("web_rank", "lists/date/2025-08-29", "no_list")
    assert run(settings, "ranks").cursor == "2025-08-28"
    assert run(settings, "ranks").cursor == "2025-08-29"


def test_only_the_first_ranks_are_kept_if_so_set(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_RANK_TRANCO_TOP", "7")
    assert run(settings, "ranks").received == 7


def test_lines_that_are_no_ranks_are_quarantined_with_their_line(
    environment: Served, settings: Settings
) -> None:
    for at, line in ((3, "x,acme.com"), (5, "just-text"), (7, "8,")):
        environment.fault("web_rank", "download_daily", "malformed_line", at=at, line=line)
    result = run(settings, "ranks")
    assert (result.received, result.landed, result.quarantined) == (53, 50, 3)
    found = rows(settings, "select line_number, reason from landing.quarantine order by 1")
    assert [line for line, _ in found] == [4, 6, 8]
    assert "rank" in found[0][1]
    assert "column domain (domain): missing" in found[1][1]
    assert "column domain (domain): missing" in found[2][1]


@pytest.mark.parametrize("clean", [True, False])
def test_a_zip_that_was_cut_off_is_asked_for_again(
    environment: Served, settings: Settings, clean: bool
) -> None:
    """Cut off in the middle of a transfer it is repeated at once, as if whole by the next try."""
    environment.fault("web_rank", "download_daily", "truncate", bytes=200, clean=clean)
    if clean:
        with pytest.raises(StreamsToRetryError, match="did not arrive whole"):
            run(settings, "ranks")
    assert run(settings, "ranks").landed == 50


def test_a_list_that_is_not_zipped_is_read_as_it_is(
    environment: Served, settings: Settings
) -> None:
    environment.fault("web_rank", "download_daily", "no_zip", times=2)
    environment.fault("web_rank", "download/", "truncate", bytes=100, clean=True)
    with pytest.raises(StreamsToRetryError, match="did not arrive whole"):
        run(settings, "ranks")
    assert run(settings, "ranks").landed == 50


def test_months_of_the_accounts_domains_are_asked_about_once(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["web_rank"]
    store.seed(
        "sites",
        [
            site("acme.com"),
            site("young.com", since="2025-07-03"),
            site("small.com", has_estimate=False),
            site("nobodys.com"),
        ],
    )
    put_accounts(settings, ["https://www.acme.com", "young.com", "small.com", "unheard-of.com"])
    first = run(settings, "visits")
    assert (first.landed, first.calls, first.cursor) == (6, 5, "2025-07")
    assert store.credits_a_month - store.credits_left() == 4
    table = (
        "select domain, strftime(month, '%Y-%m'), visits is not null, status, country "
        "from raw_web_rank.visits order by 1, 2"
    )
    assert rows(settings, table) == [
        ("acme.com", "2025-05", True, "estimated", "world"),
        ("acme.com", "2025-06", True, "estimated", "world"),
        ("acme.com", "2025-07", True, "estimated", "world"),
        ("small.com", "2025-07", False, "unknown", "world"),
        ("unheard-of.com", "2025-07", False, "unknown", "world"),
        ("young.com", "2025-07", True, "estimated", "world"),
    ]
    assert rows(settings, "select field from landing.drift") == []

    put_accounts(settings, companies=["nobodys.com"])
    environment.calls.clear()
    assert run(settings, "visits").landed == 3, "the new account's months and no others"
    assert environment.calls.total("web_rank") == 2 + 1 + 1  # two checks, capabilities, one domain

    later = datetime(2025, 9, 12, tzinfo=UTC)
    environment.clock.set(later)
    third = run(settings, "visits", later)
    assert (third.received, third.cursor) == (5, "2025-08")


def test_no_month_is_asked_about_that_the_cycle_cannot_know_yet(
    environment: Served, settings: Settings
) -> None:
    environment.stores["web_rank"].seed("sites", [site("acme.com")])
    put_accounts(settings, ["acme.com"])
    result = run(settings, "visits", datetime(2025, 7, 2, tzinfo=UTC))
    assert (result.landed, result.cursor) == (3, "2025-06")


def test_credits_for_some_domains_are_spent_on_customers_first_and_the_rest_waits(
    environment: Served, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    store = environment.stores["web_rank"]
    store.seed("sites", [site(f"{name}.com") for name in "abcd"])
    put_accounts(settings, ["a.com", "b.com"], verified=["d.com", "c.com"])
    store.credits_a_month = 8
    with caplog.at_level(logging.WARNING):
        first = run(settings, "visits")
    assert first.landed == 6
    assert "credits for 2 of 4 domains" in caplog.text
    assert rows(settings, "select distinct domain from raw_web_rank.visits order by 1") == [
        ("c.com",),
        ("d.com",),
    ]
    store.credits_a_month = 6
    with pytest.raises(StreamsFailedError, match="2 domains wait"):
        run(settings, "visits")
    later = datetime(2025, 9, 1, tzinfo=UTC)  # the allowance is a month's
    environment.clock.set(later)
    assert run(settings, "visits", later).landed == 6


def test_a_run_asks_about_so_many_domains_and_the_next_one_goes_on(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_RANK_VISITS_DOMAINS_A_RUN", "2")
    environment.stores["web_rank"].seed("sites", [site(f"{name}.com") for name in "abc"])
    put_accounts(settings, [f"{name}.com" for name in "abc"])
    assert [run(settings, "visits").landed for _ in range(3)] == [6, 3, 0]


def test_credits_that_somebody_else_uses_up_stop_it_and_it_goes_on_behind_what_was_bought(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.web_rank.visits.PAGE", 1)
    store = environment.stores["web_rank"]
    store.seed("sites", [site(f"{name}.com") for name in "abc"])
    put_accounts(settings, [f"{name}.com" for name in "abc"])
    environment.fault("web_rank", "website/b.com", "no_credits")
    with pytest.raises(StreamsFailedError, match="credits are used up") as caught:
        run(settings, "visits")
    assert environment.credentials["web_rank"]["similarweb_api_key"] not in str(caught.value)
    environment.calls.clear()
    assert run(settings, "visits").landed == 9
    log = environment.calls.as_list()
    assert sum(each["count"] for each in log if "website" in each["route"]) == 2
    assert store.credits_a_month - store.credits_left() == 9, "nothing was bought twice"


def test_the_calls_of_a_day_run_out_and_it_goes_on_the_next_day(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.web_rank.visits.PAGE", 1)
    environment.stores["web_rank"].seed("sites", [site(f"{name}.com") for name in "abc"])
    put_accounts(settings, [f"{name}.com" for name in "abc"])

    def on(day: int) -> Settings:
        as_of = AS_OF + timedelta(days=day)
        limits = {"as_of": as_of, "daily_calls": {"web_rank": 5}}
        return settings.model_copy(update=limits)

    with pytest.raises(StreamsFailedError, match="HEADWATER_DAILY_CALLS"):
        run(on(0), "visits")
    assert run(on(1), "visits", AS_OF + timedelta(days=1)).landed == 9


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("rate_limit", {}),
        ("status", {"status": 503}),
        ("reset", {}),
        ("truncate", {"bytes": 20}),
        ("truncate", {"bytes": 20, "clean": True}),
    ],
)
def test_a_call_that_fails_for_a_moment_is_made_again(
    environment: Served, settings: Settings, kind: str, params: dict[str, Any]
) -> None:
    environment.stores["web_rank"].seed("sites", [site("acme.com")])
    put_accounts(settings, ["acme.com"])
    environment.fault("web_rank", "website/", kind, **params)
    assert run(settings, "visits").landed == 3


def test_answers_that_change_their_shape(environment: Served, settings: Settings) -> None:
    """Unknown fields are drift, a changed type is quarantined, and so is an answer without rows;
    these domains are asked about again."""
    environment.stores["web_rank"].seed("sites", [site(f"{name}.com") for name in "abc"])
    put_accounts(settings, [f"{name}.com" for name in "abc"])
    july = {"date": "2025-07-01"}
    for domain, visits in (
        ("a.com", [{**july, "visits": 5, "share": 0.5}]),
        ("b.com", [{**july, "visits": "many"}]),
        ("c.com", "none today"),
    ):
        body = {"meta": {"status": "Success", "last_updated": "2025-07-31"}, "visits": visits}
        environment.fault("web_rank", f"website/{domain}", "status", status=200, body=body)
    result = run(settings, "visits")
    assert (result.received, result.landed, result.quarantined) == (3, 1, 2)
    assert rows(settings, "select field from landing.drift") == [("share",)]
    keys = rows(settings, "select record_key from landing.quarantine order by 1")
    assert [key.split("|")[0] for (key,) in keys] == ["b.com", "c.com"]
    again = run(settings, "visits")
    assert (again.landed, again.open_quarantine) == (6, 0)


def test_a_wrong_key_or_address_is_said_first_and_the_key_nowhere(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("WEB_RANK_SIMILARWEB_API_KEY", "not-the-key")
        with pytest.raises(CredentialError, match="WEB_RANK_SIMILARWEB_API_KEY") as caught:
            run(settings, "visits")
        assert "not-the-key" not in str(caught.value)
    with monkeypatch.context() as patch:
        patch.setenv("WEB_RANK_SIMILARWEB_BASE_URL", f"{environment.url}/nowhere")
        with pytest.raises(CredentialError, match="WEB_RANK_SIMILARWEB_BASE_URL"):
            run(settings, "visits")
    assert not settings.home.exists()


def test_a_connection_that_breaks_does_not_tell_the_key(
    environment: Served, settings: Settings
) -> None:
    environment.fault("web_rank", "capabilities", "reset", times=9)
    with pytest.raises(Exception, match="capabilities") as caught:
        run(settings, "visits")
    key = environment.credentials["web_rank"]["similarweb_api_key"]
    error: BaseException | None = caught.value
    while error is not None:
        assert key not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
