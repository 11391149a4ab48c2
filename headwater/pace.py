"""How fast a vendor is called: up to its published limit, and slower as soon as it asks for it.

Additive increase, multiplicative decrease (Chiu and Jain, 1989): a refusal for the rate halves the
calls in a window, each window without one adds a tenth of the limit. Programs that share an account
come to fair shares of its limit that way without knowing of each other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from pyrate_limiter import InMemoryBucket, Rate, RateItem

DECREASE = 2
INCREASE = 10
JITTER_SECONDS = 0.05
"""Calls are not under way for the same time each, so the vendor may see them closer together."""
REMAINING = (
    "X-HubSpot-RateLimit-Remaining",
    "X-RateLimit-Remaining",
    "X-Ratelimit-Global-Remaining",
    "X-Ratelimit-Route-Remaining",
)
RESET = "X-RateLimit-Reset"
MILLISECONDS_FROM = 1e11
"""An epoch as great as this counts milliseconds."""


class Pace:
    """At most ``limit`` calls in any ``seconds``, over all threads; now at most ``allowed``.

    ``now`` counts seconds from any start, ``sleep`` waits for some.
    """

    def __init__(
        self,
        limit: int,
        seconds: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limit = limit
        self._seconds = seconds
        self._rate = Rate(limit, int(seconds * 1000))
        self._made = InMemoryBucket([self._rate])
        self._now = now
        self._sleep = sleep
        self._changed_at = now()
        self._cut_at: float | None = None
        self._not_before = 0.0
        self._lock = threading.Lock()

    @property
    def allowed(self) -> int:
        """Calls in a window, as things are."""
        return self._rate.limit

    def take(self) -> None:
        """Wait until one more call may be made, and count it."""
        while wait := self._wait():
            self._sleep(wait)

    def slow_down(self, retry_after: float | None = None) -> None:
        """The vendor refused a call for the rate: half as many from now on, and none for so many
        seconds. Further refusals within a window are of calls that were under way already."""
        with self._lock:
            now = self._now()
            if retry_after is not None:
                self._not_before = max(self._not_before, now + retry_after)
            if self._cut_at is None or now - self._cut_at >= self._seconds:
                self._change(max(1, self._rate.limit // DECREASE), now)
                self._cut_at = now

    def told(self, remaining: int) -> None:
        """The vendor says how many calls its window has left for all who call: no more than these
        are made beside ours of this window."""
        with self._lock:
            now = self._now()
            self._made.leak(int(now * 1000))
            left = max(1, self._made.count() + remaining)
            if left < self._rate.limit:
                self._change(left, now)

    def _wait(self) -> float:
        """Seconds until a call may be made; none if one was counted."""
        with self._lock:
            now = self._now()
            self._recover(now)
            if now < self._not_before:
                return self._not_before - now
            item = RateItem("call", int(now * 1000))
            self._made.leak(item.timestamp)
            if self._made.put(item):
                return 0.0
            return int(self._made.waiting(item)) / 1000 + JITTER_SECONDS  # type: ignore[arg-type]

    def _recover(self, now: float) -> None:
        windows = int((now - self._changed_at) / self._seconds)
        if windows and self._rate.limit < self._limit:
            more = windows * max(1, self._limit // INCREASE)
            self._rate.limit = min(self._limit, self._rate.limit + more)
        self._changed_at += windows * self._seconds

    def _change(self, allowed: int, now: float) -> None:
        self._rate.limit = allowed
        self._changed_at = now


def remaining_calls(headers: Mapping[str, str]) -> int | None:
    """What the vendor's usage headers say is left of its window; None where they say nothing.

    Of several limits the nearest counts (Outreach names two in one header).
    """
    left = [
        int(part)
        for name in REMAINING
        for part in headers.get(name, "").split(",")
        if part.strip().isdigit()
    ]
    return min(left, default=None)


def seconds_until_reset(headers: Mapping[str, str], epoch: float) -> float | None:
    """How long the vendor's window goes on (``X-RateLimit-Reset``, an epoch in seconds or
    milliseconds); None where it doesn't say."""
    try:
        reset = float(headers.get(RESET, ""))
    except ValueError:
        return None
    reset = reset / 1000 if reset >= MILLISECONDS_FROM else reset
    return max(0.0, reset - epoch)
