"""The log of the calls that the vendors' servers received, counted by route."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any


class CallLog:
    """Counts of calls per vendor, method, route template and status.

    A call whose connection was cut on purpose is counted with status 0.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str, int]] = Counter()

    def add(self, vendor: str, method: str, route: str, status: int) -> None:
        """Count one call."""
        with self._lock:
            self._counts[vendor, method, route, status] += 1

    def total(self, vendor: str | None = None) -> int:
        """The number of calls, of one vendor or of all."""
        with self._lock:
            return sum(n for key, n in self._counts.items() if vendor in (None, key[0]))

    def as_list(self) -> list[dict[str, Any]]:
        """One dict per vendor, method, route and status, sorted, with ``count``."""
        with self._lock:
            counted = sorted(self._counts.items())
        return [
            {"vendor": vendor, "method": method, "route": route, "status": status, "count": count}
            for (vendor, method, route, status), count in counted
        ]

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._counts.clear()
