"""kill -9 at random moments: nothing is lost and nothing is made twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time

from tests.syncs.world import prospect, task

RUN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from headwater.clock import FixedClock
from headwater.settings import Settings
from syncs.run import run
settings = Settings(home=Path(sys.argv[1]), http_retries=1)
print("go", flush=True)
for name in ("outreach__prospects", "outreach__sdr_tasks"):
    result = run(name, settings, FixedClock(datetime(2025, 8, 29, tzinfo=UTC)), "cycle")
    print(result.status, result.error, flush=True)
"""
KILLS = 6


def test_kill_9_at_random_moments_loses_nothing_and_doubles_nothing(world):
    number = 120
    world.model("outreach__prospects", *(prospect(n) for n in range(number)))
    world.model("outreach__sdr_tasks", *(task(n) for n in range(number)))
    chance = random.Random(20250829)
    killed = 0
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", RUN, str(world.settings.home)],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None and process.stdout.readline() == "go\n"
            time.sleep(chance.uniform(0.05, 1.0))
            killed += process.poll() is None
            process.kill()
    assert killed, "every run ended before it was killed"
    for name in ("outreach__prospects", "outreach__sdr_tasks"):
        last = world.run(name)
        assert str(last.status) == "clean", last.error
    people = [row["attributes"]["externalId"] for row in world.stored("outreach", "prospects")]
    assert sorted(people) == sorted(f"person-{n}" for n in range(number))
    notes = [row["attributes"]["note"] for row in world.stored("outreach", "tasks")]
    assert len(notes) == len(set(notes)) == number
