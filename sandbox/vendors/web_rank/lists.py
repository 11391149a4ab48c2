"""Tranco: the list of a day, its description, and a domain's ranks."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import date, timedelta

from starlette.responses import JSONResponse, Response

from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Refusal
from sandbox.vendors.web_rank.store import Store

ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXYZ"
DAYS_OF_RANKS = 30


class Lists:
    """The lists of a store, one a day, made when they are asked for."""

    def __init__(self, store: Store, faults: FaultPlan) -> None:
        self._store = store
        self._faults = faults

    def describe(self, call: Call) -> Response:
        """What there is to know about the list of a date (``YYYY-MM-DD``, ``YYYYMMDD``, latest)."""
        day = self._day(call.params["date"])
        if day is None or self._faults.take("web_rank", call.path, "no_list"):
            raise Refusal(JSONResponse({"detail": "No list found for this date"}, 404))
        list_id = _list_id(day)
        self._store.lists.put(list_id, {"date": day.isoformat()})
        return JSONResponse(
            {
                "list_id": list_id,
                "available": True,
                "download": f"{call.base_url}/download/{list_id}/1000000",
                "created_on": f"{day.isoformat()}T00:05:12.000000",
                "configuration": {
                    "endDate": (day - timedelta(days=1)).isoformat(),
                    "startDate": (day - timedelta(days=30)).isoformat(),
                    "combinationMethod": "dowdall",
                },
                "failed": False,
                "jobs_ahead": 0,
            }
        )

    def daily_id(self, call: Call) -> Response:
        """The id of the list of ``date`` as plain text."""
        day = self._day(call.query.get("date", "latest"))
        if day is None:
            raise Refusal(Response("Not found", 404))
        self._store.lists.put(_list_id(day), {"date": day.isoformat()})
        return Response(_list_id(day), media_type="text/plain")

    def archive(self, call: Call) -> Response:
        """The whole list as a zip with one file."""
        if self._faults.take("web_rank", call.path, "no_zip"):
            raise Refusal(Response("This list is not available as a zip file", 403))
        lines = self._lines(call)
        for fault in iter(lambda: self._faults.take("web_rank", call.path, "malformed_line"), None):
            lines.insert(int(fault.params.get("at", 0)), str(fault.params["line"]))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("top-1m.csv", "".join(f"{line}\r\n" for line in lines))
        return Response(packed.getvalue(), media_type="application/zip")

    def plain(self, call: Call) -> Response:
        """The first so many lines of a list as CSV."""
        top = call.params["top"]
        if top != "full" and not top.isdigit():
            raise Refusal(Response("Not found", 404))
        lines = self._lines(call)[: None if top == "full" else int(top)]
        return Response("".join(f"{line}\r\n" for line in lines), media_type="text/csv")

    def ranks(self, call: Call) -> Response:
        """A domain's rank on each of the last lists it was on."""
        today = self._store.clock.now().date()
        found = []
        for back in range(DAYS_OF_RANKS):
            day = today - timedelta(days=back)
            ranked = {domain: rank for rank, domain in enumerate(self.ranking(day), 1)}
            if call.params["domain"] in ranked:
                found.append({"date": day.isoformat(), "rank": ranked[call.params["domain"]]})
        return JSONResponse({"domain": call.params["domain"], "ranks": found})

    def ranking(self, day: date) -> list[str]:
        """The domains of a list, the most popular first."""
        sites = [
            (site["score"] + _wobble(site["domain"], day), site["domain"])
            for site in self._store.sites.select("document ->> '$.since' <= ?", (day.isoformat(),))
        ]
        fillers = self._store.list_size - len(sites)
        # Popularity falls with the logarithm of the rank; who is nobody's stays where it is.
        sites += [
            (9.5 - 2.2 * len(str(number)) - number / 10 ** len(str(number)), f"site-{number}.com")
            for number in range(1, fillers + 1)
        ]
        ranked = sorted(sites, key=lambda site: (-site[0], site[1]))
        return [domain for _, domain in ranked[: self._store.list_size]]

    def _lines(self, call: Call) -> list[str]:
        named = self._store.lists.get(call.params["list_id"])
        if named is None:
            raise Refusal(Response("Not found", 404))
        ranking = self.ranking(date.fromisoformat(named["date"]))
        return [f"{rank},{domain}" for rank, domain in enumerate(ranking, 1)]

    def _day(self, text: str) -> date | None:
        """The day of a list that is out; the newest one is today's."""
        today = self._store.clock.now().date()
        try:
            day = today if text == "latest" else date.fromisoformat(text)
        except ValueError:
            return None
        return day if day <= today else None


def _list_id(day: date) -> str:
    digest = int(hashlib.md5(f"list of {day.isoformat()}".encode()).hexdigest(), 16)
    letters = []
    for _ in range(5):
        digest, letter = divmod(digest, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


def _wobble(domain: str, day: date) -> float:
    """A little up or down each day."""
    digest = hashlib.md5(f"{domain} {day.isoformat()}".encode()).hexdigest()
    return int(digest[:6], 16) / 0xFFFFFF * 0.06 - 0.03
