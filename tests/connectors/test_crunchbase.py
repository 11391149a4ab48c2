"""The Crunchbase connector against the local Crunchbase."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.run import LoadResult, run_source
from headwater.clock import FixedClock
from headwater.errors import CredentialError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)


def organization(number: int, at: datetime, **properties: Any) -> dict[str, Any]:
    uuid = f"00000000-0000-0000-0000-{number:012d}"
    identifier = {"permalink": f"org-{number}", "uuid": uuid, "value": f"Org {number}"}
    return {
        "uuid": uuid,
        "properties": {
            "identifier": identifier,
            "updated_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            **properties,
        },
    }


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setenv("CRUNCHBASE_USER_KEY", served.credentials["crunchbase"]["user_key"])
    monkeypatch.setenv("CRUNCHBASE_BASE_URL", f"{served.url}/crunchbase")
    return served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=2)


def run(settings: Settings, as_of: datetime = AS_OF) -> LoadResult:
    [result] = run_source("crunchbase", settings, FixedClock(as_of), "cycle")
    return result


def test_pages_changes_and_deleted_entities(environment: Served, settings: Settings) -> None:
    store = environment.stores["crunchbase"]
    before = AS_OF - timedelta(days=9)
    money = {"value": 5, "currency": "EUR", "value_usd": 6.5}
    store.seed(
        "organizations",
        [
            organization(number, before, funding_total=money, categories=[{"value": "Media"}])
            for number in range(1, 1201)
        ],
    )
    first = run(settings)
    assert (first.received, first.landed, first.calls) == (1200, 1200, 3)

    later = AS_OF + timedelta(days=1)
    environment.clock.set(later)
    changed = organization(5, later, num_employees_enum="c_00051_00100")
    store.seed("organizations", [changed])
    store.delete(organization(6, before)["uuid"])
    second = run(settings, later + timedelta(hours=1))
    assert (second.landed, second.tombstoned, second.calls) == (2, 1, 3)
    assert run(settings, later + timedelta(hours=2)).landed == 0
    with connect(settings, read_only=True) as connection:
        rows = connection.execute(
            "select permalink, name, employees_band, funding_total_usd, "
            "categories ->> '$[0].value', _deleted_at is not null "
            "from raw_crunchbase.organizations where permalink in ('org-5', 'org-6') order by 1"
        ).fetchall()
        assert connection.execute("select field from landing.drift").fetchall() == []
    assert rows == [
        ("org-5", "Org 5", "c_00051_00100", None, None, False),
        ("org-6", "Org 6", None, 6.5, "Media", True),
    ]


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
    at = AS_OF - timedelta(days=9)
    broken = organization(2, at, updated_at=moment)
    answer = {"count": 2, "entities": [organization(1, at), broken]}
    # The first of the two answers is the check's.
    environment.fault("crunchbase", "searches", "status", times=2, status=200, body=answer)
    result = run(settings)
    assert (result.landed, result.quarantined, result.cursor) == (1, 1, at.isoformat())
    with connect(settings, read_only=True) as connection:
        [(key, reason)] = connection.execute(
            "select record_key, reason from landing.quarantine"
        ).fetchall()
    assert key == broken["uuid"]
    assert reason.startswith("column updated_at (properties.updated_at): ")
