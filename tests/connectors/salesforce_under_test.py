"""Leads in the local Salesforce, and runs of the connector against it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.run import LoadResult, run_source
from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.warehouse import connect
from sandbox.vendors.salesforce import ids
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)


def lead(number: int, at: datetime, **fields: Any) -> dict[str, Any]:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return {
        "Id": ids.make("00Q", "SEED", number),
        "LastName": f"Last {number}",
        "Company": 'Line one\nline "two", and comma',
        "Email": f"p{number}@example.com",
        "Title": None,
        "CreatedDate": stamp,
        "SystemModstamp": stamp,
        "IsDeleted": False,
        **fields,
    }


def run(settings: Settings, as_of: datetime = AS_OF) -> LoadResult:
    [result] = run_source("salesforce", settings, FixedClock(as_of), "cycle", streams=["lead"])
    return result


def leads(settings: Settings, columns: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(
            f"select {columns} from raw_salesforce.lead order by id"
        ).fetchall()


def use(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Point the connector at the served Salesforce."""
    known = served.credentials["salesforce"]
    monkeypatch.setenv("SALESFORCE_DOMAIN", "groupgrub.my")
    monkeypatch.setenv("SALESFORCE_CLIENT_ID", known["client_id"])
    monkeypatch.setenv("SALESFORCE_CLIENT_SECRET", known["client_secret"])
    monkeypatch.setenv("SALESFORCE_BASE_URL", f"{served.url}/salesforce")
    return served
