"""Exports that are read by whole days: the days, and what such a source can do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol, runtime_checkable

from connectors.stream import Source
from connectors.zone import Extracted, LoadFolder
from headwater.clock import Clock

DAY = "day"
"""The cursor of streams that are read by whole days."""
LONGEST_CALL = 31
"""Days per call at most: a call's days are landed as one, and after a crash fetched as one."""


@dataclass(frozen=True, order=True)
class Days:
    """Whole days from ``first`` to ``last``, both inclusive."""

    first: date
    last: date

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=offset) for offset in range(len(self)))

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


@dataclass(frozen=True)
class Pace:
    """What a backfill may take of a vendor's allowance; the rest is the cycle's and other people's.

    ``parallel`` is the number of exports at a time.
    """

    calls_per_second: int
    calls_per_hour: int
    parallel: int


@runtime_checkable
class DayExport(Source, Protocol):
    """A source whose days can be read one by one."""

    pace: Pace

    def last_whole_day(self, clock: Clock) -> date:
        """The last day that is over on the source's own clock."""
        ...

    def extract_days(self, first: date, last: date, folder: LoadFolder, clock: Clock) -> Extracted:
        """Write the days from ``first`` to ``last``, both inclusive, into ``folder``."""
        ...


def divided(asked: Days, there: Collection[date], calls: int) -> list[Days]:
    """``asked`` less the days that are ``there``, in runs of consecutive days, oldest first.

    The runs are as short as some ``calls`` calls allow: short runs land early and go on in
    parallel, long ones are fewer calls. Each gap among the days can cost one call more.
    """
    missing = [day for day in asked if day not in there]
    longest = min(max(1, -(-len(missing) // calls)), LONGEST_CALL)
    return [
        Days(first, min(first + timedelta(days=longest - 1), run.last))
        for run in consecutive(missing)
        for first in list(run)[::longest]
    ]


def consecutive(days: Collection[date]) -> list[Days]:
    """Single days as runs of consecutive ones, in order."""
    runs: list[Days] = []
    for day in sorted(days):
        if runs and runs[-1].last + timedelta(days=1) == day:
            runs[-1] = Days(runs[-1].first, day)
        else:
            runs.append(Days(day, day))
    return runs
