"""Runs one source in four phases: check, prepare, extract each stream, land each load.

The warehouse is open only to prepare (land what is pending, read the cursors) and to land what was
extracted, never while a vendor is being read. One stream's failure doesn't stop its siblings.
:func:`run_source` goes through the phases of one source; :mod:`connectors.land_ahead` through those
of several, so that they are read side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import InitVar, dataclass, field, replace
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
from headwater.warehouse import connect, limited_memory

__all__ = [
    "LoadResult",
    "SourceRun",
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
    with closing(
        SourceRun(name, settings, clock, cycle_id, streams=streams, on_progress=on_progress)
    ) as run:
        run.check()
        with connect(settings) as connection:
            ensure_raw_tables(connection)
            run.prepare(connection)
        run.extract()
    with connect(settings) as connection:
        return run.land(connection)


@dataclass
class SourceRun:
    """One run of one source. Its phases are called once each, in the order of their definition;
    :meth:`extract` from any thread. ``streams`` limits it to streams of these names.

    Raises :class:`headwater.errors.SettingsError` naming every setting of the source that is
    missing, and :class:`DefinitionError` for a stream that the source does not have.
    """

    name: str
    settings: Settings
    clock: Clock
    cycle_id: str
    streams: InitVar[Sequence[str] | None] = None
    on_progress: Progress | None = None
    _errors: dict[str, Exception] = field(default_factory=dict, init=False)
    _results: dict[str, LoadResult] = field(default_factory=dict, init=False)
    _extracted: list[tuple[Stream, Path, Manifest]] = field(default_factory=list, init=False)

    def __post_init__(self, streams: Sequence[str] | None) -> None:
        self._source = open_source(self.name, self.settings)
        self._chosen = _chosen(self._source, streams)
        self._zone = Zone(self.settings.landing_zone)
        self._landed: dict[str, set[str]] = {}
        self._cursors: dict[str, str | None] = {}

    def close(self) -> None:
        """Let go of the source's connections; what is extracted can still be landed."""
        self._source.close()

    def check(self) -> None:
        """Prove the credential, and that this home has always read this account.

        Raises :class:`headwater.errors.CredentialError` or :class:`headwater.errors.SettingsError`.
        """
        self._source.check()
        claim(self.name, self.settings)

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Land what a crash left extracted, read the cursors. The raw tables are there."""
        with limited_memory(connection, self.settings.landing_memory_limit):
            for stream in self._chosen:
                landed = self._landed[stream.name] = loads_landed(connection, stream)
                try:
                    for result in land_pending(
                        connection, self._zone, stream, self.clock, frozenset(landed)
                    ):
                        landed.add(result.load_id)
                        self._has_landed(result)
                except Exception as error:  # noqa: BLE001 - kept, and raised after the siblings
                    self._failed(stream, error)
        self._cursors = dict(
            connection.execute(
                "select stream, cursor from landing.cursors where source = ?", [self.name]
            ).fetchall()
        )

    def extract(self) -> None:
        """Extract the streams into the landing zone, as many at a time as the vendor allows."""
        with ThreadPoolExecutor(
            self._source.concurrency, thread_name_prefix=f"extract-{self.name}"
        ) as pool:
            waiting: dict[Future[tuple[Path, Manifest]], Stream] = {
                pool.submit(self._extract, stream): stream
                for stream in self._chosen
                if stream.name not in self._errors
            }
            for future in as_completed(waiting):
                try:
                    self._extracted.append((waiting[future], *future.result()))
                except Exception as error:  # noqa: BLE001 - kept, and raised after the siblings
                    self._failed(waiting[future], error)

    def land(self, connection: duckdb.DuckDBPyConnection) -> list[LoadResult]:
        """Land what was extracted, each stream in its own transaction.

        Returns and raises what :func:`run_source` does.
        """
        with limited_memory(connection, self.settings.landing_memory_limit):
            for stream, folder, manifest in self._extracted:
                try:
                    result = land(connection, stream, manifest, folder, self.clock)
                except Exception as error:  # noqa: BLE001 - kept, and raised after the siblings
                    self._failed(stream, error)
                    continue
                if result is not None:
                    self._has_landed(result)
        results = [
            self._results[stream.name] for stream in self._chosen if stream.name in self._results
        ]
        if self._errors:
            permanent = [e for e in self._errors.values() if not isinstance(e, RetryableError)]
            failed = StreamsFailedError if permanent else StreamsToRetryError
            raise failed(self.name, self._errors, results) from ExceptionGroup(
                f"streams of {self.name}", list(self._errors.values())
            )
        return results

    def _extract(self, stream: Stream) -> tuple[Path, Manifest]:
        cursor = self._cursors.get(stream.name)
        with self._zone.extraction(
            stream, self.clock.now(), cursor=cursor, landed=self._landed[stream.name]
        ) as folder:
            extracted = self._source.extract(stream, cursor, folder, self.clock)
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
            self._zone.commit(folder, manifest)
            return folder.path, manifest

    def _has_landed(self, result: LoadResult) -> None:
        self._results[result.stream] = _sum(self._results.get(result.stream), result)
        self._say(result.in_words())

    def _failed(self, stream: Stream, error: Exception) -> None:
        self._errors[stream.name] = error
        self._say(f"{stream.source}.{stream.name}: failed: {_in_words(error)}")

    def _say(self, what: str) -> None:
        if self.on_progress is not None:
            self.on_progress(what)


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
        erased=earlier.erased + later.erased,
        tombstoned=earlier.tombstoned + later.tombstoned,
        calls=earlier.calls + later.calls,
        bytes=earlier.bytes + later.bytes,
        seconds=earlier.seconds + later.seconds,
    )


def _in_words(error: Exception) -> str:
    """An error in words; one that nobody raised on purpose is named by its class too."""
    return str(error) if isinstance(error, HeadwaterError) else f"{type(error).__name__}: {error}"


def _what(source: str, errors: dict[str, Exception]) -> str:
    return " ".join(f"{source}.{stream} failed: {_in_words(e)}" for stream, e in errors.items())


def _next_step(errors: dict[str, Exception]) -> str:
    count = len(errors)
    return f"{count} stream{'s' if count > 1 else ''} failed; the others have landed."
