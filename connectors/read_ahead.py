"""Reads several sources side by side, ahead of their landing.

Vendors take their time: rate limits, pages that come one after the other, exports that are made
first. So the sources of a cycle are checked, then prepared with the warehouse open once, then
extracted into the landing zone a few at a time, while those that are there already are landed one
after the other. What was extracted and is never landed (a killed run) is pending, as after any
crash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import duckdb

from connectors.raw_tables import ensure_raw_tables
from connectors.run import Progress, SourceRun
from headwater.clock import Clock
from headwater.settings import Settings
from headwater.warehouse import connect


class ReadAhead:
    """The sources of one cycle, each with the names of its streams.

    ``first`` are read from the start; ``afterwards`` are those whose questions come from what the
    others land: they are read from the moment on at which the last of ``first`` was landed, or
    failed. Use :meth:`read` once for each source, from one thread, and :meth:`close` at the end.

    The warehouse stays open from one source to the next that is read already; it is closed before
    a wait. To open and close a large file takes longer than to land a small load.
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
        self._waves = [wave for wave in (dict(first), dict(afterwards)) if wave]
        self._missing: set[str] = set()
        self._runs: dict[str, Future[SourceRun]] = {}
        self._settings = settings
        self._clock = clock
        self._cycle_id = cycle_id
        self._say = on_progress
        self._held = ExitStack()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._pool = ThreadPoolExecutor(settings.sources_at_a_time, thread_name_prefix="read-ahead")

    def begin(self) -> None:
        """Read the first sources from now on; otherwise that begins with the first that is to be
        landed. What keeps one from being read is raised there."""
        if not self._missing:
            self._start_next()

    @contextmanager
    def read(
        self, name: str, streams: Sequence[str]
    ) -> Iterator[tuple[SourceRun, duckdb.DuckDBPyConnection]]:
        """Wait until the source is read; the block lands it, on the connection to the warehouse.

        A source that is not among those to read, or was landed before (a step's second attempt),
        is read now. Raises what :meth:`SourceRun.check` does.
        """
        self.begin()
        try:
            if name not in self._runs:
                for wave in self._waves:
                    wave.pop(name, None)
                self._runs |= self._start({name: streams})
            yield self._wait_for(self._runs.pop(name)), self._warehouse()
        except BaseException:
            self._let_go()
            raise
        finally:
            self._missing.discard(name)
            if not self._missing:
                self._start_next()
                self._let_go()

    def close(self) -> None:
        """Wait for what is being read; what was not begun is not read."""
        self._let_go()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _wait_for(self, reading: Future[SourceRun]) -> SourceRun:
        if not reading.done():
            self._let_go()
        return reading.result()

    def _warehouse(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = self._held.enter_context(connect(self._settings))
        return self._connection

    def _let_go(self) -> None:
        self._connection = None
        self._held.close()

    def _start_next(self) -> None:
        if self._waves:
            wave = self._waves.pop(0)
            self._missing = set(wave)
            self._runs |= self._start(wave)

    def _start(self, wave: Mapping[str, Sequence[str]]) -> dict[str, Future[SourceRun]]:
        """Check the sources, all at once; prepare those that passed; begin to extract them.

        What keeps a source from being read is raised where it is to be landed, not here.
        """
        checked = {
            name: self._pool.submit(self._checked, name, streams) for name, streams in wave.items()
        }
        passed = {
            name: future.result() for name, future in checked.items() if future.exception() is None
        }
        if passed:
            try:
                connection = self._warehouse()
                ensure_raw_tables(connection)
            except Exception as error:  # noqa: BLE001 - kept for each of them
                return checked | {name: _kept_from(run, error) for name, run in passed.items()}
            checked |= {name: self._prepared(run, connection) for name, run in passed.items()}
        return checked

    def _checked(self, name: str, streams: Sequence[str]) -> SourceRun:
        run = SourceRun(
            name,
            self._settings,
            self._clock,
            self._cycle_id,
            streams=streams,
            on_progress=self._say,
        )
        try:
            run.check()
        except BaseException:
            run.close()
            raise
        return run

    def _prepared(self, run: SourceRun, connection: duckdb.DuckDBPyConnection) -> Future[SourceRun]:
        try:
            run.prepare(connection)
        except Exception as error:  # noqa: BLE001 - kept for this source
            return _kept_from(run, error)
        return self._pool.submit(_extracted, run)


def _extracted(run: SourceRun) -> SourceRun:
    with closing(run):
        run.extract()
    return run


def _kept_from(run: SourceRun, error: Exception) -> Future[SourceRun]:
    run.close()
    failed: Future[SourceRun] = Future()
    failed.set_exception(error)
    return failed
