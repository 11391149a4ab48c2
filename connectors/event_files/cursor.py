"""What was read of a location, in bounded space: the cursor of files of events.

Files that changed lately are known one by one. Of older ones a digest per day (of their last
change) is kept: when a file of such a day is added, changed or removed, that day is read again,
and what it said before counts as duplicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from pydantic import BaseModel

from connectors.event_files.files import EventFile, digest

LATELY_NS = 2 * 86_400 * 10**9
MOST_FILES = 200
"""Files known one by one at most."""


class Seen(BaseModel):
    """``horizon_ns``: files changed up to then are known by ``days``, later ones by ``files``.

    ``unfinished`` are files whose end was missing: they are read again, changed or not.
    """

    horizon_ns: int = -1
    days: dict[str, str] = {}
    files: list[str] = []
    unfinished: list[str] = []

    def unread(self, listed: Iterable[EventFile]) -> list[EventFile]:
        """The files of a listing that are new, changed or unfinished, oldest first."""
        waiting, old, new = [], [], []
        known, unfinished = set(self.files), set(self.unfinished)
        for file in sorted(listed):
            if file.digest in unfinished:
                waiting.append(file)
            elif file.modified_ns <= self.horizon_ns:
                old.append(file)
            elif file.digest not in known:
                new.append(file)
        for day, files in _by_day(old).items():
            if self.days.get(day) != _digest(files):
                new.extend(files)
        return sorted(waiting + new)


def seen(listed: Iterable[EventFile], unfinished: Iterable[str]) -> Seen:
    """The cursor after all files of a listing were read, but for the ends of ``unfinished``."""
    missing = set(unfinished)
    files = sorted(file for file in listed if file.digest not in missing)
    horizon = _horizon(files)
    return Seen(
        horizon_ns=horizon,
        days={
            day: _digest(group)
            for day, group in _by_day(f for f in files if f.modified_ns <= horizon).items()
        },
        files=[file.digest for file in files if file.modified_ns > horizon],
        unfinished=sorted(missing),
    )


def _horizon(files: Sequence[EventFile]) -> int:
    if not files:
        return -1
    horizon = files[-1].modified_ns - LATELY_NS
    if len(files) > MOST_FILES:
        horizon = max(horizon, files[-MOST_FILES - 1].modified_ns)
    return horizon


def _by_day(files: Iterable[EventFile]) -> dict[str, list[EventFile]]:
    return {day: list(group) for day, group in groupby(files, key=lambda file: file.day)}


def _digest(files: Iterable[EventFile]) -> str:
    return digest("".join(sorted(file.digest for file in files)))
