"""Retention of the landing zone: removes old loads that a replay can do without.

A load that changed nothing (no row landed, no tombstone, nothing in quarantine) is not missed by a
replay: what it held lies in other loads. The newest load of a stream is kept, for its cursor.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from connectors.registry import STREAMS_BY_SOURCE
from connectors.stream import Stream
from connectors.zone import CYCLE, Manifest, Zone
from headwater.clock import Clock
from headwater.errors import SettingsError
from headwater.settings import Settings
from headwater.warehouse import connect


@dataclass(frozen=True)
class Pruned:
    """What was removed of one stream, in loads and bytes, and how many old loads were kept because
    a replay needs them or they never landed."""

    source: str
    stream: str
    removed: int
    bytes: int
    kept: int


def prune(
    settings: Settings,
    clock: Clock,
    *,
    sources: Sequence[str] | None = None,
    even_if_needed: bool = False,
) -> list[Pruned]:
    """Remove loads that were received longer ago than ``HEADWATER_KEEP_LOADS_DAYS``.

    Only loads that landed, and only those that a replay can do without, unless ``even_if_needed``:
    an emptied warehouse then misses what they held. Returns a line per stream with old loads.
    Raises :class:`headwater.errors.SettingsError` when the setting or the warehouse is missing.
    """
    if settings.keep_loads_days is None:
        raise SettingsError(
            "Loads are kept for ever: HEADWATER_KEEP_LOADS_DAYS is not set.",
            next_step="Set it to the number of days for which loads are to be kept.",
        )
    oldest = clock.now() - timedelta(days=settings.keep_loads_days)
    zone = Zone(settings.landing_zone)
    changed = _loads_that_changed_something(settings)
    lines = []
    for source, streams in STREAMS_BY_SOURCE.items():
        for stream in streams if sources is None or source in sources else ():
            with zone.hold(stream):
                line = _prune_stream(
                    zone,
                    stream,
                    [load for _, load in zone.manifests(stream) if load.received_at < oldest],
                    changed,
                    even_if_needed=even_if_needed,
                )
            if line.removed or line.kept:
                lines.append(line)
    return lines


def _prune_stream(
    zone: Zone,
    stream: Stream,
    old: list[Manifest],
    changed: dict[str, bool],
    *,
    even_if_needed: bool,
) -> Pruned:
    newest = max(
        (load.load_id for _, load in zone.manifests(stream) if load.lane == CYCLE), default=None
    )
    gone = [
        load
        for load in old
        if load.load_id in changed
        and load.load_id != newest
        and (even_if_needed or not changed[load.load_id])
    ]
    for load in gone:
        shutil.rmtree(zone.folder(stream) / load.load_id)
    return Pruned(
        source=stream.source,
        stream=stream.name,
        removed=len(gone),
        bytes=sum(load.bytes for load in gone),
        kept=len(old) - len(gone),
    )


def _loads_that_changed_something(settings: Settings) -> dict[str, bool]:
    """Every load that landed, and whether the warehouse is another one since."""
    with connect(settings, read_only=True) as connection:
        rows = connection.execute(
            "select load_id, landed + tombstoned + quarantined > 0 from landing.loads"
        ).fetchall()
    return {str(load_id): bool(changed) for load_id, changed in rows}
