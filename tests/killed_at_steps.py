"""``kill -9`` at one step of some work after the other, until it comes to its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pytest

MOST_STEPS = 400


def killed_at_steps(
    patched: pytest.MonkeyPatch,
    steps: Iterable[tuple[Any, str]],
    work: Callable[[], object],
    look: Callable[[], None],
) -> int:
    """Do ``work`` in a child that is killed at its first step, then its third, fifth and so on, and
    ``look`` at what each left; returns how many were killed before one came to its end.

    A step is a call of one of ``steps``: the place that a function is looked up in, and its name.
    """
    taken = dies_at = 0

    def dying(place: Any, name: str) -> None:
        real = getattr(place, name)

        def step(*arguments: Any, **named: Any) -> Any:
            nonlocal taken
            taken += 1
            if taken == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        patched.setattr(place, name, step)

    for place, name in steps:
        dying(place, name)
    for kills, number in enumerate(range(1, MOST_STEPS, 2)):
        child = os.fork()
        if child == 0:
            taken, dies_at = 0, number
            with suppress(BaseException):
                work()
                os._exit(0)
            os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        look()
        if status == 0:
            return kills
        assert status == -signal.SIGKILL, "it failed where it was not killed"
    raise AssertionError(f"{MOST_STEPS} steps, and no end")
