"""How many batches are under way at once: more while the vendor takes them, fewer when it doesn't.

Batches leave in waves: all of one are marked in flight, sent at the same time, and answered before
the next leaves. A wave that was taken lets the next have one batch more; a refusal for the rate
halves it. (Additive increase, multiplicative decrease, as :mod:`headwater.pace` does with calls.)
What a wave does depends on the answers alone, not on which of them came first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from syncs.destination import Change


class Waves:
    """The waves of one delivery, of at most ``most`` batches each."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.size = 1

    def of(self, batches: Iterable[Sequence[Change]]) -> Iterator[list[Sequence[Change]]]:
        """The batches in waves, each as large as :attr:`size` is by then. In one wave are batches
        of one operation, no suspects beside others, and no parent twice."""
        wave: list[Sequence[Change]] = []
        for batch in batches:
            if wave and (len(wave) >= self.size or not _may_go_beside(wave[-1], batch)):
                yield wave
                wave = []
            wave.append(batch)
        if wave:
            yield wave

    def taken(self) -> None:
        """The vendor took a wave without a word about the rate."""
        self.size = min(self._most, self.size + 1)

    def refused(self) -> None:
        """The vendor refused a batch for the rate."""
        self.size = max(1, self.size // 2)


def _may_go_beside(before: Sequence[Change], batch: Sequence[Change]) -> bool:
    last, first = before[-1], batch[0]
    if last.operation is not first.operation or last.suspect or first.suspect:
        return False
    return first.parent is None or first.parent != last.parent
