"""A version log: every state that a record ever has, so that any day of the world can be shown."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from sandbox.company.timeline import HORIZON, SECOND

Row = dict[str, Any]


class VersionLog:
    """All versions of the records of one table.

    ``stamp(row, t)`` writes the moment of the change into the row in the source's own form. A
    change after the end of the world never happens; a change that would come before the last
    one comes a second after it.
    """

    def __init__(self, stamp: Callable[[Row, float], None]) -> None:
        self._stamp = stamp
        self._versions: dict[Hashable, list[tuple[float, Row]]] = {}

    def put(self, key: Hashable, t: float, row: Row) -> None:
        """The record's first version, at ``t`` days."""
        if t >= HORIZON:
            return
        self._stamp(row, t)
        self._versions[key] = [(t, row)]

    def change(self, key: Hashable, t: float, **fields: Any) -> float | None:
        """A later version: the last one with ``fields`` changed. Returns its moment, in days, None
        if it never comes."""
        versions = self._versions.get(key)
        if versions is None or t >= HORIZON:
            return None
        last_t, last = versions[-1]
        t = max(t, last_t + SECOND)
        if t >= HORIZON:
            return None
        row = {**last, **fields}
        self._stamp(row, t)
        versions.append((t, row))
        return t

    def correct(self, key: Hashable, since: float, **fields: Any) -> None:
        """Write ``fields`` into the versions from ``since`` on; no version is added."""
        for t, row in self._versions[key]:
            if t >= since:
                row.update(fields)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._versions

    def __len__(self) -> int:
        return len(self._versions)

    def versions(self) -> Iterator[Row]:
        """All versions of all records, by record in the order of their first version."""
        for versions in self._versions.values():
            for _, row in versions:
                yield row

    def states(self) -> Iterator[tuple[Hashable, list[tuple[float, Row]]]]:
        """Each record with its versions and their moments, oldest first."""
        yield from self._versions.items()

    def between(self, start: float, end: float) -> list[Row]:
        """The last version of each record that changed in [start, end)."""
        rows = []
        for versions in self._versions.values():
            for t, row in reversed(versions):
                if t < end:
                    if t >= start:
                        rows.append(row)
                    break
        return rows

    def moments(self, key: Hashable) -> list[float]:
        """When the versions of this record come, in days, oldest first."""
        return [t for t, _ in self._versions[key]]

    def latest(self, key: Hashable) -> Row:
        """The last version that this record ever has."""
        return self._versions[key][-1][1]
