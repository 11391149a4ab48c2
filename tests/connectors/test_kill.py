"""kill -9 at random moments of a load: the same rows, cursors and books, and no page fetched again
but the one in flight.

Twenty kills here; for more: ``KILLS=200 python -m pytest tests/connectors/test_kill.py``.
"""

from __future__ import annotations

import random
import time
from datetime import timedelta
from pathlib import Path

from connectors.hubspot.streams import STREAMS
from connectors.zone import Zone, read_manifest
from headwater.settings import Settings
from tests.connectors.conftest import Served
from tests.connectors.killable_loads import KILLS, Loader, ask, loader, state, whole_loads
from tests.connectors.test_hubspot import AS_OF, contact, environment, stamp  # noqa: F401

LATER = AS_OF + timedelta(hours=2)
PAGE_SECONDS = 0.01
[CONTACTS] = [stream for stream in STREAMS if stream.name == "contacts"]


def at_first(served: Served) -> None:
    """600 contacts, some of them archived."""
    before = AS_OF - timedelta(days=3)
    served.stores["hubspot"].seed(
        "contacts",
        [
            contact(number, before, **({"archived": True, "archivedAt": stamp(before)}))
            if number % 50 == 0
            else contact(number, before)
            for number in range(1, 601)
        ],
    )


def then(served: Served) -> None:
    """Every third of them changed, and some were archived."""
    changed = AS_OF + timedelta(hours=1)
    properties = {"email": "new@example.com", "firstname": "New"}
    served.stores["hubspot"].seed(
        "contacts",
        [contact(number, changed, properties=properties) for number in range(1, 601, 3)]
        + [
            contact(number, changed, archived=True, archivedAt=stamp(changed))
            for number in range(5, 601, 90)
        ],
    )


STEPS = ((at_first, AS_OF), (then, LATER))


def test_kill_9_at_random_moments_of_a_load(
    environment: Served,  # noqa: F811
    tmp_path: Path,
) -> None:
    environment.fault("hubspot", ".*", "delay", times=None, seconds=PAGE_SECONDS)
    chance = random.Random(20250829)
    expected, calls, seconds = [], [], []
    with loader(CONTACTS) as loads:
        for prepare, as_of in STEPS:
            prepare(environment)
            environment.calls.clear()
            started = time.perf_counter()
            assert loads.load(tmp_path / "undisturbed", as_of)
            seconds.append(time.perf_counter() - started)
            calls.append(environment.calls.total("hubspot"))
            expected.append(state(tmp_path / "undisturbed", CONTACTS))
        checks = calls_of_a_check(environment, loads, tmp_path / "undisturbed")

        killed = 0
        series = 0
        while killed < KILLS:
            series += 1
            home = tmp_path / f"killed-{series}"
            more_before = 0
            for step, (prepare, as_of) in enumerate(STEPS):
                prepare(environment)
                environment.calls.clear()
                kills = 0
                while not loads.load(home, as_of, chance.uniform(0, 1.2 * seconds[step])):
                    kills += 1
                assert state(home, CONTACTS) == expected[step]
                loads_landed = ask(home, "select load_id from landing.loads order by all")
                more = len(loads_landed) - len(STEPS[: step + 1]) - more_before
                more_before += more
                assert environment.calls.total("hubspot") <= (
                    calls[step] + kills * (1 + checks) + more * calls[-1]
                )
                assert whole_loads(home, CONTACTS) == loads_landed, (
                    "no load is left behind, or half"
                )
                killed += kills


def calls_of_a_check(served: Served, loads: Loader, home: Path) -> int:
    """The calls that every process makes before it reads: those of a run less those of its load."""
    served.calls.clear()
    assert loads.load(home, LATER)
    [(load_id,)] = ask(home, "select max(load_id) from landing.loads")
    manifest = read_manifest(Zone(Settings(home=home).landing_zone).folder(CONTACTS) / load_id)
    return served.calls.total("hubspot") - manifest.calls
