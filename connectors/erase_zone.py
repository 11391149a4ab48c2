"""Takes erased people out of every load of the landing zone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from connectors.erase_load import erase_load, look_at_load
from connectors.stream import Stream
from connectors.zone import BACKFILL, CYCLE, MANIFEST, Zone
from headwater.erased_rows import Search


def erase_zone(search: Search, zone: Zone, streams: tuple[Stream, ...]) -> dict[str, int]:
    """Erase in all loads, those that have not landed among them; returns the records removed, by
    stream.

    Nothing may be extracted meanwhile: raises :class:`headwater.errors.RetryableError` naming the
    stream where something is, and :class:`headwater.errors.SourceDataError` naming a part that is
    missing or damaged. Extractions that were cut off are thrown away; the next cycle begins them
    anew.
    """
    removed: dict[str, int] = {}
    for stream in streams:
        with _alone(zone, stream):
            for folder, manifest in zone.manifests(stream):
                erased = erase_load(search, stream, manifest, folder)
                if erased != manifest:
                    name = f"{stream.source}.{stream.name}"
                    lost = erased.erased - manifest.erased
                    removed[name] = removed.get(name, 0) + lost
    return removed


def look_at_zone(
    search: Search, zone: Zone, streams: tuple[Stream, ...]
) -> dict[str, tuple[int, int]]:
    """How many records of each stream's loads would be removed, and how many changed."""
    found: dict[str, tuple[int, int]] = {}
    for stream in streams:
        for folder, manifest in zone.manifests(stream):
            gone, changed = look_at_load(search, stream, manifest, folder)
            if gone or changed:
                name = f"{stream.source}.{stream.name}"
                before = found.get(name, (0, 0))
                found[name] = (before[0] + gone, before[1] + changed)
    return found


@contextmanager
def _alone(zone: Zone, stream: Stream) -> Iterator[None]:
    """Keep every lane of a stream from extracting, and sweep what was cut off."""
    folder = zone.folder(stream)
    if not folder.exists():
        yield
        return
    lanes = {path.name[1:].removesuffix(".lock") for path in folder.glob(".*.lock")}
    with ExitStack() as held:
        for lane in sorted(lanes | {CYCLE, BACKFILL}):
            held.enter_context(zone.hold(stream, lane))
        for path in sorted(folder.iterdir()):
            unfinished = path.is_dir() and not (path / MANIFEST).exists()
            if unfinished:
                shutil.rmtree(path)
        yield
