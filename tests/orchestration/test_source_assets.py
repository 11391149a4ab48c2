"""What the assets of sources show: the books, and a check that is amber only for what is new."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from connectors.land_ahead import LandAhead
from connectors.landing import LoadResult
from connectors.mixpanel.streams import EVENTS
from connectors.stream import Mode
from headwater.settings import Settings
from orchestration import source_assets
from orchestration.backfill import Days
from orchestration.cycle import cycle_resource
from orchestration.instance import instance
from orchestration.jobs import CYCLE
from orchestration.keys import stream_key
from orchestration.report import report
from orchestration.run_backfill import run_backfill_job
from orchestration.run_cycle import Ending, run_cycle
from orchestration.source_books import Books
from tests.orchestration.mixpanel_only import configure, cycle_of_sources, event
from tests.sandbox.conftest import Served, served

__all__ = ["served"]


@pytest.fixture
def settings(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return configure(served, tmp_path / "var", monkeypatch)


def shown(settings: Settings) -> tuple[Mapping[str, Any], dg.AssetCheckEvaluation]:
    """Run a cycle; the metadata of the events' asset, and its check of quarantine."""
    assert run_cycle(settings, cycle_of_sources(settings)).ending is Ending.CLEAN
    key = stream_key("mixpanel", "events")
    with instance(settings) as history:
        materialized = history.get_latest_materialization_event(key)
        check_key = dg.AssetCheckKey(key, source_assets.QUARANTINE)
        check = history.event_log_storage.get_latest_asset_check_execution_by_key([check_key])
    assert materialized is not None
    assert materialized.asset_materialization is not None
    event_log_entry = check[check_key].event
    assert event_log_entry is not None
    evaluation = event_log_entry.dagster_event.event_specific_data
    return materialized.asset_materialization.metadata, evaluation


def nobody(day: date, number: int) -> dict[str, Any]:
    broken = event(day, number)
    del broken["properties"]["distinct_id"]
    return broken


def test_a_bad_record_keeps_its_check_amber_for_some_days_and_its_count_for_good(
    settings: Settings, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = served.stores["mixpanel"]
    store.seed("events", [event(date(2025, 8, 28), 1), nobody(date(2025, 8, 28), 2)])
    metadata, check = shown(settings)
    assert (check.passed, check.metadata["still_missing"].value) == (False, 1)
    assert (metadata["quarantined"].value, metadata["landed"].value) == (1, 1)

    def at(day: str) -> None:
        monkeypatch.setenv("HEADWATER_AS_OF", f"{day}T09:00:00Z")
        served.clock.set(datetime.fromisoformat(f"{day}T10:00:00Z"))

    at("2025-09-04")
    _, check = shown(settings)
    assert not check.passed, "it is six days old"
    at("2025-09-06")
    metadata, check = shown(settings)
    assert (check.passed, check.metadata["still_missing"].value) == (True, 1)
    assert metadata["open_quarantine"].value == 1
    store.seed("events", [nobody(date(2025, 9, 6), 3)])
    _, check = shown(settings)
    assert (check.passed, check.metadata["still_missing"].value) == (False, 2)


def test_a_snapshot_is_amber_for_as_long_as_it_holds_a_bad_record(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = LoadResult(
        load_id="l",
        source="exclusions_sheet",
        stream="exclusions",
        received=2,
        landed=1,
        duplicates=1,
        quarantined=0,
        open_quarantine=1,
        tombstoned=0,
        calls=1,
        bytes=1,
        seconds=0.1,
        cursor=None,
    )
    events = list(source_assets._events(result, Books(), Mode.SNAPSHOT))
    assert [e.passed for e in events if isinstance(e, dg.AssetCheckResult)] == [False]
    events = list(source_assets._events(result, Books(), Mode.MERGE))
    assert [e.passed for e in events if isinstance(e, dg.AssetCheckResult)] == [True]


def test_the_asset_shows_the_books_and_never_a_record(settings: Settings, served: Served) -> None:
    odd = event(date(2025, 8, 28), 1)
    odd["properties"]["favourite_dish"] = "the-secret-soup"
    served.stores["mixpanel"].seed("events", [odd, nobody(date(2025, 8, 28), 2)])
    shown(settings)
    metadata, _ = shown(settings)
    newest, first = (record.data for record in metadata["loads"].records)
    assert (first["received"], first["landed"], first["quarantined"]) == (2, 1, 1)
    assert (newest["received"], newest["duplicates"], newest["lane"]) == (2, 2, "cycle")
    assert metadata["unknown_fields"].value == 1
    assert [record.data["field"] for record in metadata["drift"].records] == [
        "properties.favourite_dish"
    ]
    assert "the-secret-soup" not in repr(metadata)


def test_a_backfill_is_not_taken_for_the_last_cycle(settings: Settings, served: Served) -> None:
    served.stores["mixpanel"].seed("events", [event(date(2025, 7, 1), 1)])
    cycle = run_cycle(settings, cycle_of_sources(settings))
    run_backfill_job(settings, EVENTS, Days(date(2025, 7, 1), date(2025, 7, 1)))
    assert report(settings)["cycle_id"] == cycle.run_id


@pytest.mark.parametrize(
    ("selected", "first", "afterwards"),
    [
        (["hubspot", "mixpanel"], ["hubspot", "mixpanel"], []),
        (["mixpanel"], ["mixpanel"], []),
        (["mixpanel", "web_rank"], ["mixpanel"], ["web_rank"]),
    ],
)
def test_a_run_reads_ahead_what_it_is_to_land_and_nothing_else(
    settings: Settings,
    served: Served,
    monkeypatch: pytest.MonkeyPatch,
    selected: list[str],
    first: list[str],
    afterwards: list[str],
) -> None:
    monkeypatch.setenv("HEADWATER_SOURCES", "mixpanel,hubspot,web_rank")
    begun: list[list[str]] = []

    class Watched(LandAhead):
        def __init__(self, first: Any, afterwards: Any, **rest: Any) -> None:
            begun.extend([sorted(first), sorted(afterwards)])
            super().__init__(first, afterwards, **rest)

    monkeypatch.setattr(source_assets, "LandAhead", Watched)
    groups = dg.AssetSelection.groups(*(f"source_{name}" for name in selected))
    definitions = dg.Definitions(
        assets=source_assets.source_assets(),
        jobs=[dg.define_asset_job(CYCLE, selection=groups)],
        resources={"cycle": cycle_resource},
        executor=dg.in_process_executor,
    )
    outcome = run_cycle(settings, definitions)
    assert begun == [first, afterwards]
    failed = {failure.step for failure in outcome.failures}
    assert failed == {f"land__{name}" for name in selected if name != "mixpanel"}, "not set up"
