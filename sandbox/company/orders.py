"""Group orders: the order lines of a day, put into orders with an organiser and a restaurant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.company.agents import Member, Workspace
from sandbox.company.dice import Dice

LINES_PER_ORDER = 9.0
Ints = NDArray[np.int64]


@dataclass
class Orders:
    """Parallel arrays, one per order, by time; ``created`` and ``closed`` in epoch seconds."""

    workspace: Ints
    organiser: Ints
    restaurant: Ints
    lines: Ints
    total_cents: Ints
    created: Ints
    closed: Ints
    cancelled: NDArray[np.bool_]


class Rosters:
    """Who was a member of which workspace when, for drawing many actors at once."""

    def __init__(self, workspaces: list[Workspace], members: list[Member]) -> None:
        row = {id(workspace): number for number, workspace in enumerate(workspaces)}
        ordered = sorted(members, key=lambda m: (row[id(m.workspace)], m.joined, m.id))
        self.members = ordered
        rows = np.array([row[id(m.workspace)] for m in ordered], dtype=np.int64)
        self._joined = rows * 1_000.0 + np.array([m.joined for m in ordered])
        self._left = np.array([m.left if m.left is not None else 1e9 for m in ordered])
        self._offset = np.searchsorted(rows, np.arange(len(workspaces)))

    def draw(self, rng: np.random.Generator, row: Ints, t: NDArray[np.float64]) -> Ints:
        """For each (workspace row, time) the position of one member present; else the first."""
        present = np.searchsorted(self._joined, row * 1_000.0 + t, side="left") - self._offset[row]
        pick = np.floor(rng.random(len(row)) ** 1.6 * np.maximum(present, 1)).astype(np.int64)
        position = self._offset[row] + pick
        return np.where(self._left[position] > t, position, self._offset[row])


def simulate(
    rosters: Rosters,
    order_lines: Ints,
    restaurants: int,
    epoch: int,
    seed: int,
) -> Orders:
    """Orders for all lines that were used; each day's lines are kept exactly."""
    rng = Dice(seed, "orders").rng
    row, day = np.nonzero(order_lines)
    lines = order_lines[row, day]
    count = np.maximum(1, np.round(lines / LINES_PER_ORDER)).astype(np.int64)
    first = np.cumsum(count) - count
    place = np.arange(int(count.sum())) - np.repeat(first, count)
    row, day = np.repeat(row, count), np.repeat(day, count)
    each, rest = np.repeat(lines // count, count), np.repeat(lines % count, count)
    size = each + (place < rest)
    lunch = rng.random(len(row)) < 0.75
    hour = np.where(lunch, rng.uniform(8.5, 11.5, len(row)), rng.uniform(14.5, 17.0, len(row)))
    t = day + hour / 24
    created = epoch + np.floor(t * 86_400).astype(np.int64)
    closed = created + rng.integers(3_600, 10_800, len(row))
    organiser = rosters.draw(rng, row, t)
    popularity = np.floor(restaurants * rng.random(len(row)) ** 1.7).astype(np.int64)
    total = size * rng.integers(900, 1_800, len(row))
    cancelled = rng.random(len(row)) < 0.015
    by_time = np.lexsort((row, created))
    return Orders(
        workspace=row[by_time],
        organiser=organiser[by_time],
        restaurant=popularity[by_time] + 1,
        lines=size[by_time],
        total_cents=total[by_time],
        created=created[by_time],
        closed=closed[by_time],
        cancelled=cancelled[by_time],
    )
