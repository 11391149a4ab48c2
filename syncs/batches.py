"""How the rows of an outbox are put into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from syncs.destination import Change


def batches(
    changes: Sequence[Change], size: int, *, separate_operations: bool
) -> Iterator[Sequence[Change]]:
    """At most ``size`` changes each, of one operation where the destination wants that, and
    suspects apart.

    Rows of one parent, which stand beside each other, are in one batch if they fit into one: who
    writes a row locks its parent, and a batch that is worked at elsewhere would wait for it.
    """
    for _, alike in groupby(
        changes,
        lambda change: (change.suspect, change.operation if separate_operations else None),
    ):
        together = list(alike)
        start = 0
        while start < len(together):
            end = _end(together, start, start + size)
            yield together[start:end]
            start = end


def _end(changes: Sequence[Change], start: int, end: int) -> int:
    """Where the batch that begins at ``start`` ends, ``end`` at the latest."""
    if end >= len(changes) or changes[end].parent is None:
        return min(end, len(changes))
    first = end
    while first > start and changes[first - 1].parent == changes[end].parent:
        first -= 1
    return first if first > start else end
