"""Which rows of a refused batch are to blame, found in few calls while the others are delivered.

A destination that refuses a batch as a whole says that something in it is wrong, not what. The
batch is halved until the rows to blame are alone: of ``n`` rows with ``k`` bad ones that takes at
most ``2 k log2(n)`` calls, the first and those that deliver the good rows included. Two things save
calls: when one half of a refused part is accepted, the other half is known to be bad and is split
unsent; and when a row has been found, the two smallest parts left over from it travel together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncs.destination import Change

HOPELESS_AFTER = 4
"""Rows refused one by one, none accepted, after which the cause is not in the rows."""


@dataclass
class _Part:
    changes: tuple[Change, ...]
    known_bad: bool = False
    other_half: _Part | None = None


class Bisection:
    """What is still to be sent of one batch. Ask :meth:`next`, send it, say what came of it."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._parts = [_Part(tuple(changes))]
        self._sent = self._parts[0]
        self._place = 0
        self._blamed = 0
        self._accepted = False

    def next(self) -> tuple[Change, ...]:
        """The next rows to send, none when all are answered.

        Parts are taken from both ends in turn, so that a cause outside the rows shows soon.
        """
        if not self._parts:
            return ()
        while True:
            self._place = 0 if self._blamed % 2 == 0 else len(self._parts) - 1
            self._sent = self._parts.pop(self._place)
            if not self._sent.known_bad or len(self._sent.changes) == 1:
                return self._sent.changes
            self._split()

    def accepted(self) -> None:
        """The destination took the rows."""
        self._accepted = True
        if self._sent.other_half is not None:
            self._sent.other_half.known_bad = True

    def refused(self) -> None:
        """The destination refused the rows as a whole; one that was alone is to blame."""
        if self._sent.other_half is not None:
            self._sent.other_half.other_half = None
        if len(self._sent.changes) > 1:
            self._split()
            return
        self._blamed += 1
        self._join()

    @property
    def is_hopeless(self) -> bool:
        """Whether the cause is not in the rows: single rows were refused, and none accepted."""
        return self._blamed >= HOPELESS_AFTER and not self._accepted

    def rest(self) -> tuple[Change, ...]:
        """Everything not answered yet; nothing is left to send after it."""
        parts, self._parts = self._parts, []
        return tuple(change for part in parts for change in part.changes)

    def _split(self) -> None:
        middle = len(self._sent.changes) // 2
        first, second = (_Part(self._sent.changes[:middle]), _Part(self._sent.changes[middle:]))
        first.other_half, second.other_half = second, first
        self._parts[self._place : self._place] = [first, second]

    def _join(self) -> None:
        """Put together the two parts beside the row just found, unless one is known to be bad."""
        at = self._place if self._place == 0 else len(self._parts) - 2
        if len(self._parts) < 2 or any(part.known_bad for part in self._parts[at : at + 2]):
            return
        one, other = self._parts[at : at + 2]
        for part in (one, other):
            if part.other_half is not None:
                part.other_half.other_half = None
        self._parts[at : at + 2] = [_Part(one.changes + other.changes)]
