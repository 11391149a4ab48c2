"""Lands what lies in the zone and not in the warehouse, without asking a vendor.

An empty warehouse is filled again in this way. Loads are landed in the order of their receipt, in
which they landed before, so that rows, cursors and quarantine come out the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import duckdb

from connectors.landing import LoadResult, land
from connectors.raw_tables import ensure_raw_tables
from connectors.registry import STREAMS_BY_SOURCE
from connectors.stream import Stream
from connectors.zone import BACKFILL, CYCLE, Manifest, Zone, verify
from headwater.clock import Clock
from headwater.errors import HeadwaterError, PermanentError, SettingsError
from headwater.settings import Settings
from headwater.warehouse import connect, limited_memory


class ReplayFailedError(PermanentError):
    """Loads could not be landed; ``errors`` says by stream why, ``results`` what did land."""

    def __init__(self, errors: dict[str, HeadwaterError], results: list[LoadResult]) -> None:
        what = " ".join(f"{stream} stopped: {error}" for stream, error in errors.items())
        super().__init__(what, next_step="The other streams are complete; replay again when done.")
        self.errors = errors
        self.results = results


def replay(
    settings: Settings,
    clock: Clock,
    *,
    sources: Sequence[str] | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> list[LoadResult]:
    """Land every load of the zone that the warehouse lacks; returns a result per load.

    ``sources`` limits it to these. A stream stops at a load that cannot be landed, the others go
    on. Raises :class:`headwater.errors.SettingsError` when there is no zone, and
    :class:`ReplayFailedError` after every stream had its turn.
    """
    zone = Zone(settings.landing_zone)
    if not zone.root.exists():
        raise SettingsError(
            f"There is no landing zone at {zone.root}.",
            next_step="Set HEADWATER_HOME to the home whose zone is to be replayed.",
        )
    streams = [
        stream
        for source, of_source in STREAMS_BY_SOURCE.items()
        for stream in of_source
        if sources is None or source in sources
    ]
    results: list[LoadResult] = []
    errors: dict[str, HeadwaterError] = {}
    with (
        connect(settings) as connection,
        limited_memory(connection, settings.landing_memory_limit),
    ):
        ensure_raw_tables(connection)
        for stream in streams:
            try:
                landed = loads_landed(connection, stream)
                for result in land_pending(connection, zone, stream, clock, landed):
                    results.append(result)
                    if on_progress is not None:
                        on_progress(result.in_words())
            except HeadwaterError as error:
                errors[f"{stream.source}.{stream.name}"] = error
    if errors:
        raise ReplayFailedError(errors, results)
    return results


def land_pending(
    connection: duckdb.DuckDBPyConnection,
    zone: Zone,
    stream: Stream,
    clock: Clock,
    landed: Collection[str],
) -> Iterator[LoadResult]:
    """Land the loads of a stream that were extracted and are not among the ``landed``, each in its
    own transaction.

    Each is compared with its digests first. The loads of a backfill that runs just now are its own.
    """
    for folder, manifest in pending(zone, stream, landed):
        verify(folder, manifest)
        result = land(connection, stream, manifest, folder, clock)
        if result is not None:
            yield result


def pending(zone: Zone, stream: Stream, landed: Collection[str]) -> list[tuple[Path, Manifest]]:
    """The loads of the zone that are not in ``landed``, in the order of their receipt."""
    backfill_lives = zone.is_held(stream, BACKFILL)
    waiting = [
        (folder, manifest)
        for folder, manifest in zone.manifests(stream, without=landed)
        if not (backfill_lives and manifest.lane != CYCLE)
    ]
    return sorted(waiting, key=lambda load: (load[1].received_at, load[1].load_id))


def loads_landed(connection: duckdb.DuckDBPyConnection, stream: Stream) -> set[str]:
    """The ids of the stream's loads that are in the warehouse."""
    rows = connection.execute(
        "select load_id from landing.loads where source = ? and stream = ?",
        [stream.source, stream.name],
    ).fetchall()
    return {str(load_id) for (load_id,) in rows}
