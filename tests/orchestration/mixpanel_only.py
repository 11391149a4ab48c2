"""A home of its own that reads the local Mixpanel and nothing else, for tests of orchestration."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from headwater.settings import Settings, load
from orchestration.cycle import cycle_resource
from orchestration.jobs import CYCLE
from orchestration.source_assets import source_assets
from tests.sandbox.conftest import Served


def event(day: date, number: int) -> dict[str, Any]:
    """An event of that day, as Mixpanel exports it."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(seconds=number)
    return {
        "event": "Page Viewed",
        "properties": {
            "time": int(at.timestamp()),
            "distinct_id": "u",
            "$insert_id": f"{day}-{number}",
            "mp_processing_time_ms": int(at.timestamp() * 1000),
        },
    }


def configure(served: Served, home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings, in the environment as well."""
    known = served.credentials["mixpanel"]
    for name, value in {
        "MIXPANEL_SERVICE_ACCOUNT_USERNAME": known["username"],
        "MIXPANEL_SERVICE_ACCOUNT_SECRET": known["secret"],
        "MIXPANEL_PROJECT_ID": str(known["project_ids"][0]),
        "MIXPANEL_EXPORT_BASE_URL": f"{served.url}/mixpanel",
        "MIXPANEL_BACKFILL_CALLS_PER_HOUR": "60",
        "HEADWATER_HOME": str(home),
        "HEADWATER_AS_OF": "2025-08-29T09:00:00Z",
        "HEADWATER_HISTORY_START": "2025-07-01",
        "HEADWATER_SOURCES": "mixpanel",
        "HEADWATER_HTTP_RETRIES": "1",
        "HEADWATER_STEP_RETRIES": "0",
    }.items():
        monkeypatch.setenv(name, value)
    store = served.stores["mixpanel"]
    store.exports_per_second.limit = 100
    store.exports_per_hour.limit = 1000
    return load(Settings)


def cycle_of_sources(settings: Settings) -> dg.Definitions:
    """A cycle of one step: Mixpanel lands, with its checks; no models, no syncs."""
    return dg.Definitions(
        assets=source_assets(),
        jobs=[dg.define_asset_job(CYCLE, selection=dg.AssetSelection.groups("source_mixpanel"))],
        resources={"cycle": cycle_resource},
        executor=dg.in_process_executor,
    )
