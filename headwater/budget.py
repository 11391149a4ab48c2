"""Daily budgets: how many calls, and how many rows to deliver, Headwater leaves itself in a day.

A vendor's allowance is shared with everybody else who uses the account. The counts stand in what
all runners share (:mod:`headwater.shared_state`), and go by UTC days of the clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headwater.clock import Clock, clock_from
from headwater.errors import QuotaExhaustedError
from headwater.settings import Settings
from headwater.shared_state import shared_state

TO = "to "
"""What stands before the name of a destination: its calls are counted apart from the reading."""
KIND_OF = {"create": "creates", "remove": "removes"}
"""The kind of row that an operation counts as, beside ``rows``."""


@dataclass(frozen=True)
class CallBudget:
    """The calls that ``source`` may make in a day: ``allowed`` of them."""

    source: str
    allowed: int
    settings: Settings
    clock: Clock

    def spend(self) -> None:
        """Count one call that is about to be made.

        Raises :class:`headwater.errors.QuotaExhaustedError` when the day's calls are used up; the
        call must not be made then, and isn't counted.
        """
        day = self.clock.now().date().isoformat()
        with shared_state(self.settings) as state:
            counted = state.change(
                "insert into calls (source, day, calls) values ($source, $day, 1) "
                "on conflict (source, day) do update set calls = calls.calls + 1 "
                "where calls.calls < $allowed",
                {"source": self.source, "day": day, "allowed": self.allowed},
            )
        # A budget of none lets the first insert through.
        if not counted or not self.allowed:
            delivers = self.source.startswith(TO)
            setting = "HEADWATER_DAILY_DELIVERIES" if delivers else "HEADWATER_DAILY_CALLS"
            kept = "What was delivered" if delivers else "What was read"
            raise QuotaExhaustedError(
                f"{self.source}: the {self.allowed} calls that {setting} allows on "
                f"{day} (UTC) are used up.",
                next_step=f"{kept} is kept, and it goes on from there tomorrow; "
                "raise the number to go on today.",
            )


@dataclass(frozen=True)
class RowBudget:
    """The rows that may be sent to ``destination`` in a day, by all syncs and processes together.

    ``allowed`` maps ``rows`` (all of them), ``creates`` and ``removes`` to a number; what is not
    named has no limit.
    """

    destination: str
    allowed: Mapping[str, int]
    settings: Settings
    clock: Clock

    def reserve(self, operations: Sequence[str]) -> int:
        """Count rows that are about to be sent, as many of the first as the day has left.

        Returns how many that are. A row that is refused, or sent again by a later run, counts.
        """
        day = self.clock.now().date().isoformat()
        counters = {self._counter(kind): kind for kind in self.allowed}
        with (
            shared_state(self.settings) as state,
            state.transaction(alone=f"budget of {self.destination}"),
        ):
            spent = {
                counters[source]: calls
                for source, calls in state.rows(
                    "select source, calls from calls where day = $day", {"day": day}
                )
                if source in counters
            }
            taken = dict.fromkeys(self.allowed, 0)
            number = 0
            for operation in operations:
                counted_as = ("rows", KIND_OF.get(operation, "rows"))
                kinds = {kind for kind in counted_as if kind in self.allowed}
                if any(spent.get(kind, 0) + taken[kind] >= self.allowed[kind] for kind in kinds):
                    break
                for kind in kinds:
                    taken[kind] += 1
                number += 1
            for kind, rows in taken.items():
                state.change(
                    "insert into calls (source, day, calls) values ($source, $day, $rows) "
                    "on conflict (source, day) do update set calls = calls.calls + excluded.calls",
                    {"source": self._counter(kind), "day": day, "rows": rows},
                )
        return number

    def exhausted(self) -> QuotaExhaustedError:
        """What to say when not all rows may go."""
        limits = ", ".join(f"{kind} {number:,}" for kind, number in sorted(self.allowed.items()))
        return QuotaExhaustedError(
            f"{self.destination}: what HEADWATER_DAILY_DELIVERIES allows on "
            f"{self.clock.now():%Y-%m-%d} (UTC) is used up ({limits}).",
            next_step="The other rows stay owed and go out with the first run of tomorrow; "
            "raise the number to go on today.",
        )

    def _counter(self, kind: str) -> str:
        return f"{TO}{self.destination}.{kind}"


def call_budget(source: str, settings: Settings) -> CallBudget | None:
    """The budget of a source, None where ``HEADWATER_DAILY_CALLS`` sets none; ``to <destination>``
    is a destination's, of ``HEADWATER_DAILY_DELIVERIES``."""
    if source.startswith(TO):
        allowed = (settings.daily_deliveries or {}).get(f"{source.removeprefix(TO)}.calls")
    else:
        allowed = (settings.daily_calls or {}).get(source)
    if allowed is None:
        return None
    return CallBudget(source, allowed, settings, clock_from(settings))


def row_budget(destination: str, settings: Settings, clock: Clock) -> RowBudget | None:
    """The rows that ``HEADWATER_DAILY_DELIVERIES`` leaves a destination, None if it says none."""
    limits = {
        kind: number
        for name, number in (settings.daily_deliveries or {}).items()
        for to, _, kind in (name.partition("."),)
        if to == destination and kind != "calls"
    }
    return RowBudget(destination, limits, settings, clock) if limits else None
