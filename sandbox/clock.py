"""The sandbox's virtual clock: one JSON file that every process of the sandbox agrees on."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path


class VirtualClock:
    """The time in the demo company, kept in the file at ``path``.

    The file is read anew at each call, so that the servers, ``advance`` and the demo command see
    the same moment. All times are UTC and timezone-aware.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        """The current virtual moment. Raises :class:`FileNotFoundError` if nobody set it yet."""
        at = datetime.fromisoformat(json.loads(self._path.read_text(encoding="utf-8"))["now"])
        return at.astimezone(UTC)

    def set(self, at: datetime) -> None:
        """Move the clock to ``at``. Raises :class:`ValueError` if it has no timezone."""
        if at.tzinfo is None:
            raise ValueError(f"The virtual clock needs a time with a zone, got {at.isoformat()}.")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        staged = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        staged.write_text(
            json.dumps({"now": at.astimezone(UTC).isoformat()}) + "\n", encoding="utf-8"
        )
        staged.replace(self._path)


def clock_in(home: Path) -> VirtualClock:
    """The clock of the sandbox whose state is in ``home``."""
    return VirtualClock(home / "clock.json")
