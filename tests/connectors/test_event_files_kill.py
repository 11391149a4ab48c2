"""kill -9 at random moments of a load of event files: the same rows, cursor and books.

A quarter of the kills of test_kill.py: ``KILLS=200 python -m pytest`` on it makes fifty.
"""

from __future__ import annotations

import gzip
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.event_files.streams import STREAMS
from tests.connectors.event_folder import Folder, lines, message
from tests.connectors.killable_loads import KILLS, ask, loader, state, whole_loads

[EVENTS] = STREAMS
AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)
LATER = AS_OF + timedelta(hours=2)


def numbered(*numbers: int) -> bytes:
    """Lines of events from the first number to the last, long enough for files of several pages."""
    said = {"properties": {"text": "long " * 100}}
    return lines(*(message(number, **said) for number in range(*numbers)))


def at_first(folder: Folder) -> None:
    """Files that are pages of their own and files that share one, with bad lines among them."""
    folder.write("large.json", numbered(12_000))
    folder.write("packed.json.gz", gzip.compress(numbered(12_000, 14_000), 1))
    for number in range(20_000, 20_030):
        folder.write(f"small/{number}.json", lines(message(number), "{bad", message(number)))


def then(folder: Folder) -> None:
    """Files that are new, one that grew, and one that says again what another said."""
    folder.write("small/20000.json", lines(*(message(number) for number in range(20_000, 20_010))))
    folder.write("again.json", numbered(11_500, 12_500))
    folder.write("large-2.json", numbered(30_000, 36_000))


STEPS = ((at_first, AS_OF), (then, LATER))


def test_kill_9_at_random_moments_of_a_load_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(20250829)
    seconds, expected = [], []
    folders = [Folder(tmp_path / f"events-{step}") for step in range(len(STEPS))]
    location = tmp_path / "events"  # what a step has in it is the same in each series
    for step, folder in enumerate(folders):
        for prepare, _ in STEPS[: step + 1]:
            prepare(folder)
    monkeypatch.setenv("EVENT_FILES_LOCATION", location.as_uri())

    def show(step: int) -> datetime:
        location.unlink(missing_ok=True)
        location.symlink_to(folders[step].path)
        return STEPS[step][1]

    with loader(EVENTS) as loads:
        for step in range(len(STEPS)):
            started = time.perf_counter()
            assert loads.load(tmp_path / "undisturbed", show(step))
            seconds.append(time.perf_counter() - started)
            expected.append(state(tmp_path / "undisturbed", EVENTS))
        assert [len(of_step[0]) for of_step in expected] == [14_030, 20_030]

        killed = series = 0
        while killed < KILLS / 4:
            series += 1
            home = tmp_path / f"killed-{series}"
            for step in range(len(STEPS)):
                while not loads.load(home, show(step), chance.uniform(0, 1.2 * seconds[step])):
                    killed += 1
                assert state(home, EVENTS) == expected[step]
                loads_landed = ask(home, "select load_id from landing.loads order by all")
                assert whole_loads(home, EVENTS) == loads_landed, "no load is left, or half"
