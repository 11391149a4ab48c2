"""Similarweb: what a key may do, visits by month, and a domain's rank."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import date
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Handler, Refusal
from sandbox.vendors.web_rank.store import Store

FIRST_MONTH = date(2023, 1, 1)
PUBLISHED_ON = 10
"""Day of a month on which the data of the month before comes out."""
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
DOMAIN = re.compile(r"(?!www\.)([a-z0-9-]+\.)+[a-z0-9-]{2,}")
COUNTRY = re.compile(r"world|[a-z]{2}")


class Visits:
    """The estimates of a store."""

    def __init__(self, store: Store, faults: FaultPlan, api_key: str) -> None:
        self._store = store
        self._faults = faults
        self._api_key = api_key

    def behind_key(self, handle: Handler) -> Handler:
        """The handler behind the key and ten calls a second."""

        def guarded(call: Call) -> Response:
            given = call.query.get("api_key", "")
            if not hmac.compare_digest(given, self._api_key):
                raise _refused(401, 100, "Unauthorized. Please check your API key")
            if self._faults.take("web_rank", call.path, "no_entitlement"):
                raise _refused(403, 103, "You are not entitled to this endpoint")
            limited = self._faults.take("web_rank", call.path, "rate_limit") is not None
            if limited or not self._store.calls_per_second.take(given).allowed:
                raise _refused(429, 107, "Too many requests")
            return handle(call)

        return guarded

    def capabilities(self, call: Call) -> Response:
        """Credits that are left, and the months that may be asked about; free of charge."""
        del call
        interval = {"start_date": _text(FIRST_MONTH), "end_date": _text(self._newest())}
        data = {"snapshot_interval": interval, "countries": [{"code": "world", "name": "World"}]}
        return JSONResponse(
            {
                "remaining_hits": self._store.credits_left(),
                "web_desktop_data": data,
                "web_mobile_data": data,
            }
        )

    def visits(self, call: Call) -> Response:
        """Visits of each month asked for; a month costs a credit, an unknown domain nothing."""
        months = self._months(call)
        domain = call.params["domain"]
        site = self._store.sites.get(domain)
        if site is None or not site["has_estimate"]:
            raise _refused(404, 401, "Data not found")
        since = date.fromisoformat(site["since"]).replace(day=1)
        known = [month for month in months if month >= since]
        if not known:
            raise _refused(404, 401, "Data not found")
        if self._faults.take("web_rank", call.path, "no_credits") or not self._store.use_credits(
            len(known)
        ):
            raise _refused(403, 104, "Data credits limit exceeded for this billing period")
        rows = [{"date": month.isoformat(), "visits": _estimate(site, month)} for month in known]
        return JSONResponse({"meta": self._meta(call), "visits": rows})

    def rank(self, call: Call) -> Response:
        """A rank that follows the visits."""
        site = self._store.sites.get(call.params["domain"])
        if site is None or not site["has_estimate"]:
            raise _refused(404, 401, "Data not found")
        rank = max(1, int(4e9 / (site["visits"] + 1)))
        return JSONResponse({"meta": self._meta(call), "similar_rank": {"rank": rank}})

    def _months(self, call: Call) -> list[date]:
        if not DOMAIN.fullmatch(call.params["domain"]):
            raise _refused(400, 105, "Invalid domain")
        if call.query.get("granularity") != "monthly":
            raise _refused(400, 105, "Only the granularity monthly is covered by your plan")
        if not COUNTRY.fullmatch(call.query.get("country", "")):
            raise _refused(400, 105, "Invalid country")
        if call.query.get("main_domain_only") not in {"true", "false"}:
            raise _refused(400, 105, "Invalid main_domain_only")
        texts = [call.query.get(name, "") for name in ("start_date", "end_date")]
        if not all(MONTH.fullmatch(text) for text in texts):
            raise _refused(400, 105, "Invalid date, expected YYYY-MM")
        first, last = (date.fromisoformat(f"{text}-01") for text in texts)
        if not FIRST_MONTH <= first <= last <= self._newest():
            raise _refused(400, 105, "Date range is out of the data range")
        return [
            date(number // 12, number % 12 + 1, 1)
            for number in range(_number(first), _number(last) + 1)
        ]

    def _newest(self) -> date:
        today = self._store.clock.now().date()
        number = _number(today) - (1 if today.day >= PUBLISHED_ON else 2)
        return date(number // 12, number % 12 + 1, 1)

    def _meta(self, call: Call) -> dict[str, Any]:
        asked = {name: value for name, value in call.query.items() if name != "api_key"}
        last_day = date.fromordinal(_following(self._newest()).toordinal() - 1)
        return {
            "request": {**asked, "domain": call.params["domain"]},
            "status": "Success",
            "last_updated": last_day.isoformat(),
        }


def _refused(status: int, code: int, message: str) -> Refusal:
    meta = {"request": {}, "status": "Error", "error_code": code, "error_message": message}
    return Refusal(JSONResponse({"meta": meta}, status))


def _estimate(site: dict[str, Any], month: date) -> float:
    """Visits of a month: the site's level, its growth, and a little of this month alone."""
    months = _number(month) - _number(FIRST_MONTH)
    digest = hashlib.md5(f"{site['domain']} {month}".encode()).hexdigest()
    noise = int(digest[:6], 16) / 0xFFFFFF * 0.2 + 0.9
    return round(site["visits"] * (1 + site["growth"]) ** (months - 30) * noise, 2)


def _number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _following(month: date) -> date:
    number = _number(month) + 1
    return date(number // 12, number % 12 + 1, 1)


def _text(month: date) -> str:
    return f"{month:%Y-%m}"
