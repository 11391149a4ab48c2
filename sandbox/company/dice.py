"""Scalar draws for agents, from one numpy Generator, buffered because agents draw one at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


class Dice:
    """Draws for one concept of the world; each concept has its own stream of the seed.

    So that a change in one part of the simulator leaves the draws of the others as they were.
    """

    def __init__(self, seed: int, concept: str) -> None:
        self.rng = np.random.Generator(np.random.PCG64([seed, *concept.encode()]))
        self._buffer: list[float] = []

    def u(self) -> float:
        """Uniform on [0, 1)."""
        if not self._buffer:
            self._buffer = self.rng.random(8192).tolist()
        return self._buffer.pop()

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.u() < probability

    def between(self, low: float, high: float) -> float:
        """Uniform on [low, high)."""
        return low + (high - low) * self.u()

    def integer(self, low: int, high: int) -> int:
        """Uniform integer, both ends included."""
        return low + int((high - low + 1) * self.u())

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[int(len(items) * self.u())]

    def exponential(self, mean: float) -> float:
        """Exponential with this mean."""
        return -mean * math.log(1.0 - self.u())

    def normal(self) -> float:
        """Standard normal (Box-Muller)."""
        return math.sqrt(-2 * math.log(1.0 - self.u())) * math.cos(2 * math.pi * self.u())

    def lognormal(self, median: float, sigma: float) -> float:
        """Log-normal by its median."""
        return median * math.exp(sigma * self.normal())

    def hex(self, digits: int) -> str:
        """So many random hexadecimal digits."""
        return self.rng.bytes((digits + 1) // 2).hex()[:digits]

    def uuid(self) -> str:
        """A random id in UUID form."""
        text = self.rng.bytes(16).hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
