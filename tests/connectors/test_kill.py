"""kill -9 at random moments of a load: the same rows, cursors and books, and no page fetched again
but the one in flight.

Twenty kills here; for more: ``KILLS=200 python -m pytest tests/connectors/test_kill.py``.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.hubspot.streams import STREAMS
from connectors.zone import MANIFEST, Zone, read_manifest
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served
from tests.connectors.test_hubspot import AS_OF, contact, environment, stamp  # noqa: F401

KILLS = int(os.environ.get("KILLS", "20"))
LATER = AS_OF + timedelta(hours=2)
PAGE_SECONDS = 0.01
[CONTACTS] = [stream for stream in STREAMS if stream.name == "contacts"]

# Imports once; then forks a process per load that is asked for on stdin, says its id, and says how
# it ended.
LOADER = """
import os, sys, traceback
from datetime import datetime
from pathlib import Path
from connectors.run import run_source
from headwater.clock import FixedClock
from headwater.settings import Settings
while line := sys.stdin.readline():
    home, as_of = line.split()
    child = os.fork()
    if child == 0:
        try:
            run_source(
                "hubspot", Settings(home=Path(home), http_retries=0),
                FixedClock(datetime.fromisoformat(as_of)), "cycle", streams=["contacts"],
            )
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    print(child, flush=True)
    sys.stdin.readline()  # its id stays its own for as long as nobody waits for it
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass
class Loader:
    """Loads in processes that can be killed."""

    process: subprocess.Popen[str]

    def load(self, home: Path, as_of: datetime, kill_after: float | None = None) -> bool:
        """Load once; returns whether it came to its end before it was killed."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(home, as_of.isoformat(), file=self.process.stdin, flush=True)
        child = int(self.process.stdout.readline())
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)
        print(file=self.process.stdin, flush=True)
        ending = int(self.process.stdout.readline())
        assert ending in (0, -signal.SIGKILL), "a load failed by itself"
        return ending == 0


@contextmanager
def loader() -> Iterator[Loader]:
    with subprocess.Popen(
        [sys.executable, "-c", LOADER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Loader(process)
        assert process.stdin is not None
        process.stdin.close()


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


def ask(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with connect(Settings(home=home), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def state(home: Path) -> list[list[tuple[Any, ...]]]:
    """Rows, cursor, quarantine, drift and what landed; all times are the injected clock's.

    A load that was killed after it was extracted is landed by the next run, which then reads what
    is new since: nothing. So there may be loads that brought nothing, and nothing else.
    """
    return [
        ask(home, f"select {what} order by all")
        for what in (
            "* exclude (_load_id) from raw_hubspot.contacts",
            "source, stream, cursor from landing.cursors",
            "* from landing.quarantine",
            "* from landing.drift",
            "landed, tombstoned, cursor_after from landing.loads where landed + tombstoned > 0",
        )
    ]


def test_kill_9_at_random_moments_of_a_load(
    environment: Served,  # noqa: F811
    tmp_path: Path,
) -> None:
    environment.fault("hubspot", ".*", "delay", times=None, seconds=PAGE_SECONDS)
    chance = random.Random(20250829)
    expected, calls, seconds = [], [], []
    with loader() as loads:
        for prepare, as_of in STEPS:
            prepare(environment)
            environment.calls.clear()
            started = time.perf_counter()
            assert loads.load(tmp_path / "undisturbed", as_of)
            seconds.append(time.perf_counter() - started)
            calls.append(environment.calls.total("hubspot"))
            expected.append(state(tmp_path / "undisturbed"))
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
                assert state(home) == expected[step]
                loads_landed = ask(home, "select load_id from landing.loads order by all")
                more = len(loads_landed) - len(STEPS[: step + 1]) - more_before
                more_before += more
                assert environment.calls.total("hubspot") <= (
                    calls[step] + kills * (1 + checks) + more * calls[-1]
                )
                assert whole_loads(home) == loads_landed, "no load is left behind, or half"
                killed += kills


def whole_loads(home: Path) -> list[tuple[str]]:
    """Every folder of the zone, as a row with its load id; each must have its manifest."""
    folder = Zone(Settings(home=home).landing_zone).folder(CONTACTS)
    paths = sorted(path for path in folder.iterdir() if path.is_dir())
    assert all((path / MANIFEST).exists() for path in paths)
    return [(path.name,) for path in paths]


def calls_of_a_check(served: Served, loads: Loader, home: Path) -> int:
    """The calls that every process makes before it reads: those of a run less those of its load."""
    served.calls.clear()
    assert loads.load(home, LATER)
    [(load_id,)] = ask(home, "select max(load_id) from landing.loads")
    manifest = read_manifest(Zone(Settings(home=home).landing_zone).folder(CONTACTS) / load_id)
    return served.calls.total("hubspot") - manifest.calls
