"""Moments as sources write them, read leniently: the cursor is no judge, the contract is."""

from __future__ import annotations

from datetime import UTC, datetime


def moment_or_none(value: object) -> datetime | None:
    """An ISO 8601 moment in UTC (taken for UTC where it names no offset), None if it isn't one."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
