"""The Marketo connector against the local Marketo."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.run import LoadResult, run_source
from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)
EARLIER = AS_OF - timedelta(days=3)
START = "2025-06-01"


class PatientClock(FixedClock):
    """A clock that waits without waiting."""

    def sleep(self, seconds: float) -> None:
        del seconds


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def lead(number: int, at: datetime = EARLIER, **fields: Any) -> dict[str, Any]:
    known = {"email": f"p{number}@example.com", "firstName": f"P{number}"}
    return {"id": number, "createdAt": stamp(EARLIER), "updatedAt": stamp(at), **known, **fields}


def activity(number: int, type_id: int, at: datetime = EARLIER, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "marketoGUID": str(number),
        "leadId": 1,
        "activityDate": stamp(at),
        "activityTypeId": type_id,
        "attributes": [],
        **fields,
    }


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    for name in ("client_id", "client_secret", "munchkin_id"):
        monkeypatch.setenv(f"MARKETO_{name.upper()}", served.credentials["marketo"][name])
    monkeypatch.setenv("MARKETO_BASE_URL", f"{served.url}/marketo")
    monkeypatch.setenv("MARKETO_START", START)
    served.stores["marketo"].export_step_seconds = 0
    return served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=2)


def run(settings: Settings, *streams: str, as_of: datetime = AS_OF) -> LoadResult:
    result, *_ = run_source("marketo", settings, PatientClock(as_of), "cycle", streams=streams)
    return result


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_leads_come_whole_in_bulk_and_changed_ones_by_the_log(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["marketo"]
    store.seed("leads", [lead(number) for number in range(1, 701)])
    store.seed(
        "leads", [lead(701, createdAt="2025-06-03T00:00:00Z", lastName='O"Neil, "null"\nJr')]
    )
    first = run(settings, "leads")
    assert (first.received, first.landed, first.cursor) == (701, 701, AS_OF.isoformat())
    assert rows(settings, "select last_name from raw_marketo.leads where id = 701") == [
        ('O"Neil, "null"\nJr',)
    ]
    assert rows(settings, "select count(*) from raw_marketo.leads where last_name is null") == [
        (700,)
    ]

    later = AS_OF + timedelta(hours=2)
    store.seed("leads", [lead(7, later, firstName="Seven"), lead(702, later, leadScore=12)])
    store.seed(
        "activities",
        [
            activity(1, 13, later, leadId=7, fields=[{"name": "firstName", "newValue": "Seven"}]),
            activity(2, 12, later, leadId=702),
        ],
    )
    second = run(settings, "leads", as_of=later + timedelta(minutes=5))
    assert (second.received, second.landed, second.cursor) == (2, 2, later.isoformat())
    assert rows(
        settings, "select id, first_name, lead_score from raw_marketo.leads where id in (7, 702)"
    ) == [(7, "Seven", None), (702, "P702", 12)]


def test_deleted_and_merged_leads_are_gone_and_the_merge_is_told(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["marketo"]
    store.seed("leads", [lead(number) for number in range(1, 6)])
    both = ("leads", "lead_merges")
    run(settings, *both)
    later = AS_OF + timedelta(hours=2)
    for gone in (2, 3, 5):
        store.leads.delete(gone)
    merge = [{"name": "Merge IDs", "value": "[2, 3]"}]
    store.seed(
        "activities",
        [
            activity(1, 32, later, leadId=1, attributes=merge),
            activity(2, 37, later, leadId=5, primaryAttributeValue="p5@example.com"),
        ],
    )
    run(settings, *both, as_of=later + timedelta(hours=1))
    assert rows(
        settings, "select id from raw_marketo.leads where _deleted_at is not null order by id"
    ) == [(2,), (3,), (5,)]
    assert rows(settings, "select winner_id, loser_ids from raw_marketo.lead_merges") == [
        (1, "[2, 3]")
    ]
    assert rows(
        settings, "select stream, loser_key, winner_key from landing.merges order by loser_key"
    ) == [("leads", "2", "1"), ("leads", "3", "1")]


def test_activities_come_in_bulk_at_first_and_then_by_token(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["marketo"]
    june = datetime(2025, 6, 2, tzinfo=UTC)
    web = {"primaryAttributeValueId": 4, "primaryAttributeValue": "/pricing"}
    browser = [{"name": "User Agent", "value": 'a "browser", with commas'}]
    store.seed(
        "activities",
        [activity(n, 1, june + timedelta(hours=n), attributes=browser, **web) for n in range(400)],
    )
    store.seed("activities", [activity(900, 13, june), activity(901, 46, EARLIER)])
    first = run(settings, "activities")
    assert (first.received, first.landed, first.cursor) == (401, 401, AS_OF.isoformat())
    later = AS_OF + timedelta(hours=2)
    store.seed(
        "activities",
        [activity(n, 1, later, attributes=browser, **web) for n in range(1000, 1400)],
    )
    second = run(settings, "activities", as_of=later + timedelta(minutes=5))
    assert (second.received, second.landed, second.cursor) == (400, 400, later.isoformat())
    # By token and in bulk a record is the same: what both bring is told once.
    assert rows(
        settings,
        """
        select distinct primary_attribute_value_id, primary_attribute_value,
            attributes ->> '$."User Agent"'
        from raw_marketo.activities
        where activity_type_id = 1
        """,
    ) == [(4, "/pricing", 'a "browser", with commas')]
    assert rows(settings, "select * from landing.drift") == []


def test_programs_members_lists_and_types(environment: Served, settings: Settings) -> None:
    store = environment.stores["marketo"]
    store.seed("leads", [lead(number) for number in (1, 2, 3)])
    asset = {"createdAt": "2025-06-03T00:00:00Z+0000", "updatedAt": "2025-06-04T00:00:00Z+0000"}
    store.seed("programs", [{"id": 11, "name": "Webinar", "channel": "Webinar", **asset}])
    store.seed("lists", [{"id": 21, "name": "Opted in", "createdAt": "2025-06-03T00:00:00Z"}])
    member = {"programId": 11, "statusName": "Invited", "reachedSuccess": False}
    at = {"membershipDate": stamp(EARLIER)}
    store.seed("program_members", [{**member, **at, "leadId": number} for number in (1, 2, 3)])
    names = ("programs", "program_members", "lists", "activity_types")
    run(settings, *names)
    assert rows(settings, "select name, updated_at from raw_marketo.programs") == [
        ("Webinar", datetime(2025, 6, 4))
    ]
    assert rows(settings, "select name from raw_marketo.lists") == [("Opted in",)]
    assert ("Merge Leads",) in rows(settings, "select name from raw_marketo.activity_types")

    later = AS_OF + timedelta(hours=2)
    store.seed("program_members", [{**member, **at, "leadId": 2, "statusName": "Attended"}])
    store.seed("program_members", [{**member, "leadId": 3, "isDeleted": True}])
    told = {"primaryAttributeValueId": 11, "primaryAttributeValue": "Webinar"}
    store.seed(
        "activities",
        [activity(1, 104, later, leadId=2, **told), activity(2, 104, later, leadId=3, **told)],
    )
    result = run(settings, "program_members", as_of=later + timedelta(hours=1))
    assert result.cursor == later.isoformat()
    assert rows(
        settings,
        """
        select lead_id, status, _deleted_at is not null
        from raw_marketo.program_members
        order by lead_id
        """,
    ) == [(1, "Invited", False), (2, "Attended", False), (3, "Invited", True)]
