"""The support connector against the local Zendesk."""

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
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)
LONG_AGO = AS_OF - timedelta(days=60)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def ticket(number: int, at: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "url": f"https://groupgrub.zendesk.com/api/v2/tickets/{number}.json",
        "subject": f"Question {number}",
        "status": "open",
        "via": {"channel": "email"},
        "requester_id": 7,
        "created_at": stamp(LONG_AGO),
        "updated_at": stamp(at),
        "generated_timestamp": int(at.timestamp()),
        **fields,
    }


def ticket_event(number: int, at: datetime) -> dict[str, Any]:
    comment = {"id": number + 1, "event_type": "Comment", "body": "Hello", "public": True}
    return {
        "id": number,
        "ticket_id": 1,
        "timestamp": int(at.timestamp()),
        "created_at": stamp(at),
        "updater_id": 7,
        "via": "Mail",
        "event_type": "Audit",
        "child_events": [comment],
    }


def user(number: int, at: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "email": f"p{number}@example.com",
        "name": f"P {number}",
        "role": "end-user",
        "active": True,
        "created_at": stamp(LONG_AGO),
        "updated_at": stamp(at),
        **fields,
    }


def organization(number: int, at: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"Org {number}",
        "domain_names": [f"org{number}.com"],
        "created_at": stamp(LONG_AGO),
        "updated_at": stamp(at),
        "deleted_at": None,
        **fields,
    }


def chat(number: int, at: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"2508.1.{number:06d}",
        "type": "chat",
        "visitor": {"id": f"1.{number}", "email": f"p{number}@example.com", "name": "P"},
        "history": [{"type": "chat.msg", "msg": "Hi", "timestamp": stamp(at)}],
        "timestamp": stamp(at),
        "update_timestamp": stamp(at),
        "deleted": False,
        **fields,
    }


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    known = served.credentials["zendesk"]
    monkeypatch.setenv("SUPPORT_SUBDOMAIN", known["subdomain"])
    monkeypatch.setenv("SUPPORT_EMAIL", known["email"])
    monkeypatch.setenv("SUPPORT_API_TOKEN", known["api_token"])
    monkeypatch.setenv("SUPPORT_CHAT_ACCESS_TOKEN", known["chat_access_token"])
    monkeypatch.setenv("SUPPORT_BASE_URL", f"{served.url}/zendesk")
    monkeypatch.setenv("SUPPORT_EXPORTS_PER_MINUTE", "1000")
    served.stores["zendesk"].exports_per_minute.limit = 1000
    return served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=2)


