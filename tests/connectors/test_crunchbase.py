"""The Crunchbase connector against the local Crunchbase."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.crunchbase.client import CrunchbaseSource
from connectors.run import LoadResult, StreamsFailedError, StreamsToRetryError, run_source
from connectors.stream import Stream
from headwater.clock import FixedClock
from headwater.errors import CredentialError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)
BEFORE = AS_OF - timedelta(days=9)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def uuid(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012d}"


def organization(number: int, at: datetime, **properties: Any) -> dict[str, Any]:
    identifier = {"permalink": f"org-{number}", "uuid": uuid(number), "value": f"Org {number}"}
    created_at = stamp(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=number))
    return {
        "uuid": uuid(number),
        "properties": {
            "identifier": identifier,
            "created_at": created_at,
            "updated_at": stamp(at),
            **properties,
        },
    }


def funding_round(number: int, at: datetime, **properties: Any) -> dict[str, Any]:
    identifier = {"permalink": f"round-{number}", "uuid": uuid(number), "value": f"Seed {number}"}
    owner = {"permalink": "acme", "uuid": uuid(7), "value": "Acme", "entity_def_id": "organization"}
    return organization(
        number,
        at,
        **{
            "identifier": identifier,
            "funded_organization_identifier": owner,
            "investment_type": "seed",
            **properties,
        },
    )


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setenv("CRUNCHBASE_USER_KEY", served.credentials["crunchbase"]["user_key"])
    monkeypatch.setenv("CRUNCHBASE_BASE_URL", f"{served.url}/crunchbase")
    monkeypatch.setattr("connectors.crunchbase.client.CALLS_PER_SECOND", 1000)
    return served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=2)


def run(settings: Settings, as_of: datetime = AS_OF, stream: str = "organizations") -> LoadResult:
    [result] = run_source("crunchbase", settings, FixedClock(as_of), "cycle", streams=[stream])
    return result


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_pages_changes_and_deleted_entities(environment: Served, settings: Settings) -> None:
    store = environment.stores["crunchbase"]
    money = {"value": 5, "currency": "EUR", "value_usd": 6.5}
    store.seed(
        "organizations",
        [
            organization(number, BEFORE, funding_total=money, categories=[{"value": "Media"}])
            for number in range(1, 1201)
        ],
    )
    first = run(settings)
    assert (first.received, first.landed, first.calls) == (1200, 1200, 3)

    later = AS_OF + timedelta(days=1)
    environment.clock.set(later)
    changed = organization(5, later, num_employees_enum="c_00051_00100")
    store.seed("organizations", [changed])
    store.delete(uuid(6))
    second = run(settings, later + timedelta(hours=1))
    assert (second.landed, second.tombstoned, second.calls) == (2, 1, 3)
    assert run(settings, later + timedelta(hours=2)).landed == 0
    assert rows(
        settings,
        "select permalink, name, employees_band, funding_total_usd, "
        "categories ->> '$[0].value', _deleted_at is not null "
        "from raw_crunchbase.organizations where permalink in ('org-5', 'org-6') order by 1",
    ) == [
        ("org-5", "Org 5", "c_00051_00100", None, None, False),
        ("org-6", "Org 6", None, 6.5, "Media", True),
    ]
    assert rows(settings, "select field from landing.drift") == []


def test_funding_rounds_with_everything_and_with_nothing(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["crunchbase"]
    whole = funding_round(
        1,
        BEFORE,
        is_equity=True,
        announced_on="2025-05-06",
        closed_on={"precision": "month", "value": "2025-05-01"},
        money_raised={"value": 90, "currency": "EUR", "value_usd": 99.5},
        num_investors=3,
        lead_investor_identifiers=[{"value": "Kiln", "permalink": "kiln"}],
    )
    bare = funding_round(2, BEFORE)
    del bare["properties"]["funded_organization_identifier"]
    del bare["properties"]["investment_type"]
    store.seed("funding_rounds", [whole, bare])
    assert run(settings, stream="funding_rounds").landed == 2
    assert rows(
        settings,
        "select permalink, organization_uuid, investment_type, is_equity, "
        "cast(announced_on as varchar), cast(closed_on as varchar), raised_usd, raised, currency, "
        "investors, lead_investors ->> '$[0].value' "
        "from raw_crunchbase.funding_rounds order by uuid",
    ) == [
        (
            "round-1",
            uuid(7),
            "seed",
            True,
            "2025-05-06",
            "2025-05-01",
            99.5,
            90.0,
            "EUR",
            3,
            "Kiln",
        ),
        ("round-2", *[None] * 10),
    ]


def test_a_round_that_was_taken_back_is_marked_and_an_organization_of_its_uuid_is_not(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["crunchbase"]
    store.seed("organizations", [organization(1, BEFORE)])
    store.seed("funding_rounds", [funding_round(1, BEFORE), funding_round(2, BEFORE)])
    run(settings)
    run(settings, stream="funding_rounds")
    store.delete(uuid(1), "funding_rounds")
    assert run(settings, stream="funding_rounds").tombstoned == 1
    assert run(settings).tombstoned == 0
    deleted = "select uuid, _deleted_at is not null from raw_crunchbase."
    assert rows(settings, f"{deleted}funding_rounds order by 1") == [
        (uuid(1), True),
        (uuid(2), False),
    ]
    assert rows(settings, f"{deleted}organizations") == [(uuid(1), False)]


def test_a_permalink_that_passes_to_another_company_moves_with_the_uuids(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["crunchbase"]
    store.seed("organizations", [organization(1, BEFORE), organization(2, BEFORE)])
    run(settings)
    later = AS_OF + timedelta(days=1)

    def named(number: int, permalink: str) -> dict[str, Any]:
        identifier = {"permalink": permalink, "uuid": uuid(number), "value": permalink.title()}
        return organization(number, later, identifier=identifier)

    store.seed("organizations", [named(1, "umbrella"), named(2, "org-1")])
    assert run(settings, later + timedelta(hours=1)).landed == 2
    assert rows(
        settings, "select uuid, permalink, name from raw_crunchbase.organizations order by 1"
    ) == [(uuid(1), "umbrella", "Umbrella"), (uuid(2), "org-1", "Org-1")]


def between_pages(patch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    """Call ``act`` with the number of the page, from 2 on, before it is asked for."""
    original, page = CrunchbaseSource._search, itertools.count(2)

    def search(self: CrunchbaseSource, stream: Stream, body: dict[str, Any]) -> Any:
        if "after_id" in body:
            act(next(page))
        return original(self, stream, body)

    patch.setattr(CrunchbaseSource, "_search", search)


def test_an_entity_that_is_edited_between_two_pages_hides_no_other(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["crunchbase"]
    store.seed("organizations", [organization(n, BEFORE) for n in range(1, 1003)])
    edited = organization(1000, AS_OF)  # the last of page 1, behind which page 2 begins
    with pytest.MonkeyPatch.context() as patch:
        between_pages(patch, lambda _: store.seed("organizations", [edited]))
        result = run(settings)
    assert (result.received, result.landed, result.cursor) == (1002, 1002, BEFORE.isoformat())
    assert run(settings, AS_OF + timedelta(hours=2)).landed == 1


def test_a_load_that_was_cut_off_goes_on_behind_its_last_page(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["crunchbase"]
    store.seed("organizations", [organization(n, BEFORE) for n in range(1, 2501)])
    store.seed("organizations", [organization(3, AS_OF - timedelta(hours=1))])

    def searches() -> int:
        log = environment.calls.as_list()
        found = [each["count"] for each in log if each["route"].endswith("searches/organizations")]
        environment.calls.clear()
        return sum(found)

    def cut_off(page: int) -> None:
        if page == 3:
            raise ConnectionAbortedError("the plug was pulled")

    with pytest.MonkeyPatch.context() as patch:
        between_pages(patch, cut_off)
        with pytest.raises(StreamsFailedError, match="plug"):
            run(settings)
    assert searches() == 3, "the check's, and two pages"
    result = run(settings, AS_OF + timedelta(hours=5))
    assert searches() == 2, "the check's, and the page in flight"
    # The cursor knows what the pages before the cut held, and ends where reading began.
    assert (result.landed, result.cursor) == (2500, (AS_OF - timedelta(hours=1)).isoformat())


def test_the_calls_of_a_day_run_out_half_way_and_it_goes_on_the_next_day(
    environment: Served, settings: Settings
) -> None:
    environment.stores["crunchbase"].seed(
        "organizations", [organization(n, BEFORE) for n in range(1, 2501)]
    )

    def limited(as_of: datetime) -> Settings:
        # Two checks and two of the three pages; the third, and the deleted ones, are tomorrow's.
        return settings.model_copy(update={"as_of": as_of, "daily_calls": {"crunchbase": 4}})

    with pytest.raises(StreamsFailedError, match="HEADWATER_DAILY_CALLS"):
        run(limited(AS_OF))
    tomorrow = AS_OF + timedelta(days=1)
    result = run(limited(tomorrow), tomorrow)
    assert (result.landed, result.calls) == (2500, 2)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("rate_limit", {}),
        ("status", {"status": 503}),
        ("reset", {}),
        ("truncate", {"bytes": 40}),
        ("truncate", {"bytes": 40, "clean": True}),
    ],
)
def test_a_call_that_fails_for_a_moment_is_made_again(
    environment: Served, settings: Settings, kind: str, params: dict[str, Any]
) -> None:
    environment.stores["crunchbase"].seed("organizations", [organization(1, BEFORE)])
    environment.fault("crunchbase", "deleted_entities", kind, **params)
    assert run(settings).landed == 1


def test_a_schema_that_changes_between_two_pages(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown fields are drift, missing ones are null, a changed type quarantines its rows."""
    monkeypatch.setattr("connectors.crunchbase.client.PAGE", 2)
    first = [organization(1, BEFORE, rank_org=1), organization(2, BEFORE, rank_org=2)]
    second = [organization(3, BEFORE, rank_org="third", rank_delta_d7=4.5)]
    second.append(organization(4, BEFORE, rank_org=4, rank_delta_d7=1.5))
    del second[1]["properties"]["identifier"]["uuid"]
    # The first two answers are those of the checks.
    for page in ([], [], first, second, []):
        answer = {"count": 4, "entities": page}
        environment.fault("crunchbase", "searches", "status", times=1, status=200, body=answer)
    result = run(settings)
    assert (result.received, result.landed, result.quarantined) == (4, 3, 1)
    assert rows(
        settings,
        "select uuid, rank_org, _extra ->> '$.properties.rank_delta_d7' "
        "from raw_crunchbase.organizations order by 1",
    ) == [(uuid(1), 1, None), (uuid(2), 2, None), (uuid(4), 4, "1.5")]
    assert rows(settings, "select field from landing.drift") == [("properties.rank_delta_d7",)]
    [(key, line, reason)] = rows(
        settings, "select record_key, line_number, reason from landing.quarantine"
    )
    assert (key, line) == (uuid(3), 3)
    assert reason.startswith("column rank_org (properties.rank_org): ")


