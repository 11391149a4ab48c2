"""Refusals, bisection and plans: what is refused is owed, found in few calls, and foreseen."""

from __future__ import annotations

import math
import random
from pathlib import Path

from benchmarks.proof.crashes import AS_OF, deliver
from benchmarks.proof.ledger import DEFINITION, NAME, Ledger, as_said, write_model
from benchmarks.proof.measured import Measured
from headwater.settings import Settings
from syncs.bisection import Bisection
from syncs.destination import Change, Operation
from syncs.plan import plan


def rejections(place: Path, rows: int) -> Measured:
    """A tenth of the rows is refused; the cause is removed; the next run, without being asked."""
    settings, file = Settings(home=place / "refused"), place / "refused.sqlite"
    model = {f"k{number:06d}": (str(number), 1.0) for number in range(rows)}
    write_model(settings, model)
    bad = frozenset(list(model)[::10])
    first = deliver(settings, Ledger(file, refused=bad))
    second = deliver(settings, Ledger(file))
    delivered = second.created / first.rejected
    right = Ledger(file).state() == as_said(model) and first.rejected == len(bad)
    return Measured(4, f"{len(bad):,} refused rows after the fix", "100 % with the next run",
                    f"{delivered:.0%}", right)  # fmt: skip


def bisections(number: int, cases: int) -> Measured:
    """The calls that find k bad rows of n, against 2 k log2(n)."""
    chance = random.Random(7)
    worst = 0.0
    for case in range(cases):
        bad = {chance.randrange(number) for _ in range(1 + case % 3)}
        worst = max(worst, _calls(number, bad) / (2 * len(bad) * math.log2(number)))
    return Measured(18, f"1 to 3 bad rows of {number}, {cases:,} cases",
                    "at most 2 k log2(n) calls", f"{worst:.2f} of it", worst <= 1)  # fmt: skip


def plans(place: Path, runs: int) -> Measured:
    """A plan, then its run: the same counts, and the destination as the model says."""
    settings, file = Settings(home=place / "plans", as_of=AS_OF), place / "plans.sqlite"
    chance = random.Random(7)
    right = 0
    for _ in range(runs):
        keys = chance.sample(range(40), chance.randrange(40))
        model = {f"k{key:02d}": (str(chance.randrange(3)), float(chance.randrange(3)))
                 for key in keys}  # fmt: skip
        write_model(settings, model)
        ledger = Ledger(file)
        foreseen = plan(NAME, settings, definition=DEFINITION, destination=ledger)
        done = deliver(settings, ledger)
        same = (foreseen.created, foreseen.updated, foreseen.removed) == (
            done.created, done.updated, done.removed)  # fmt: skip
        right += same and ledger.state() == as_said(model) and done.calls == done.least_calls
    return Measured(11, f"plan = effects over {runs} random runs", "all", f"{right}", right == runs)


def _calls(number: int, bad: set[int]) -> int:
    search = Bisection([Change(n, str(n), Operation.CREATE, {}, "") for n in range(number)])
    calls = 0
    while part := search.next():
        calls += 1
        if bad.isdisjoint(change.seq for change in part):
            search.accepted()
        else:
            search.refused()
    return calls
