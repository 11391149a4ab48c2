"""Contacts in the local HubSpot, and runs of the connector against it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.run import LoadResult, run_source
from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def contact(number: int, at: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "properties": {"email": f"p{number}@example.com", "firstname": f"P{number}"},
        "createdAt": stamp(at),
        "updatedAt": stamp(at),
        "archived": False,
        **fields,
    }


def run(settings: Settings, as_of: datetime = AS_OF, stream: str = "contacts") -> LoadResult:
    [result] = run_source("hubspot", settings, FixedClock(as_of), "cycle", streams=[stream])
    return result


def contacts(settings: Settings, where: str = "true") -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(
            f"select id, first_name, _deleted_at from raw_hubspot.contacts where {where} "
            "order by cast(id as bigint)"
        ).fetchall()


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def use(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Point the connector at the served HubSpot."""
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", served.credentials["hubspot"]["access_token"])
    monkeypatch.setenv("HUBSPOT_BASE_URL", f"{served.url}/hubspot")
    return served