@pytest.mark.parametrize("answer", [{"error": "later"}, "soon", {"entities": [{"properties": {}}]}])
def test_an_answer_that_is_no_list_of_entities_fails_the_stream_and_says_so(
    environment: Served, settings: Settings, answer: object
) -> None:
    for body in ({"entities": []}, {"entities": []}, answer):
        environment.fault("crunchbase", "searches", "status", times=1, status=200, body=body)
    with pytest.raises((StreamsFailedError, StreamsToRetryError), match=r"crunchbase"):
        run(settings)
    assert rows(settings, "select count(*) from landing.loads") == [(0,)]


def test_a_wrong_key_is_said_first(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRUNCHBASE_USER_KEY", "not-the-key")
    with pytest.raises(CredentialError, match="CRUNCHBASE_USER_KEY") as caught:
        run(settings)
    assert "not-the-key" not in str(caught.value)
    assert not settings.home.exists()


@pytest.mark.parametrize("moment", ["soon", None, 7])
def test_an_entity_without_a_readable_moment_is_quarantined_and_the_rest_lands(
    environment: Served, settings: Settings, moment: object
) -> None:
    broken = organization(2, BEFORE, updated_at=moment)
    answer = {"count": 2, "entities": [organization(1, BEFORE), broken]}
    # The first two of the three answers are those of the checks.
    environment.fault("crunchbase", "searches", "status", times=3, status=200, body=answer)
    result = run(settings)
    assert (result.landed, result.quarantined, result.cursor) == (1, 1, BEFORE.isoformat())
    [(key, reason)] = rows(settings, "select record_key, reason from landing.quarantine")
    assert key == broken["uuid"]
    assert reason.startswith("column updated_at (properties.updated_at): ")
