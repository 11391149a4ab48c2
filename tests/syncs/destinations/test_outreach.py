"""Outreach: prospects, and the tasks that stand on them."""

from __future__ import annotations

import json
import threading
import time

from sandbox.vendors.outreach.records import Records
from syncs.run import run
from syncs.state import RunStatus
from tests.syncs.world import prospect, task


def test_prospects_and_their_tasks_are_made_exactly_once_through_lost_answers(world):
    world.model("outreach__prospects", *(prospect(n) for n in range(12)))
    world.model("outreach__sdr_tasks", *(task(n) for n in range(12)), task(99))
    world.served.fault("outreach", "/api/v2/prospects$", "lost_response", times=3)
    people = [world.run("outreach__prospects") for _ in range(4)]
    assert people[-1].status is RunStatus.CLEAN
    held = world.stored("outreach", "prospects")
    assert sorted(row["attributes"]["externalId"] for row in held) == sorted(
        f"person-{n}" for n in range(12)
    )
    world.served.fault("outreach", "/api/v2/tasks$", "lost_response", times=4)
    tasks = [world.run("outreach__sdr_tasks") for _ in range(4)]
    assert (tasks[-2].status, tasks[-2].rejected) == (RunStatus.PARTIAL, 1)
    assert (tasks[-1].status, tasks[-1].quarantined) == (RunStatus.PARTIAL, 1)
    assert all(each.calls >= each.least_calls for each in [*people, *tasks])
    assert tasks[-2].refusals[0].code == "NO_PROSPECT"
    notes = [row["attributes"]["note"] for row in world.stored("outreach", "tasks")]
    assert len(notes) == len(set(notes)) == 12


def test_a_task_that_the_vendor_is_still_working_at_is_not_made_again(world, monkeypatch):
    """The answer is given up and the task is not there yet: it comes 20 seconds later."""
    world.model("outreach__prospects", prospect(1))
    world.model("outreach__sdr_tasks", task(1))
    world.run("outreach__prospects")
    begun, time_is_up = [], threading.Event()
    read = Records._data

    def slowly(records, call, resource):
        begun.append(call)
        if len(begun) == 1:
            assert time_is_up.wait(timeout=60)
        return read(records, call, resource)

    def posts():
        calls = world.served.calls.as_list()
        return sum(c["count"] for c in calls if (c["vendor"], c["method"]) == ("outreach", "POST"))

    def wait_for_all():
        deadline = time.monotonic() + 60
        while posts() < before + len(begun):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    before, waited = posts(), []

    def sleep(seconds):
        waited.append(seconds)
        if sum(waited) >= 20:
            time_is_up.set()
            wait_for_all()

    monkeypatch.setattr(Records, "_data", slowly)
    monkeypatch.setattr(world.clock, "sleep", sleep)
    impatient = world.settings.model_copy(update={"http_timeout_seconds": 1.0})
    result = run("outreach__sdr_tasks", impatient, world.clock, "cycle")
    time_is_up.set()
    wait_for_all()
    assert (result.status, result.created) == (RunStatus.CLEAN, 1), result.error
    assert len(world.stored("outreach", "tasks")) == 1


def test_tasks_are_not_made_again_when_the_state_is_lost(world):
    world.model("outreach__prospects", prospect(1))
    world.model("outreach__sdr_tasks", task(1))
    world.run("outreach__prospects")
    world.run("outreach__sdr_tasks")
    (world.settings.sync_state / "outreach__sdr_tasks.duckdb").unlink()
    again = world.run("outreach__sdr_tasks")
    assert (again.status, again.least_calls) == (RunStatus.CLEAN, 0)
    assert len(world.stored("outreach", "tasks")) == 1


def test_a_prospect_known_by_its_address_is_taken_over_and_a_change_is_one_call(world):
    store = world.served.stores["outreach"]
    world.model("outreach__prospects", prospect(1))
    world.run("outreach__prospects")
    row = world.stored("outreach", "prospects")[0]
    row["attributes"]["externalId"] = None
    store.seed("prospects", [row])
    (world.settings.sync_state / "outreach__prospects.duckdb").unlink()
    world.model("outreach__prospects", prospect(1, title="Chief"))
    assert world.run("outreach__prospects").status is RunStatus.CLEAN
    held = world.stored("outreach", "prospects")
    assert len(held) == 1
    assert held[0]["attributes"]["externalId"] == "person-1"
    assert held[0]["attributes"]["title"] == "Chief"
    world.model("outreach__prospects", prospect(1, title="Boss"))
    changed = world.run("outreach__prospects")
    assert (changed.updated, changed.calls, changed.least_calls) == (1, 2, 1)


def test_two_syncs_share_one_access_token_and_the_rotated_refresh_token(world):
    world.model("outreach__prospects", prospect(1))
    world.model("outreach__sdr_tasks", task(1))
    for name in ("outreach__prospects", "outreach__sdr_tasks"):
        assert world.run(name).status is RunStatus.CLEAN  # a second token within 60 s is a 429
    kept = world.settings.home / "credentials" / "outreach.json"
    assert kept.stat().st_mode & 0o077 == 0
    first = json.loads(kept.read_text())
    assert first["refresh_token"] != world.served.credentials["outreach"]["refresh_token"]
