"""Delivers chains of syncs side by side, ahead of the steps that show what became of them.

Destinations take their time, and so does Dagster to note what dbt did. So a run's chains begin when
their models are built, each in a thread of its own; syncs of one destination take turns, since they
share its limits. A chain that was cut off is resolved by its next run, as after any crash.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from headwater.clock import Clock
from headwater.errors import RetryableError
from headwater.settings import Settings
from syncs.definition import Definition
from syncs.delivery import Progress
from syncs.run import RunResult, run
from syncs.state import RunStatus

Chain = Sequence[Definition]
MOST_CHAINS = 64
"""Threads there can be: those that only wait for their turn keep nobody from delivering."""
_ENDS_ITS_CHAIN = (RunStatus.PAUSED, RunStatus.FAILED, RunStatus.BLOCKED, RunStatus.BUSY)


@dataclass(frozen=True)
class Delivered:
    """What became of the syncs of a chain that had their turn; ``error`` is what stopped it where
    that was no result of a sync."""

    results: tuple[tuple[Definition, RunResult], ...]
    error: Exception | None = None


class DeliverAhead:
    """The chains of one cycle. Use it from one thread, and :meth:`close` at the end."""

    def __init__(
        self, settings: Settings, clock: Clock, cycle_id: str, on_progress: Progress
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._cycle_id = cycle_id
        self._say = on_progress
        self._known: set[tuple[str, ...]] = set()
        self._begun: dict[tuple[str, ...], Future[Delivered]] = {}
        self._closed = threading.Event()
        self._alone: dict[str, threading.Lock] = {}
        self._at_a_time = threading.Semaphore(settings.destinations_at_a_time)
        self._pool = ThreadPoolExecutor(MOST_CHAINS, thread_name_prefix="deliver-ahead")

    def begin(self, chain: Chain) -> None:
        """Deliver the chain from now on, one sync after the other; once in a cycle."""
        if _key(chain) not in self._known:
            self._start(chain)

    def delivered(self, chain: Chain) -> Delivered:
        """What became of the chain, once it ended. One that was not begun, or was asked for before
        (a step's second attempt), begins now."""
        if _key(chain) not in self._begun:
            self._start(chain)
        return self._begun.pop(_key(chain)).result()

    def close(self) -> None:
        """Stop what is being delivered after its present batch; what was not begun is not."""
        self._closed.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, chain: Chain) -> None:
        for item in chain:
            self._alone.setdefault(item.destination, threading.Lock())
        self._known.add(_key(chain))
        self._begun[_key(chain)] = self._pool.submit(self._deliver, tuple(chain))

    def _deliver(self, chain: Chain) -> Delivered:
        results: list[tuple[Definition, RunResult]] = []
        try:
            for item in chain:
                with self._alone[item.destination], self._at_a_time:
                    self._go_on()
                    result = run(
                        item.name,
                        self._settings,
                        self._clock,
                        self._cycle_id,
                        on_progress=self._told,
                    )
                results.append((item, result))
                if result.status in _ENDS_ITS_CHAIN:
                    break
        except Exception as error:  # noqa: BLE001 - kept for the step that shows it
            return Delivered(tuple(results), error)
        return Delivered(tuple(results))

    def _told(self, line: str) -> None:
        self._go_on()
        self._say(line)

    def _go_on(self) -> None:
        if self._closed.is_set():
            raise RetryableError(
                "The cycle ended before this sync did.",
                next_step="The next cycle finds out what arrived and sends the rest.",
            )


def _key(chain: Chain) -> tuple[str, ...]:
    return tuple(item.name for item in chain)
