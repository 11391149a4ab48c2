"""Daily call budgets: how many calls a day Headwater leaves itself with a vendor.

A vendor's allowance is shared with everybody else who uses the account. The count stands in a
small database in the home folder, for all processes together, and goes by UTC days of the clock.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from headwater.clock import Clock, clock_from
from headwater.errors import QuotaExhaustedError
from headwater.settings import Settings

FILE = "calls.sqlite"
WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class CallBudget:
    """The calls that ``source`` may make in a day: ``allowed`` of them, counted in ``file``."""

    source: str
    allowed: int
    file: Path
    clock: Clock

    def spend(self) -> None:
        """Count one call that is about to be made.

        Raises :class:`headwater.errors.QuotaExhaustedError` when the day's calls are used up; the
        call must not be made then, and isn't counted.
        """
        day = self.clock.now().date().isoformat()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        counts = sqlite3.connect(self.file, timeout=WAIT_SECONDS, isolation_level=None)
        try:
            # A process that is killed loses no count, a machine that loses power may: no sync to
            # disk for every call.
            counts.execute("pragma synchronous = off")
            counts.execute(
                "create table if not exists calls "
                "(source text, day text, calls integer, primary key (source, day))"
            )
            counted = counts.execute(
                "insert into calls values (?, ?, 1) on conflict do update set calls = calls + 1 "
                "where calls < ?",
                (self.source, day, self.allowed),
            ).rowcount
        finally:
            counts.close()
        if not counted:
            raise QuotaExhaustedError(
                f"{self.source}: the {self.allowed} calls that HEADWATER_DAILY_CALLS allows on "
                f"{day} (UTC) are used up.",
                next_step="What was read is kept, and reading goes on from there tomorrow; "
                "raise the number to go on today.",
            )


def call_budget(source: str, settings: Settings) -> CallBudget | None:
    """The budget of a source, None where ``HEADWATER_DAILY_CALLS`` sets none."""
    allowed = (settings.daily_calls or {}).get(source)
    if allowed is None:
        return None
    return CallBudget(source, allowed, settings.home / FILE, clock_from(settings))
