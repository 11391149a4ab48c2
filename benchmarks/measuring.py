"""Times a piece of work several times and keeps the median."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measurement. ``seconds`` is the median of ``runs``; ``floor_seconds`` the same for the
    bare work that cannot be avoided; ``ratio`` their quotient; ``rate`` is ``amount`` a second."""

    name: str
    amount: int
    unit: str
    runs: int
    seconds: float
    floor: str
    floor_seconds: float | None

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


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """The median wall-clock time of ``runs`` calls."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)
