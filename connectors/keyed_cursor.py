"""How far a stream was read: up to which moment, and when its keys were last compared.

Written as ``2025-08-29T09:00:00+00:00`` or ``2025-08-29T09:00:00+00:00 keys
2025-08-29T09:00:00+00:00``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

KEYS = " keys "


@dataclass(frozen=True)
class KeyedCursor:
    """``changed_at`` is the newest change that was read, ``keys_at`` when all keys were last
    compared, or the first load read the whole."""

    changed_at: datetime | None = None
    keys_at: datetime | None = None

    @classmethod
    def read(cls, text: str | None) -> KeyedCursor:
        """A cursor as :meth:`text` wrote it; None is that of a stream that was never read."""
        if text is None:
            return cls()
        changed_at, _, keys_at = text.partition(KEYS)
        return cls(
            datetime.fromisoformat(changed_at), datetime.fromisoformat(keys_at) if keys_at else None
        )

    def text(self) -> str | None:
        """The cursor as text; None until something was read."""
        if self.changed_at is None:
            return None
        keys = f"{KEYS}{self.keys_at.isoformat()}" if self.keys_at else ""
        return f"{self.changed_at.isoformat()}{keys}"

    def keys_are_due(self, now: datetime, every: timedelta) -> bool:
        """Whether the keys should be compared. The first load reads the whole anyway."""
        if self.changed_at is None:
            return False
        return self.keys_at is None or now - self.keys_at >= every
