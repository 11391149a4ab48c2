"""The injected clock: nothing in Headwater asks the machine for the time directly.

All times are UTC and timezone-aware. ``as_of`` is the moment a cycle speaks about: every window
in the warehouse ends there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from headwater.settings import Settings


class Clock(Protocol):
    """What the time is, and how to wait."""

    def now(self) -> datetime:
        """The current moment, UTC and timezone-aware."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The machine's current moment in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        time.sleep(seconds)


@dataclass
class FixedClock:
    """A clock that stands still at ``at`` (used for replays, the demo and tests)."""

    at: datetime

    def now(self) -> datetime:
        """The moment the clock was set to."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Wait in real time: a rate limit is real even where the date is not."""
        time.sleep(seconds)


def clock_from(settings: Settings) -> Clock:
    """The clock the settings ask for: fixed at ``HEADWATER_AS_OF`` if set, else the machine's."""
    if settings.as_of is not None:
        return FixedClock(settings.as_of)
    return SystemClock()
