"""The graph as a whole: what is in it, and that it is joined from source to destination."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from connectors.backfill import day_streams
from connectors.registry import all_streams
from headwater.settings import Settings
from orchestration.backfill import backfill_key
from orchestration.graph import build_definitions
from orchestration.keys import stream_key, sync_key
from orchestration.snapshot import as_text, snapshot
from syncs.registry import definitions as sync_definitions
from tests.parsed_project import bring, keep

STORED = Path(__file__).with_name("snapshot.json")


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The graph, made where there are secrets."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HUBSPOT_ACCESS_TOKEN", "pat-very-secret")
        environment.setenv("HEADWATER_DAGSTER_STORAGE_URL", "postgresql://u:very-secret@h/d")
        home = tmp_path_factory.mktemp("home")
        bring(home)
        definitions = build_definitions(Settings(home=home))
        keep(home)
        return definitions


def test_the_graph_is_the_stored_one(graph: dg.Definitions) -> None:
    assert as_text(snapshot(graph)) == STORED.read_text(encoding="utf-8"), (
        "The graph changed. If it was meant to: "
        "python -m orchestration.snapshot > tests/orchestration/snapshot.json"
    )


def test_every_staging_model_reads_a_stream_and_every_sync_a_model(graph: dg.Definitions) -> None:
    assets = graph.resolve_asset_graph()
    streams = {stream_key(stream.source, stream.name) for stream in all_streams()}
    staged = [key for key in assets.get_all_asset_keys() if key.path[0] == "staging"]
    assert staged
    for key in staged:
        assert assets.get(key).parent_keys & streams, key.path
    for item in sync_definitions():
        parents = assets.get(sync_key(item.name)).parent_keys
        assert dg.AssetKey(["activation", item.model]) in parents, item.name
        assert all(assets.get(key).is_executable for key in parents), item.name


def test_every_asset_but_backfills_is_in_both_jobs(graph: dg.Definitions) -> None:
    backfills = {backfill_key(stream) for stream in day_streams()}
    assets = graph.resolve_asset_graph().executable_asset_keys - backfills
    for name in ("cycle", "daily"):
        job = graph.resolve_job_def(name)
        assert job.asset_layer.executable_asset_keys == assets
    daily = {node.name for node in graph.resolve_job_def("daily").nodes}
    cycle = {node.name for node in graph.resolve_job_def("cycle").nodes}
    assert daily - cycle == {"freshness", "volume_budgets"}


def test_nothing_in_the_graph_holds_a_secret(graph: dg.Definitions) -> None:
    specs = graph.resolve_all_asset_specs()
    # Each model's spec wraps the whole manifest of dbt, and it is one: it is looked through once.
    metadata = [value for spec in specs for value in spec.metadata.values()]
    held = [getattr(value, "manifest", value) for value in metadata]
    values = {id(value): value for value in held}
    told = [repr(value) for value in values.values()]
    told += [f"{list(spec.metadata)} {spec.description}" for spec in specs]
    assert "very-secret" not in "".join(told)
