"""Kills, lost answers, and two runs at once: nothing lost, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.proof.ledger import DEFINITION, NAME, Ledger, as_said, write_model
from benchmarks.proof.measured import Measured
from headwater.clock import FixedClock
from headwater.settings import Settings
from syncs.run import RunResult, run
from syncs.state import RunStatus

AS_OF = datetime(2025, 8, 29, tzinfo=UTC)


class Hurried(FixedClock):
    """Does not wait between tries."""

    def sleep(self, seconds: float) -> None:
        """Go on at once."""


def deliver(settings: Settings, ledger: Ledger) -> RunResult:
    """One run of the proof's sync."""
    return run(NAME, settings, Hurried(AS_OF), "proof", definition=DEFINITION, destination=ledger)


def kills(place: Path, number: int, rows: int) -> list[Measured]:
    """Kill -9 at random moments, four batches under way at once and the model changing meanwhile;
    then one quiet run."""
    settings, file = Settings(home=place / "kills"), place / "kills.sqlite"
    chance = random.Random(7)
    model: dict[str, tuple[str, float]] = {}
    killed = 0
    while killed < number:
        for _ in range(rows // 4):
            key = f"k{chance.randrange(rows):05d}"
            if key in model and chance.random() < 0.2:
                del model[key]
            else:
                model[key] = (str(chance.randrange(1000)), float(chance.randrange(1000)))
        write_model(settings, model)
        ledger = Ledger(file, pause=0.002, together=4)
        killed += _killed(lambda ledger=ledger: deliver(settings, ledger), chance)
    ledger = Ledger(file)
    last = deliver(settings, ledger)
    held = ledger.state()
    lost = sum(item not in held for item in as_said(model))
    twice = len(held) - len({key for key, _ in held})
    resent = ledger.count(
        "select count(*) from "
        "(select 1 from write group by key, payload, batch having count(*) > 1)"
    )
    right = held == as_said(model) and last.status is RunStatus.CLEAN
    return [
        Measured(1, f"kill -9 at {number:,} random moments loses no row", "0 lost",
                 f"{lost} lost", right and not lost),
        Measured(2, "no effect twice after a crash", "0 duplicates, 0 rows sent again",
                 f"{twice} duplicates, {resent} rows sent again", not twice and not resent),
    ]  # fmt: skip


def lost_answers(place: Path, rows: int) -> Measured:
    """Every tenth answer is lost after the commit."""
    settings, file = Settings(home=place / "lost"), place / "lost.sqlite"
    model = {f"k{number:06d}": (str(number), 1.0) for number in range(rows)}
    write_model(settings, model)
    ledger = Ledger(file, lost=0.1, seed=7, together=4)
    for _ in range(5):
        if deliver(settings, ledger).status is RunStatus.CLEAN:
            break
    held = ledger.state()
    twice = len(held) - len({key for key, _ in held})
    return Measured(3, f"one answer in ten lost, {rows:,} creates", "0 duplicates",
                    f"{twice} duplicates", held == as_said(model))  # fmt: skip


def at_once(place: Path, rows: int) -> Measured:
    """Three processes run one sync at the same moment."""
    settings, file = Settings(home=place / "once"), place / "once.sqlite"
    write_model(settings, {f"k{number:06d}": (str(number), 1.0) for number in range(rows)})
    Ledger(file)
    children = [_child(lambda: deliver(settings, Ledger(file, pause=0.005))) for _ in range(3)]
    for child in children:
        os.waitpid(child, 0)
    held = Ledger(file).state()
    twice = len(held) - len({key for key, _ in held})
    return Measured(22, "three runs of one sync at once", "0 duplicates",
                    f"{twice} duplicates", len(held) == rows)  # fmt: skip


def _killed(work: Callable[[], object], chance: random.Random) -> bool:
    """Do the work in a process of its own and kill it; whether it was still at it."""
    child = _child(work)
    time.sleep(chance.uniform(0.02, 0.5))
    os.kill(child, signal.SIGKILL)
    _, how = os.waitpid(child, 0)
    return os.WIFSIGNALED(how)


def _child(work: Callable[[], object]) -> int:
    """A copy of this process that does the work; nothing here is open at that moment."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    finally:
        os._exit(0)
