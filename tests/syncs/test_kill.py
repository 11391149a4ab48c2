"""kill -9 anywhere: nothing is lost and nothing is made twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time

from syncs.history import status
from syncs.run import check
from tests.syncs.world import prospect, task

RUN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from headwater.clock import FixedClock
from headwater.settings import Settings
from syncs.run import run

class Hurried(FixedClock):
    def sleep(self, seconds):
        super().sleep(min(seconds, 0.1))

settings = Settings(home=Path(sys.argv[1]), http_retries=1)
print("go", flush=True)
for name in ("outreach__prospects", "outreach__sdr_tasks"):
    result = run(name, settings, Hurried(datetime(2025, 8, 29, tzinfo=UTC)), "cycle")
    print(result.status, result.error, flush=True)
"""
NAMES = ("outreach__prospects", "outreach__sdr_tasks")
KILLED_AFTER_CALLS = (0, 25, 60, 45, 40, 50)
"""After how many more calls each run is killed: before its first one, and in the middle of both
syncs. Counted and not timed, so that a busy machine is killed at the same places."""


def test_kill_9_anywhere_loses_nothing_and_doubles_nothing(world):
    number = 120
    world.model("outreach__prospects", *(prospect(n) for n in range(number)))
    world.model("outreach__sdr_tasks", *(task(n) for n in range(number)))
    check("outreach__prospects", world.settings)  # gets the tokens; see the test below
    chance = random.Random(20250829)
    for calls in KILLED_AFTER_CALLS:
        with subprocess.Popen(
            [sys.executable, "-c", RUN, str(world.settings.home)],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None and process.stdout.readline() == "go\n"
            until = world.served.calls.total("outreach") + calls
            while world.served.calls.total("outreach") < until and process.poll() is None:
                time.sleep(0.002)
            time.sleep(chance.uniform(0.0, 0.02))
            assert process.poll() is None, f"ended by itself: {process.stdout.read()}"
            process.kill()
    for name in NAMES:
        last = world.run(name)
        assert str(last.status) == "clean", last.error
        reasons = [each["reason"] for each in status(name, world.settings)]
        assert "The process died." in reasons, f"no kill hit {name}"
    assert_made_once(world, number)


def test_a_refresh_token_that_died_with_its_answer_holds_up_both_syncs_until_it_is_replaced(
    world, monkeypatch
):
    """Outreach takes a refresh token out of use before its successor is known to have arrived: who
    is killed in between has to be authorized again. That is said, and no row is lost by it."""
    world.model("outreach__prospects", *(prospect(n) for n in range(2)))
    world.model("outreach__sdr_tasks", *(task(n) for n in range(2)))
    world.served.fault("outreach", "/oauth/token", "lost_response")
    for _ in range(2):
        stopped = world.run("outreach__prospects")
        assert str(stopped.status) == "failed" and "OUTREACH_REFRESH_TOKEN" in str(stopped.error)
    outreach = world.served.stores["outreach"]
    outreach.token_every_seconds = 0
    outreach.tokens.put("refresh/authorized again", {"until": float("inf")})
    monkeypatch.setenv("OUTREACH_REFRESH_TOKEN", "authorized again")
    for name in NAMES:
        last = world.run(name)
        assert str(last.status) == "clean", last.error
    assert_made_once(world, 2)


def assert_made_once(world, number):
    people = [row["attributes"]["externalId"] for row in world.stored("outreach", "prospects")]
    assert sorted(people) == sorted(f"person-{n}" for n in range(number))
    notes = [row["attributes"]["note"] for row in world.stored("outreach", "tasks")]
    assert len(notes) == len(set(notes)) == number
