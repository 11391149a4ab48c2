"""The Outreach connector against the local Outreach."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.outreach.client import OutreachClient
from connectors.run import LoadResult, StreamsFailedError, StreamsToRetryError, run_source
from headwater.clock import FixedClock
from headwater.errors import CredentialError, VendorUnavailableError
from headwater.outreach_tokens import OutreachTokens
from headwater.settings import Settings, load
from headwater.system_settings import OutreachSettings
from headwater.warehouse import connect
from sandbox.vendors.outreach.resources import RESOURCES
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)
EARLIER = AS_OF - timedelta(days=3)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def record(number: int, at: datetime = EARLIER, **attributes: Any) -> dict[str, Any]:
    stamps = {"createdAt": stamp(EARLIER), "updatedAt": stamp(at)}
    return {"id": number, "attributes": {**stamps, **attributes}, "relationships": {}}


def prospect(number: int, at: datetime = EARLIER, **attributes: Any) -> dict[str, Any]:
    given = {"emails": [f"p{number}@example.com"], "firstName": f"P{number}"}
    return record(number, at, **{**given, **attributes})


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    for name in ("client_id", "client_secret", "refresh_token"):
        monkeypatch.setenv(f"OUTREACH_{name.upper()}", served.credentials["outreach"][name])
    monkeypatch.setenv("OUTREACH_BASE_URL", f"{served.url}/outreach")
    served.stores["outreach"].token_every_seconds = 0
    return served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=2)


def run(
    settings: Settings, as_of: datetime = AS_OF, streams: tuple[str, ...] = ("prospects",)
) -> LoadResult:
    result, *_ = run_source("outreach", settings, FixedClock(as_of), "cycle", streams=streams)
    return result


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_changes_come_by_their_moment_and_equal_moments_are_not_lost(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["outreach"]
    store.seed("prospects", [prospect(number) for number in range(1, 2502)])
    first = run(settings)
    assert (first.received, first.landed, first.calls) == (2501, 2501, 3)
    assert first.cursor == EARLIER.isoformat()

    later = AS_OF + timedelta(hours=1)
    store.seed("prospects", [prospect(7, later, firstName="Seven"), prospect(3000, later)])
    second = run(settings, later + timedelta(minutes=1))
    assert (second.landed, second.cursor) == (2, later.isoformat())
    assert rows(
        settings, "select id, first_name from raw_outreach.prospects where id in (7, 3000)"
    ) == [(7, "Seven"), (3000, "P3000")]
    assert run(settings, later + timedelta(hours=1)).landed == 0


def test_every_resource_lands_with_its_relations(environment: Served, settings: Settings) -> None:
    store = environment.stores["outreach"]
    to = {"prospect": {"type": "prospect", "id": 1}, "sequence": {"type": "sequence", "id": 4}}
    store.seed("prospects", [prospect(1, externalId="person-1", tags=["a"], custom7="kept out")])
    store.seed("sequences", [record(4, name="Bigger plan", enabled=True)])
    store.seed("sequenceStates", [{**record(5, state="active"), "relationships": to}])
    mailing = record(6, state="opened", openCount=2, openedAt=stamp(EARLIER), subject="Lunch")
    store.seed("mailings", [{**mailing, "relationships": to}])
    store.seed("tasks", [{**record(8, action="call", state="incomplete"), "relationships": to}])
    run_source("outreach", settings, FixedClock(AS_OF), "cycle")
    assert rows(settings, "select external_id, emails from raw_outreach.prospects") == [
        ("person-1", '["p1@example.com"]')
    ]
    assert rows(
        settings,
        """
        select mailings.open_count, mailings.prospect_id, sequences.name, sequence_states.state,
            tasks.prospect_id
        from raw_outreach.mailings
        inner join raw_outreach.sequences on mailings.sequence_id = sequences.id
        inner join raw_outreach.sequence_states on sequences.id = sequence_states.sequence_id
        inner join raw_outreach.tasks on tasks.prospect_id = mailings.prospect_id
        """,
    ) == [(2, 1, "Bigger plan", "active", 1)]
    assert rows(settings, "select field from landing.drift") == []


def test_what_the_trash_and_the_listing_of_ids_say_is_gone(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["outreach"]
    store.seed("prospects", [prospect(number) for number in (1, 2, 3)])
    both = ("prospects", "prospect_ids")
    run(settings, streams=both)
    later = AS_OF + timedelta(hours=1)
    store.seed("prospects", [prospect(2, later, trashedAt=stamp(later))])
    store.resources["prospects"].delete(3)
    run(settings, later + timedelta(hours=1), both)
    assert rows(
        settings, "select id from raw_outreach.prospects where _deleted_at is not null"
    ) == [(2,)]
    assert rows(
        settings, "select id from raw_outreach.prospect_ids where _deleted_at is not null"
    ) == [(3,)]


def test_a_source_and_a_destination_use_the_same_tokens(
    environment: Served, settings: Settings
) -> None:
    environment.stores["outreach"].seed("prospects", [prospect(1)])
    destination = OutreachTokens(load(OutreachSettings), settings)
    before = destination.authorization(False)
    run(settings)
    assert destination.authorization(False) == before
    environment.fault("outreach", "/api/v2/prospects", "expired_token")
    assert run(settings).calls == 1
    after = destination.authorization(False)
    assert after != before
    # The destination still holds the token that died; asked for another, it takes the source's.
    assert destination.authorization(True) != before
    assert run(settings).calls == 1


@pytest.mark.parametrize("body", ["<html>hello</html>", {"expires_in": 7200}, []])
def test_an_answer_without_tokens_is_said_and_keeps_those_there_are(
    environment: Served, settings: Settings, body: object
) -> None:
    tokens = OutreachTokens(load(OutreachSettings), settings)
    before = tokens.authorization(False)
    environment.fault("outreach", "/oauth/token", "status", status=200, body=body)
    with pytest.raises(VendorUnavailableError, match="without tokens"):
        tokens.authorization(True)
    assert OutreachTokens(load(OutreachSettings), settings).authorization(False) == before
    assert tokens.authorization(True) != before


def test_an_extraction_goes_on_behind_its_last_finished_page(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = environment.stores["outreach"]
    store.seed("prospects", [prospect(number) for number in range(1, 3501)])
    whole = OutreachClient.pages

    def then_an_outage(client: OutreachClient, *args: Any) -> Iterator[Any]:
        for number, page in enumerate(whole(client, *args), 1):
            if number == 2:
                environment.fault("outreach", "/api/v2/prospects", "status", 3, status=503)
            yield page

    with monkeypatch.context() as patch:
        patch.setattr(OutreachClient, "pages", then_an_outage)
        with pytest.raises(StreamsToRetryError):
            run(settings)
    result = run(settings)
    assert (result.received, result.landed) == (3500, 3500)
    assert result.calls == 2  # the pages that were left


@pytest.mark.parametrize("kind", ["rate_limit", "reset", "expired_token"])
def test_what_passes_is_waited_out(environment: Served, settings: Settings, kind: str) -> None:
    environment.stores["outreach"].seed("prospects", [prospect(1)])
    environment.fault("outreach", "/api/v2/prospects", kind)
    assert run(settings).landed == 1


def test_an_answer_that_was_cut_off_is_read_again(environment: Served, settings: Settings) -> None:
    store = environment.stores["outreach"]
    store.seed("prospects", [prospect(number) for number in range(1, 51)])
    environment.fault("outreach", "/api/v2/prospects", "truncate", bytes=200, clean=True)
    assert run(settings).landed == 50


def test_a_scope_that_is_missing_is_said_first(environment: Served, settings: Settings) -> None:
    environment.fault("outreach", "mailings", "missing_scope", scope="mailings.read")
    with pytest.raises(CredentialError, match=r"mailings\.read"):
        run(settings)
    assert not settings.warehouse.exists()


def test_a_refresh_token_that_died_is_said_without_showing_it(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTREACH_REFRESH_TOKEN", "dead-token")
    with pytest.raises(CredentialError, match="OUTREACH_REFRESH_TOKEN") as caught:
        run(settings)
    assert "dead-token" not in str(caught.value)


def test_a_schema_that_changes_between_two_pages(environment: Served, settings: Settings) -> None:
    def shown(number: int, **attributes: Any) -> dict[str, Any]:
        return {"type": "prospect", **prospect(number, **attributes)}

    # The base URL says where to go, whatever host the link names.
    following = "https://elsewhere.example/api/v2/prospects?page%5Bafter%5D=x"
    first = {"data": [shown(1)], "links": {"next": following}}
    second = {
        "data": [
            shown(2, mood="good"),
            shown(3, emails="not a list"),
            shown(4, updatedAt=None),
            {"type": "prospect", "id": 5, "attributes": {"updatedAt": stamp(EARLIER)}},
        ]
    }
    for body in ({"data": []}, first, second):  # the first one answers the check
        environment.fault("outreach", "/api/v2/prospects", "status", status=200, body=body)
    result = run(settings)
    assert (result.received, result.landed, result.quarantined) == (5, 2, 3)
    assert rows(settings, "select field, seen from landing.drift") == [("attributes.mood", 1)]
    assert rows(
        settings, "select record_key, reason from landing.quarantine order by record_key"
    ) == [
        ("3", "column emails (attributes.emails): value 'not a list' is not a list or object"),
        ("4", "column updated_at (attributes.updatedAt): missing, but required"),
        ("5", "column created_at (attributes.createdAt): missing, but required"),
    ]


def test_a_listing_that_is_none_is_refused(environment: Served, settings: Settings) -> None:
    for body in ({"data": []}, {"meta": {}}):
        environment.fault("outreach", "/api/v2/prospects", "status", status=200, body=body)
    with pytest.raises(StreamsFailedError, match="no JSON:API listing"):
        run(settings)


def test_rows_that_headwater_wrote_come_back(environment: Served, settings: Settings) -> None:
    store = environment.stores["outreach"]
    run(settings)
    store.seed("prospects", [prospect(1, AS_OF - timedelta(days=1))])
    run(settings)
    environment.clock.set(AS_OF + timedelta(minutes=5))
    written = {"attributes": {"emails": ["new@example.com"], "externalId": "person-2"}}
    made = store.new(RESOURCES["prospects"], written)
    task = {
        "attributes": {"action": "action_item", "note": "Call\n\n[headwater:abc]"},
        "relationships": {"prospect": {"type": "prospect", "id": made["id"]}},
    }
    store.new(RESOURCES["tasks"], task)
    run(settings, AS_OF + timedelta(days=1), ("prospects", "tasks"))
    assert rows(
        settings,
        """
        select prospects.external_id, tasks.note
        from raw_outreach.tasks
        inner join raw_outreach.prospects on tasks.prospect_id = prospects.id
        """,
    ) == [("person-2", "Call\n\n[headwater:abc]")]
