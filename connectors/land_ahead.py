"""Reads several sources side by side and lands each as soon as it is read, in threads of its own.

Vendors take their time: rate limits, pages that come one after the other, exports that are made
first. So the sources of a cycle go through their phases (:mod:`connectors.run`) a few at a time,
while the cycle shows what landed already. What was extracted and is not landed (a killed run) is
pending, as after any crash.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial

import duckdb

from connectors.raw_tables import ensure_raw_tables
from connectors.run import LoadResult, Progress, SourceRun
from headwater.clock import Clock
from headwater.settings import Settings
from headwater.warehouse import connect

MOST_SOURCES = 64
"""Threads there can be: those that only wait for their turn to land keep nobody from reading."""
LANDED_AT_ONCE = 2
"""Sources in the warehouse at a time. DuckDB shares a large load out among all cores by itself, and
works through the statements of a small one on a single core."""


class LandAhead:
    """The sources of one cycle, each with the names of its streams.

    ``first`` are landed from the start on. ``afterwards`` are those whose questions come from what
    the others land: they are read from the moment on at which the last of ``first`` has landed or
    failed, and landed when they are asked for themselves, since other steps use the warehouse
    meanwhile and landing limits the memory of the whole of it.

    Use :meth:`landed` once for each source, from one thread, and :meth:`close` at the end.
    """

    def __init__(
        self,
        first: Mapping[str, Sequence[str]],
        afterwards: Mapping[str, Sequence[str]],
        *,
        settings: Settings,
        clock: Clock,
        cycle_id: str,
        on_progress: Progress,
    ) -> None:
        self._first = dict(first)
        self._afterwards = dict(afterwards)
        self._missing = set(first)
        self._work: dict[str, _Work] = {}
        self._others: list[_Work] = []
        self._counting = threading.Lock()
        self._settings = settings
        self._clock = clock
        self._cycle_id = cycle_id
        self._say = on_progress
        self._making_tables = threading.Lock()
        self._tables_are_there = False
        self._closed = threading.Event()
        self._reading = threading.Semaphore(settings.sources_at_a_time)
        self._warehouse = _SharedWarehouse(settings)
        self._pool = ThreadPoolExecutor(MOST_SOURCES, thread_name_prefix="land-ahead")

    def begin(self) -> None:
        """Read and land the first sources from now on; otherwise that begins when one is asked for.
        What keeps one from it is raised there."""
        first, self._first = self._first, {}
        with self._counting:
            begun = {
                name: self._start(name, streams, asked=True) for name, streams in first.items()
            }
        for name, work in begun.items():
            work.results.add_done_callback(partial(self._has_ended, name))

    def landed(self, name: str, streams: Sequence[str]) -> list[LoadResult]:
        """What landed of the source, once it did.

        A source that is not among those to land, or was asked for before (a step's second attempt),
        is read now. Raises what the phases of :class:`SourceRun` do.
        """
        self.begin()
        with self._counting:
            if name not in self._work:
                self._afterwards.pop(name, None)
                self._start(name, streams, asked=True)
            work = self._work.pop(name)
        work.asked.set()
        wait([work.results])
        self._has_ended(name)
        with self._counting:
            others = () if self._missing else tuple(self._others)
        for other in others:
            other.prepared.wait()  # or it would limit the memory of the steps that come next
        return work.results.result()

    def close(self) -> None:
        """Wait for what is being read or landed; what was not begun is not."""
        with self._counting:
            self._closed.set()
            for work in self._work.values():
                work.asked.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _has_ended(self, name: str, _: object = None) -> None:
        """Begin with ``afterwards`` once the last of the first has landed or failed."""
        with self._counting:
            self._missing.discard(name)
            if not self._missing and not self._closed.is_set():
                others, self._afterwards = self._afterwards, {}
                self._others += [
                    self._start(name, streams, asked=False) for name, streams in others.items()
                ]

    def _start(self, name: str, streams: Sequence[str], *, asked: bool) -> _Work:
        work = self._work[name] = _Work()
        if asked:
            work.asked.set()
        work.results = self._pool.submit(self._land, name, streams, work)
        work.results.add_done_callback(lambda _: work.prepared.set())
        return work

    def _land(self, name: str, streams: Sequence[str], work: _Work) -> list[LoadResult]:
        """All phases of one source, in a thread of its own."""
        run = SourceRun(
            name,
            self._settings,
            self._clock,
            self._cycle_id,
            streams=streams,
            on_progress=self._say,
        )
        with closing(run):
            run.check()
            with self._warehouse.turn() as connection:
                self._ensure_tables(connection)
                run.prepare(connection)
            work.prepared.set()
            with self._reading:
                if self._closed.is_set():
                    return []
                run.extract()
        work.asked.wait()
        if self._closed.is_set():
            return []
        with self._warehouse.turn() as connection:
            return run.land(connection)

    def _ensure_tables(self, connection: duckdb.DuckDBPyConnection) -> None:
        with self._making_tables:
            if not self._tables_are_there:
                ensure_raw_tables(connection)
                self._tables_are_there = True


@dataclass
class _Work:
    """One source on its way: ``asked`` is set once it may land, ``prepared`` once it needs nothing
    of the warehouse to be read, or failed."""

    asked: threading.Event = field(default_factory=threading.Event)
    prepared: threading.Event = field(default_factory=threading.Event)
    results: Future[list[LoadResult]] = field(init=False)


class _SharedWarehouse:
    """The warehouse for :data:`LANDED_AT_ONCE` threads at a time, each with its own connection.

    It stays open from one to the next that waits for its turn: to open and close a large file takes
    longer than to land a small load. Where it cannot be opened, those that wait for their turn hear
    it at once, instead of waiting as long again.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turns = threading.Semaphore(LANDED_AT_ONCE)
        self._counting = threading.Lock()
        self._opening = threading.Lock()
        self._wanted = 0
        self._tickets = 0
        self._refused: tuple[int, Exception] | None = None
        self._held = ExitStack()
        self._is_open = False

    @contextmanager
    def turn(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Wait for the turn; the connection is the block's alone."""
        with self._counting:
            self._wanted += 1
            self._tickets += 1
            ticket = self._tickets
        try:
            with self._turns:
                self._open(ticket)
                with connect(self._settings) as connection:
                    yield connection
        finally:
            with self._opening:
                with self._counting:
                    self._wanted -= 1
                    last = not self._wanted
                if last:
                    self._is_open = False
                    self._held.close()

    def _open(self, ticket: int) -> None:
        """Hold it open for whoever comes next."""
        with self._opening:
            if self._is_open:
                return
            if self._refused is not None and ticket <= self._refused[0]:
                raise self._refused[1]
            try:
                self._held.enter_context(connect(self._settings))
            except Exception as error:
                self._refused = (self._tickets, error)
                raise
            self._is_open = True
