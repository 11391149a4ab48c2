"""From five kinds of source to six destinations, and what a failing source holds back."""

from __future__ import annotations

import requests

from connectors.registry import all_streams
from headwater.settings import Settings, load
from headwater.warehouse import connect
from orchestration.dbt_process import PROJECT, manifest_properties
from orchestration.dbt_steps import DbtGraph
from orchestration.report import report
from orchestration.run_cycle import Ending, Outcome
from sandbox.demo import MADE_BY_DEMO, MARK
from sandbox.score import score
from tests.end_to_end.conftest import World


def told(outcome: Outcome) -> str:
    return "\n".join(f"{failure.step}: {failure.reason}" for failure in outcome.failures)


def test_the_first_cycle_reaches_every_destination(world: World) -> None:
    assert world.first.ending is not Ending.FAILED, told(world.first)
    assert not world.first.held_back
    found = report(load(Settings), world.first.run_id)
    delivered = {
        row["destination"]
        for row in found["syncs"]
        if row["created"] + row["updated"] + row["adopted"] > 0
    }
    assert delivered == {
        "salesforce", "hubspot", "launchdarkly", "outreach", "mixpanel", "product",
    }  # fmt: skip
    assert all(row["calls"] > 0 for row in found["syncs"])
    wanting = [row for row in found["syncs"] if row["calls"] < row["least_calls"]]
    assert not wanting, "least_calls is a lower bound"


def test_the_next_demo_knows_all_that_this_one_leaves(world: World) -> None:
    left = {entry.name for entry in load(Settings).home.iterdir()}
    assert left - set(MADE_BY_DEMO) <= {MARK, world.company.name}


def test_every_record_is_accounted_for(world: World) -> None:
    with connect(load(Settings), read_only=True) as connection:
        loads, wrong = connection.execute(
            "select count(*), "
            "count(*) filter (where received <> landed + duplicates + quarantined) "
            "from landing.loads"
        ).fetchone() or (0, 0)
    assert loads == len(all_streams())
    assert wrong == 0


def test_the_warehouse_comes_close_to_the_planted_truth(world: World) -> None:
    metrics = score(load(Settings).warehouse, world.company)
    assert metrics
    missed = [metric.as_dict() for metric in metrics if not metric.passes]
    assert not missed


def test_a_second_cycle_with_nothing_changed_writes_nothing(world: World) -> None:
    outcome = world.cycle()
    assert outcome.ending is not Ending.FAILED, told(outcome)
    for row in report(load(Settings), outcome.run_id)["syncs"]:
        sent = row["created"] + row["updated"] + row["removed"]
        assert sent == 0, row
        if row["status"] == "clean":
            assert row["calls"] == 0, row


def test_a_source_that_is_down_holds_back_only_what_depends_on_it(world: World) -> None:
    fault = {
        "vendor": "hubspot",
        "route": ".*",
        "kind": "status",
        "times": None,
        "params": {"status": 503, "body": {"message": "down for maintenance"}},
    }
    requests.post(f"{world.url}/_sandbox/faults", json=fault, timeout=5).raise_for_status()
    try:
        outcome = world.cycle()
    finally:
        requests.delete(f"{world.url}/_sandbox/faults", timeout=5).raise_for_status()
    assert outcome.ending is Ending.FAILED
    assert [failure.step for failure in outcome.failures] == ["land__hubspot"]
    assert "hubspot" in outcome.failures[0].reason
    steps = DbtGraph(manifest_properties(PROJECT, load(Settings).home)).steps()
    held = {step.name for step in steps if "hubspot" in step.sources}
    assert {name for name in outcome.held_back if name.startswith("dbt")} == held
    assert not [name for name in outcome.held_back if name.startswith("land__")]
