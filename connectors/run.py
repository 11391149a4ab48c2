"""Runs one source: check, land what is pending, extract each stream, land each load.

The warehouse is open only to read the cursors and to land what was extracted, never while a
vendor is being read. One stream's failure doesn't stop its siblings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from connectors.landing import LoadResult, land
from connectors.raw_tables import ensure_raw_tables
from connectors.registry import open_source
from connectors.replay import land_pending, loads_landed
from connectors.stream import Source, Stream
from connectors.zone import Manifest, Zone
from headwater.accounts import claim
from headwater.clock import Clock
from headwater.errors import DefinitionError, HeadwaterError, PermanentError, RetryableError
from headwater.settings import Settings
from headwater.warehouse import connect, limit_memory

__all__ = [
    "LoadResult",
    "StreamsFailedError",
    "StreamsToRetryError",
    "run_source",
]

Progress = Callable[[str], None]


class StreamsFailedError(PermanentError):
    """Streams of a source failed and at least one of them will fail again.

    ``errors`` maps the failed streams to their errors; ``results`` is what the others landed.
    """

    def __init__(
        self, source: str, errors: dict[str, Exception], results: list[LoadResult]
    ) -> None:
        super().__init__(_what(source, errors), next_step=_next_step(errors))
        self.errors = errors
        self.results = results


class StreamsToRetryError(RetryableError):
    """Streams of a source failed, and each of them may succeed later; see
    :class:`StreamsFailedError`."""

    def __init__(
        self, source: str, errors: dict[str, Exception], results: list[LoadResult]
    ) -> None:
        super().__init__(_what(source, errors), next_step=_next_step(errors))
        self.errors = errors
        self.results = results


def run_source(
    name: str,
    settings: Settings,
    clock: Clock,
    cycle_id: str,
    *,
    streams: Sequence[str] | None = None,
    on_progress: Progress | None = None,
) -> list[LoadResult]:
    """Run one source and return a result per stream, in the order of declaration.

    ``streams`` limits the run to streams of these names. Where a load that an earlier run
    extracted was still to be landed, the stream's result is the sum of both.
    Raises :class:`headwater.errors.CredentialError` before anything is touched,
    :class:`headwater.errors.SettingsError` when this home belongs to another account, and
    :class:`StreamsToRetryError` or :class:`StreamsFailedError` after every stream had its turn.
    """
    say = on_progress or _silent
    with closing(open_source(name, settings)) as source:
        chosen = _chosen(source, streams)
        source.check()
        claim(name, settings)
        run = _Run(source, settings, clock, cycle_id, say)
        run.prepare(chosen)
        run.extract_and_land(chosen)
    results = [run.results[stream.name] for stream in chosen if stream.name in run.results]
    if run.errors:
        permanent = [e for e in run.errors.values() if not isinstance(e, RetryableError)]
        failed = StreamsFailedError if permanent else StreamsToRetryError
        raise failed(name, run.errors, results) from ExceptionGroup(
            f"streams of {name}", list(run.errors.values())
        )
    return results


@dataclass
class _Run:
    """The state of one run. Only the thread that called :func:`run_source` changes it."""

    source: Source
    settings: Settings
    clock: Clock
    cycle_id: str
    say: Progress
    zone: Zone = field(init=False)
    cursors: dict[str, str | None] = field(default_factory=dict)
    landed: dict[str, set[str]] = field(default_factory=dict)
    results: dict[str, LoadResult] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.zone = Zone(self.settings.landing_zone)

    def prepare(self, streams: Sequence[Stream]) -> None:
        """Create the raw tables, land what a crash left extracted, read the cursors."""
        with self._warehouse() as connection:
            ensure_raw_tables(connection)
            for stream in streams:
                try:
                    for result in land_pending(connection, self.zone, stream, self.clock):
                        self._landed(result)
                except Exception as error:  # noqa: BLE001 - kept, and raised after the siblings
                    self._failed(stream, error)
                self.landed[stream.name] = loads_landed(connection, stream)
            self.cursors = dict(
                connection.execute(
                    "select stream, cursor from landing.cursors where source = ?",
                    [self.source.name],
                ).fetchall()
            )

    def extract_and_land(self, streams: Sequence[Stream]) -> None:
        """Extract as many streams at a time as the vendor allows; then land all of them, each in
        its own transaction: to open a large warehouse takes longer than a small load."""
        extracted: list[tuple[Stream, Path, Manifest]] = []
        with ThreadPoolExecutor(
            self.source.concurrency, thread_name_prefix=f"extract-{self.source.name}"
        ) as pool:
            waiting: dict[Future[tuple[Path, Manifest]], Stream] = {
                pool.submit(self._extract, stream): stream
                for stream in streams
                if stream.name not in self.errors
            }
            for future in as_completed(waiting):
                try:
                    extracted.append((waiting[future], *future.result()))
                except Exception as error:  # noqa: BLE001 - kept, and raised after the siblings
                    self._failed(waiting[future], error)
        if extracted:
            self._land(extracted)

    def _extract(self, stream: Stream) -> tuple[Path, Manifest]:
        cursor = self.cursors.get(stream.name)
        with self.zone.extraction(
            stream, self.clock.now(), cursor=cursor, landed=self.landed[stream.name]
        ) as folder:
            extracted = self.source.extract(stream, cursor, folder, self.clock)
            manifest = Manifest(
                load_id=folder.load_id,
                source=stream.source,
                stream=stream.name,
                cycle_id=self.cycle_id,
                started_at=folder.started_at,
                received_at=self.clock.now(),
                cursor_before=cursor,
                cursor_after=extracted.cursor,
                timezone=extracted.timezone,
                calls=extracted.calls,
                parts=tuple(folder.parts),
            )
            self.zone.commit(folder, manifest)
            return folder.path, manifest

    def _land(self, extracted: list[tuple[Stream, Path, Manifest]]) -> None:
        with self._warehouse() as connection:
            for stream, folder, manifest in extracted:
                try:
                    result = land(connection, stream, manifest, folder, self.clock)
                except Exception as error:  # noqa: BLE001 - kept, and raised after the siblings
                    self._failed(stream, error)
                    continue
                if result is not None:
                    self._landed(result)

    @contextmanager
    def _warehouse(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with connect(self.settings) as connection:
            limit_memory(connection, self.settings.landing_memory_limit)
            yield connection

    def _landed(self, result: LoadResult) -> None:
        self.results[result.stream] = _sum(self.results.get(result.stream), result)
        self.say(result.in_words())

    def _failed(self, stream: Stream, error: Exception) -> None:
        self.errors[stream.name] = error
        self.say(f"{stream.source}.{stream.name}: failed: {_say(error)}")


def _chosen(source: Source, names: Sequence[str] | None) -> list[Stream]:
    known = {stream.name: stream for stream in source.streams}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise DefinitionError(
            f"{source.name} has no stream {', '.join(unknown)}.",
            next_step=f"Known: {', '.join(known)}.",
        )
    return [stream for name, stream in known.items() if names is None or name in names]


def _sum(earlier: LoadResult | None, later: LoadResult) -> LoadResult:
    if earlier is None:
        return later
    return replace(
        later,
        received=earlier.received + later.received,
        landed=earlier.landed + later.landed,
        duplicates=earlier.duplicates + later.duplicates,
        quarantined=earlier.quarantined + later.quarantined,
        tombstoned=earlier.tombstoned + later.tombstoned,
        calls=earlier.calls + later.calls,
        bytes=earlier.bytes + later.bytes,
        seconds=earlier.seconds + later.seconds,
    )


def _say(error: Exception) -> str:
    """An error in words; one that nobody raised on purpose is named by its class too."""
    return str(error) if isinstance(error, HeadwaterError) else f"{type(error).__name__}: {error}"


def _what(source: str, errors: dict[str, Exception]) -> str:
    return " ".join(f"{source}.{stream} failed: {_say(e)}" for stream, e in errors.items())


def _next_step(errors: dict[str, Exception]) -> str:
    count = len(errors)
    return f"{count} stream{'s' if count > 1 else ''} failed; the others have landed."


def _silent(_: str) -> None:
    """Nobody listens."""
