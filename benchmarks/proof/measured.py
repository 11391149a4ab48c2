"""One promise: its target, and what was measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """``number`` is that of the reference (docs/syncs.md)."""

    number: int
    promise: str
    target: str
    measured: str
    holds: bool
