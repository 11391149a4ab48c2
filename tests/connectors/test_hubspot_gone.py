"""How records leave HubSpot: merged, deleted without a trace."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from headwater.settings import Settings
from tests.connectors.conftest import Served
from tests.connectors.hubspot_under_test import AS_OF, contact, contacts, rows, run, use

MERGES = "select stream, loser_key, winner_key from landing.merges order by loser_key"
WEEK = timedelta(days=7)


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    return use(served, monkeypatch)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=2)


def call(environment: Served, path: str, body: dict[str, Any]) -> Any:
    token = environment.credentials["hubspot"]["access_token"]
    answer = requests.post(
        f"{environment.url}/hubspot/crm/v3/objects/contacts/{path}",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=9,
    )
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def living(settings: Settings) -> list[str]:
    return [row[0] for row in contacts(settings, "_deleted_at is null")]


def test_both_old_ids_of_a_merge_go_and_the_new_one_names_them(
    environment: Served, settings: Settings
) -> None:
    before, later = AS_OF - timedelta(days=3), AS_OF + timedelta(hours=1)
    environment.stores["hubspot"].seed("contacts", [contact(n, before) for n in (1, 2, 3)])
    run(settings)
    environment.clock.set(later)
    merged = call(environment, "merge", {"primaryObjectId": "1", "objectIdToMerge": "2"})
    result = run(settings, later + timedelta(minutes=1))
    # The new record, two tombstones, and what the overlap brings again.
    assert (result.received, result.landed, result.duplicates, result.tombstoned) == (4, 3, 1, 2)
    assert living(settings) == ["3", merged["id"]]
    assert rows(settings, MERGES) == [
        ("contacts", "1", merged["id"]),
        ("contacts", "2", merged["id"]),
    ]
    again = run(settings, later + timedelta(minutes=2))
    assert (again.landed, again.tombstoned) == (0, 0)


def test_a_winner_that_keeps_its_id_lives(environment: Served, settings: Settings) -> None:
    store = environment.stores["hubspot"]
    before, later = AS_OF - timedelta(days=3), AS_OF + timedelta(hours=1)
    store.seed("contacts", [contact(number, before) for number in (1, 2)])
    run(settings)
    environment.clock.set(later)
    winner = {"email": "p1@example.com", "hs_merged_object_ids": "1;2"}
    store.seed("contacts", [contact(1, later, properties=winner)])
    assert run(settings, later + timedelta(minutes=1)).tombstoned == 1
    assert living(settings) == ["1"]


def test_a_gdpr_delete_is_seen_when_the_ids_are_compared(
    environment: Served, settings: Settings
) -> None:
    before = AS_OF - timedelta(days=3)
    environment.stores["hubspot"].seed("contacts", [contact(n, before) for n in range(1, 151)])
    run(settings)
    environment.clock.set(AS_OF + WEEK)
    call(environment, "gdpr-delete", {"objectId": "7"})
    soon = run(settings, AS_OF + WEEK - timedelta(hours=1))
    assert (soon.tombstoned, soon.calls) == (0, 2)
    result = run(settings, AS_OF + WEEK)
    # One search, two pages of ids, and the archive.
    assert (result.tombstoned, result.calls) == (1, 4)
    assert len(living(settings)) == 149
    assert "7" not in living(settings)
    later = run(settings, AS_OF + WEEK + timedelta(hours=1))
    assert (later.tombstoned, later.calls) == (0, 2)


def test_an_archived_record_is_not_taken_for_one_without_a_trace(
    environment: Served, settings: Settings
) -> None:
    before = AS_OF - timedelta(days=3)
    archived = contact(2, before, archived=True, archivedAt="2025-08-27T00:00:00.000Z")
    environment.stores["hubspot"].seed("contacts", [contact(1, before), archived])
    run(settings)
    since = contacts(settings, "id = '2'")
    assert run(settings, AS_OF + WEEK).tombstoned == 0
    assert contacts(settings, "id = '2'") == since
