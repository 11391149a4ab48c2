"""The world's calendar. Inside the simulation a moment is a number of days since ``START``."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np

START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 240
FUTURE_DAYS = 14
ALL_DAYS = DAYS + FUTURE_DAYS
HORIZON = float(ALL_DAYS)
SECOND = 1 / 86_400
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
EPOCH = int(START.timestamp())


def at(t: float) -> datetime:
    """The moment ``t`` days after ``START``, to the second, UTC."""
    return START + timedelta(seconds=round(t * 86_400))


def day(index: int) -> date:
    """The UTC day number ``index`` of the world."""
    return (START + timedelta(days=index)).date()


def iso(t: float) -> str:
    """The moment as Salesforce writes it: ``2025-01-01T00:00:00.000+0000``."""
    return at(t).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def iso_z(t: float) -> str:
    """The moment as HubSpot and Crunchbase write it: ``2025-01-01T00:00:00.000Z``."""
    return at(t).strftime("%Y-%m-%dT%H:%M:%S.000Z")


DAY_MONTH = np.array([day(i).month - 1 for i in range(ALL_DAYS)])
"""Month number (0 is the month of ``START``) of each day of the world."""

DAY_WEEKDAY = np.array([day(i).weekday() for i in range(ALL_DAYS)])
MONTHS = int(DAY_MONTH.max()) + 1
MONTH_FIRST_DAY = np.array([int(np.argmax(m == DAY_MONTH)) for m in range(MONTHS)])