def run(settings: Settings, stream: str, as_of: datetime = AS_OF) -> LoadResult:
    [result] = run_source("support", settings, FixedClock(as_of), "cycle", streams=[stream])
    return result


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_tickets_come_by_the_vendors_cursor_and_deleted_ones_are_marked(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["zendesk"]
    store.seed("tickets", [ticket(number, LONG_AGO) for number in range(1, 2102)])
    first = run(settings, "tickets")
    # One call asks who we are, one proves the token for chats.
    assert (first.received, first.landed, first.calls) == (2101, 2101, 3)

    later = AS_OF + timedelta(hours=2)
    environment.clock.set(later + timedelta(hours=1))
    # Zendesk's own changes move the generated timestamp only.
    solved = ticket(3, later, status="closed", updated_at=stamp(LONG_AGO))
    gone = ticket(4, later, status="deleted", subject="SCRUBBED")
    store.seed("tickets", [solved, gone, ticket(2102, later)])
    second = run(settings, "tickets", later + timedelta(hours=1))
    assert (second.received, second.landed, second.tombstoned, second.calls) == (3, 3, 1, 1)
    assert rows(
        settings,
        "select id, status, _deleted_at from raw_support.tickets "
        "where id in (3, 4, 2102) order by id",
    ) == [
        (3, "closed", None),
        (4, "deleted", later.replace(tzinfo=None)),
        (2102, "open", None),
    ]
    third = run(settings, "tickets", later + timedelta(hours=2))
    assert (third.received, third.cursor) == (0, second.cursor)


def test_what_changed_in_the_last_minute_comes_with_the_next_reading(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["zendesk"]
    now = environment.clock.now()
    store.seed("tickets", [ticket(1, LONG_AGO), ticket(2, now - timedelta(seconds=20))])
    assert run(settings, "tickets", now).received == 1
    environment.clock.set(now + timedelta(minutes=2))
    assert run(settings, "tickets", now + timedelta(minutes=2)).received == 1
    assert rows(settings, "select id from raw_support.tickets order by id") == [(1,), (2,)]


def test_users_that_are_deleted_or_merged_away_are_inactive(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["zendesk"]
    store.seed("users", [user(number, LONG_AGO, external_id=str(number)) for number in (1, 2, 3)])
    assert run(settings, "users").landed == 3
    later = AS_OF + timedelta(hours=2)
    environment.clock.set(later + timedelta(hours=1))
    store.seed("users", [user(2, later, active=False)])
    assert run(settings, "users", later + timedelta(hours=1)).tombstoned == 1
    assert rows(
        settings, "select id, is_active, _deleted_at from raw_support.users order by id"
    ) == [(1, True, None), (2, False, later.replace(tzinfo=None)), (3, True, None)]


def test_exports_by_time_go_on_from_their_last_second(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["zendesk"]
    # More in one second than a page holds, as after a bulk update.
    store.seed("ticket_events", [ticket_event(10 * n, LONG_AGO) for n in range(1, 1502)])
    store.seed("ticket_events", [ticket_event(10 * n, AS_OF) for n in range(2000, 2500)])
    first = run(settings, "ticket_events")
    assert first.landed == 2001
    assert first.cursor == str(int(AS_OF.timestamp()))
    assert rows(
        settings,
        "select child_events ->> '$[0].body', occurred_at from raw_support.ticket_events "
        "where id = 10",
    ) == [("Hello", LONG_AGO.replace(tzinfo=None))]

    environment.clock.set(AS_OF + timedelta(hours=3))
    store.seed("ticket_events", [ticket_event(99_990, AS_OF + timedelta(hours=2))])
    second = run(settings, "ticket_events", AS_OF + timedelta(hours=3))
    assert (second.received, second.landed, second.duplicates) == (501, 1, 500)


def test_events_before_the_start_of_history_are_not_asked_for(
    environment: Served, settings: Settings
) -> None:
    before = datetime(2023, 12, 31, 23, tzinfo=UTC)
    environment.stores["zendesk"].seed(
        "ticket_events", [ticket_event(10, before), ticket_event(20, LONG_AGO)]
    )
    assert run(settings, "ticket_events").landed == 1


def test_an_organization_tells_when_it_was_deleted(environment: Served, settings: Settings) -> None:
    store = environment.stores["zendesk"]
    store.seed("organizations", [organization(1, LONG_AGO), organization(2, LONG_AGO)])
    assert run(settings, "organizations").landed == 2
    later = AS_OF + timedelta(minutes=30)
    environment.clock.set(later + timedelta(hours=1))
    store.seed("organizations", [organization(2, later, deleted_at=stamp(later))])
    assert run(settings, "organizations", later + timedelta(hours=1)).tombstoned == 1


def test_chats_are_read_with_all_their_fields(environment: Served, settings: Settings) -> None:
    store = environment.stores["zendesk"]
    at = AS_OF - timedelta(days=1)
    store.seed("chats", [chat(number, at) for number in range(1, 1103)])
    first = run(settings, "chats")
    assert (first.received, first.landed, first.calls) == (1102, 1102, 2)
    later = AS_OF + timedelta(hours=1)
    environment.clock.set(later + timedelta(hours=1))
    rated = chat(5, later, rating="good", zendesk_ticket_id=44)
    store.seed("chats", [rated, chat(6, later, deleted=True)])
    second = run(settings, "chats", later + timedelta(hours=1))
    assert (second.landed, second.tombstoned, second.cursor) == (2, 1, f"{later.timestamp()}")
    # Another one of that very second, whose id comes before the last one's.
    store.seed("chats", [chat(1, later, rating="bad")])
    third = run(settings, "chats", later + timedelta(hours=2))
    assert (third.received, third.landed, third.duplicates) == (3, 1, 2)
    assert rows(
        settings,
        "select rating, ticket_id, history ->> '$[0].msg', visitor_email "
        "from raw_support.chats where id = '2508.1.000005'",
    ) == [("good", 44, "Hi", "p5@example.com")]


def test_without_a_token_for_chats_none_are_read(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUPPORT_CHAT_ACCESS_TOKEN")
    environment.stores["zendesk"].seed("chats", [chat(1, LONG_AGO)])
    result = run(settings, "chats")
    assert (result.received, result.calls) == (0, 0)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SUPPORT_API_TOKEN", "not-the-token"),
        ("SUPPORT_EMAIL", "somebody@example.com"),
        ("SUPPORT_CHAT_ACCESS_TOKEN", "not-the-token"),
    ],
)
def test_a_wrong_credential_is_said_first(
    environment: Served,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
) -> None:
    monkeypatch.setenv(setting, value)
    with pytest.raises(CredentialError, match=setting) as caught:
        run(settings, "tickets")
    assert "not-the-token" not in str(caught.value)
    assert not (settings.home / "warehouse.duckdb").exists()


def test_somebody_who_is_no_administrator_is_told_so(
    environment: Served, settings: Settings
) -> None:
    environment.stores["zendesk"].role = "agent"
    with pytest.raises(CredentialError, match="'agent'"):
        run(settings, "tickets")


def test_limits_outages_and_cut_answers_are_waited_out(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["zendesk"]
    store.seed("tickets", [ticket(number, LONG_AGO) for number in range(1, 6)])
    environment.fault("zendesk", "incremental/tickets", "rate_limit", seconds=0)
    environment.fault("zendesk", "incremental/tickets", "status", status=503)
    assert run(settings, "tickets").landed == 5
    store.seed("users", [user(number, LONG_AGO) for number in range(1, 6)])
    environment.fault("zendesk", "incremental/users", "truncate", bytes=200, clean=True)
    environment.fault("zendesk", "incremental/users", "reset")
    assert run(settings, "users").landed == 5


def test_an_answer_that_takes_too_long_is_asked_for_again(
    environment: Served, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "var", http_retries=1, http_timeout_seconds=1)
    environment.stores["zendesk"].seed("organizations", [organization(1, LONG_AGO)])
    environment.fault("zendesk", "incremental/organizations", "delay", seconds=2)
    assert run(settings, "organizations").landed == 1


def test_the_limit_of_a_minute_is_obeyed_by_what_retry_after_says(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["zendesk"]
    store.seed("tickets", [ticket(1, LONG_AGO)])
    store.exports_per_minute.seconds = 1
    store.exports_per_minute.limit = 1
    store.exports_per_minute.take()
    result = run(settings, "tickets")
    assert (result.landed, result.calls) == (1, 2)


def test_a_day_whose_calls_are_used_up_goes_on_behind_its_last_page(
    environment: Served, tmp_path: Path
) -> None:
    store = environment.stores["zendesk"]
    store.seed("tickets", [ticket(number, LONG_AGO) for number in range(1, 3501)])

    def on(as_of: datetime) -> Settings:
        return Settings(
            home=tmp_path / "var", http_retries=0, as_of=as_of, daily_calls={"support": 4}
        )

    # Two calls of the check, two pages.
    with pytest.raises(StreamsFailedError, match="HEADWATER_DAILY_CALLS"):
        run(on(AS_OF), "tickets")
    # The rest, and changes that came meanwhile, on the next day.
    tomorrow = AS_OF + timedelta(days=1)
    environment.clock.set(tomorrow)
    store.seed("tickets", [ticket(3500, AS_OF + timedelta(hours=5), status="solved")])
    result = run(on(tomorrow), "tickets", tomorrow)
    assert (result.received, result.calls) == (3500, 2)
    assert rows(
        on(tomorrow),
        "select count(*), count(*) filter (status = 'solved') from raw_support.tickets",
    ) == [(3500, 1)]


def test_a_schema_that_changes_between_pages_costs_single_records_only(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["zendesk"]
    changed = ticket(1500, LONG_AGO, custom_status_id=9, via={"channel": "web", "source": {}})
    del changed["subject"]
    broken = ticket(1501, LONG_AGO, requester_id={"id": 7})
    plain = [ticket(number, LONG_AGO) for number in range(1, 1500)]
    store.seed("tickets", [*plain, changed, broken])
    result = run(settings, "tickets")
    assert (result.landed, result.quarantined) == (1500, 1)
    assert rows(
        settings,
        "select subject, _extra ->> '$.custom_status_id' from raw_support.tickets where id = 1500",
    ) == [(None, "9")]
    assert ("custom_status_id",) in rows(settings, "select field from landing.drift")
    [(key, reason)] = rows(settings, "select record_key, reason from landing.quarantine")
    assert key == "1501"
    assert reason.startswith("column requester_id (requester_id): ")
