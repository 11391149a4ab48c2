"""The HubSpot connector against the local HubSpot."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.keyed_cursor import KeyedCursor
from headwater.errors import CredentialError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served
from tests.connectors.hubspot_under_test import AS_OF, contact, contacts, run, stamp, use


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    return use(served, monkeypatch)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=2)


def test_the_whole_by_listing_changes_by_search_and_deletes_from_the_archive(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["hubspot"]
    before = AS_OF - timedelta(days=3)
    store.seed("contacts", [contact(number, before) for number in range(1, 251)])
    first = run(settings)
    assert (first.received, first.landed, first.calls) == (250, 250, 4)

    later = AS_OF + timedelta(hours=1)
    environment.clock.set(later)
    store.seed(
        "contacts",
        [
            contact(7, later, properties={"email": "p7@example.com", "firstname": "Seven"}),
            contact(251, later),
            contact(9, before, archived=True, archivedAt=stamp(later)),
        ],
    )
    second = run(settings, later + timedelta(hours=1))
    assert (second.landed, second.tombstoned, second.calls) == (3, 1, 3)
    assert contacts(settings, "id in ('7', '251', '9')") == [
        ("7", "Seven", None),
        ("9", "P9", later.replace(tzinfo=None)),
        ("251", "P251", None),
    ]
    third = run(settings, later + timedelta(hours=2))
    assert third.landed == 0


def test_many_changes_in_one_moment_are_walked_by_id(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["hubspot"]
    run(settings)
    store.seed("contacts", [contact(1, AS_OF)])
    run(settings, AS_OF + timedelta(hours=1))
    bulk = AS_OF + timedelta(hours=2)
    store.seed("contacts", [contact(number, bulk) for number in range(2, 702)])
    result = run(settings, bulk + timedelta(hours=1))
    assert result.landed == 700
    assert len(contacts(settings)) == 701
    assert result.calls == 4 + 1


def test_a_wrong_token_is_said_first(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "pat-wrong")
    with pytest.raises(CredentialError, match="HUBSPOT_ACCESS_TOKEN") as caught:
        run(settings)
    assert "pat-wrong" not in str(caught.value)
    assert not settings.home.exists()


def test_a_rate_limit_and_an_outage_are_waited_out(environment: Served, settings: Settings) -> None:
    environment.stores["hubspot"].seed("contacts", [contact(1, AS_OF - timedelta(days=1))])
    environment.fault("hubspot", "contacts", "status", status=503)
    environment.fault("hubspot", "contacts", "reset")
    assert run(settings).landed == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"updatedAt": "yesterday"}, "value 'yesterday' is not a moment"),
        ({"updatedAt": None}, "missing, but required"),
        ({"updatedAt": 5.5}, "value '5.5' is not a moment"),
        (None, "missing, but required"),
    ],
)
def test_a_record_without_a_readable_moment_is_quarantined_and_the_rest_lands(
    environment: Served, settings: Settings, bad: dict[str, Any] | None, reason: str
) -> None:
    at = AS_OF - timedelta(days=1)
    broken = contact(2, at)
    broken = broken | bad if bad else {k: v for k, v in broken.items() if k != "updatedAt"}
    answer = {"results": [contact(1, at), broken, contact(3, at)]}
    # The first of the two answers is the check's.
    environment.fault("hubspot", "contacts", "status", times=2, status=200, body=answer)
    result = run(settings)
    assert (result.landed, result.quarantined) == (2, 1)
    assert KeyedCursor.read(result.cursor).changed_at == at
    with connect(settings, read_only=True) as connection:
        assert connection.execute(
            "select record_key, reason from landing.quarantine"
        ).fetchall() == [("2", f"column updated_at (updatedAt): {reason}")]
