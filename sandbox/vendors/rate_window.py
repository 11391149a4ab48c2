"""Rate limits: at most so many calls in a rolling window.

A window passes when either time passes: the machine's (a client really waits) or the company's (a
day goes by in the sandbox), so the time of a limit is the sum of both.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass

from sandbox.clock import VirtualClock


def vendor_seconds(clock: VirtualClock) -> float:
    """Seconds on the clock by which limits and token lives run; only differences mean anything."""
    return clock.now().timestamp() + time.time()


@dataclass(frozen=True)
class Grant:
    """Whether a call may go on; ``reset_in`` is the seconds until the window has room again."""

    allowed: bool
    limit: int
    remaining: int
    reset_in: float


class RateWindow:
    """At most ``limit`` calls per ``seconds`` for each key; both may be changed at any time."""

    def __init__(self, limit: int, seconds: float, clock: VirtualClock) -> None:
        self.limit = limit
        self.seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: dict[str, deque[float]] = defaultdict(deque)

    def take(self, key: str = "") -> Grant:
        """Ask for one call; a refused call is not counted."""
        with self._lock:
            now = vendor_seconds(self._clock)
            taken = self._taken[key]
            while taken and not 0 <= now - taken[0] < self.seconds:
                taken.popleft()
            allowed = len(taken) < self.limit
            if allowed:
                taken.append(now)
            reset_in = self.seconds - (now - taken[0]) if taken else self.seconds
            return Grant(allowed, self.limit, max(0, self.limit - len(taken)), reset_in)
