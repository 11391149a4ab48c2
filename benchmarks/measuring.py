"""Measures a piece of work several times: the time on the clock, and where it runs in a process of
its own, CPU time and peak memory too."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measurement. ``seconds`` is the median of ``runs``; ``floor_seconds`` the same for the
    work it is compared with (``floor`` says which); ``ratio`` their quotient; ``rate`` is
    ``amount`` a second. ``at_most`` is what the ratio should not exceed. CPU seconds and the peak
    of resident memory in MB where they were measured."""

    name: str
    amount: int
    unit: str
    runs: int
    seconds: float
    floor: str
    floor_seconds: float | None
    at_most: float | None = None
    cpu_seconds: float | None = None
    floor_cpu_seconds: float | None = None
    peak_mb: float | None = None

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.amount / self.seconds

    @property
    def ratio(self) -> float | None:
        """How many times the floor it took."""
        return self.seconds / self.floor_seconds if self.floor_seconds else None

    def as_dict(self) -> dict[str, Any]:
        """The figure for the JSON file."""
        return {**asdict(self), "rate": self.rate, "ratio": self.ratio}


@dataclass(frozen=True)
class Cost:
    """What a piece of work in a process of its own took; the start of the process is not in the
    seconds, but all of it is in the memory. ``rows`` is what came of it."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    rows: int


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """The median wall-clock time of ``runs`` calls."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def median_cost(work: Callable[[], Cost], runs: int) -> Cost:
    """The median of each cost over ``runs`` calls, which must all give the same rows."""
    costs = [work() for _ in range(runs)]
    if len({cost.rows for cost in costs}) != 1:
        raise AssertionError(f"the runs gave different numbers of rows: {costs}")
    return Cost(
        seconds=statistics.median(cost.seconds for cost in costs),
        cpu_seconds=statistics.median(cost.cpu_seconds for cost in costs),
        peak_mb=max(cost.peak_mb for cost in costs),
        rows=costs[0].rows,
    )


def in_process(program: list[str], *arguments: object, python: str | Path = sys.executable) -> Cost:
    """Run a program that ends with :func:`report_cost`, and read what it reported."""
    command = [str(python), *program, *(str(argument) for argument in arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def report_cost() -> Iterator[Callable[[int], None]]:
    """Measure the block, in the process that does the work; it is told the rows that came of it,
    and the cost is printed as a line of JSON."""
    rows = 0

    def came(number: int) -> None:
        nonlocal rows
        rows = number

    cpu, started = _cpu_seconds(), time.perf_counter()
    yield came
    cost = Cost(
        seconds=time.perf_counter() - started,
        cpu_seconds=_cpu_seconds() - cpu,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        rows=rows,
    )
    print(json.dumps(asdict(cost)), flush=True)


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system
