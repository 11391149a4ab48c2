"""Estimates of downloads and active people by day and country, made from each app's parameters."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response

from sandbox.vendors.app_intelligence.answers import ids_of, refused, store_of
from sandbox.vendors.app_intelligence.store import Store
from sandbox.vendors.endpoint import Call

DAYS_OF = ZoneInfo("America/New_York")
MAX_DAYS = 180
MODELS = {"v2.0": 0.8, "v3.0": 1.0}
SHARES = {"US": 0.5, "GB": 0.12, "DE": 0.08, "FR": 0.06, "WW": 1.0}
FIRST_DAY = date(2025, 1, 1)
PRELIMINARY_DAYS = 4
"""So long an estimate is still revised."""


class Estimates:
    """The estimates of a store's apps."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, call: Call) -> Response:
        """A row per app and day up to yesterday; none for apps and days that are unknown."""
        name, ids = store_of(call), ids_of(call)
        country = call.query.get("country_iso", "")
        if country not in SHARES:
            raise refused(400, f"country_iso: unknown country {country!r}")
        model = call.query.get("model_version", "v2.0")
        if model not in MODELS:
            raise refused(400, f"model_version: one of {', '.join(MODELS)}")
        try:
            first, last = (
                date.fromisoformat(call.query.get(each, "")) for each in ("date_from", "date_to")
            )
        except ValueError:
            raise refused(400, "date_from and date_to must be YYYY-MM-DD") from None
        if not timedelta(0) <= last - first < timedelta(days=MAX_DAYS):
            raise refused(400, f"At most {MAX_DAYS} days per request, date_from first")
        today = self._store.clock.now().astimezone(DAYS_OF).date()
        rows: list[dict[str, Any]] = []
        for id_ in ids:
            app = self._store.apps.get(f"{name}/{id_}")
            if app is not None:
                days = _days(first, min(last, today - timedelta(days=1)))
                level = SHARES[country] * MODELS[model]
                rows += [_row(app, country, day, today, level) for day in days]
        return JSONResponse(rows)


def _days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)


def _row(app: dict[str, Any], country: str, day: date, today: date, level: float) -> dict[str, Any]:
    """One estimate. A recent one is low: the panel has not reported whole."""
    if (today - day).days <= PRELIMINARY_DAYS:
        level *= 0.9
    age = (day - FIRST_DAY).days
    weekly = 1 + 0.15 * math.sin(2 * math.pi * day.weekday() / 7)
    digest = hashlib.md5(f"{app['id']} {day}".encode()).hexdigest()
    noise = 0.85 + 0.3 * int(digest[:6], 16) / 0xFFFFFF
    downloads = app["downloads"] * math.exp(app["growth"] * age) * weekly * noise * level
    monthly = app["downloads"] * math.exp(app["growth"] * age) * 55 * level
    return {
        "id": app["shown"]["id"],
        "country_iso": country,
        "date": day.isoformat(),
        "downloads": round(downloads),
        "downloads_revenue": 0,
        "iap_revenue": round(downloads * 0.2, 2),
        "total_revenue": round(downloads * 0.2, 2),
        "dau": round(monthly * 0.18 * weekly * noise),
        "mau": round(monthly),
        "arpu": 0.01,
        "engagement": round(0.18 * weekly * noise, 4),
    }
