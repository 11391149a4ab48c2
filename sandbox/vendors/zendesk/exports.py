"""``/api/v2/incremental``: exports by cursor (tickets, users) and by time (all but chats)."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.zendesk.answers import refused
from sandbox.vendors.zendesk.store import Record, Store

MAX_PER_PAGE = 1000
LEAST_AGE_SECONDS = 60
"""Younger changes are held back, and a younger start is refused."""


class Exports:
    """The exports over a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def by_cursor(self, call: Call) -> Response:
        """A page behind ``cursor``, or from ``start_time`` on."""
        table = call.params["resource"]
        given = call.query.get("cursor")
        after = _decoded(given) if given else (self._start_time(call), -1)
        size = _per_page(call)
        page = self._store.page(table, after, self._horizon(), size + 1)
        rows = page[:size]
        behind = _encoded(rows[-1]) if rows else given
        query = _kept(call, "include", "per_page")
        url = f"{call.base_url}{call.path}?{urlencode({'cursor': behind, **query})}"
        body = {
            table: self._store.shown(table, [key for _, key in rows]),
            "after_url": url if behind else None,
            "after_cursor": behind,
            "before_url": None,
            "before_cursor": None,
            "end_of_stream": len(page) <= size,
        }
        return JSONResponse({**body, **self._side_loads(call, body[table])})

    def by_time(self, call: Call) -> Response:
        """A page from ``start_time`` on, that very second included."""
        table = call.params["resource"]
        start, size = self._start_time(call), _per_page(call)
        page = self._store.page(table, (start, -1), self._horizon(), size + 1)
        rows = page[:size]
        if len(page) > size and rows[0][0] == page[-1][0]:
            # More of them share one second than fit: all of that second, or it would never end.
            rows = self._store.page(table, (start, -1), page[-1][0], -1)
        beyond = rows and self._store.page(table, rows[-1], self._horizon(), 1)
        end_time = rows[-1][0] if rows else None
        records = self._store.shown(table, [key for _, key in rows])
        if table == "ticket_events" and "comment_events" not in _include(call):
            records = [_without_comments(event) for event in records]
        query = _kept(call, "include", "per_page")
        url = f"{call.base_url}{call.path}?{urlencode({'start_time': end_time, **query})}"
        body = {
            table: records,
            "count": len(records),
            "end_time": end_time,
            "next_page": url if rows else None,
            "end_of_stream": not beyond,
        }
        return JSONResponse({**body, **self._side_loads(call, records)})

    def _side_loads(self, call: Call, records: Any) -> dict[str, list[Record]]:
        if call.params["resource"] != "tickets":
            return {}
        wanted = {
            "users": [row.get("requester_id") for row in records]
            + [row.get("assignee_id") for row in records],
            "organizations": [row.get("organization_id") for row in records],
        }
        return {
            table: [
                row
                for key in sorted({key for key in keys if key is not None})
                for row in self._store.records[table].select("key = ?", (key,))
            ]
            for table, keys in wanted.items()
            if table in _include(call)
        }

    def _horizon(self) -> float:
        return self._store.clock.now().timestamp() - LEAST_AGE_SECONDS

    def _start_time(self, call: Call) -> float:
        given = call.query.get("start_time", "")
        if not given.isdigit():
            raise refused(400, "InvalidStartTime", "invalid start_time parameter")
        if int(given) > self._horizon():
            raise refused(
                400,
                "StartTimeTooRecent",
                f"Too recent start_time. Use a start_time older than {LEAST_AGE_SECONDS} seconds",
            )
        return int(given)


def _per_page(call: Call) -> int:
    given = call.query.get("per_page", str(MAX_PER_PAGE))
    return min(int(given), MAX_PER_PAGE) if given.isdigit() and int(given) else MAX_PER_PAGE


def _include(call: Call) -> set[str]:
    return set(call.query.get("include", "").split(","))


def _kept(call: Call, *names: str) -> dict[str, str]:
    return {name: call.query[name] for name in names if name in call.query}


def _without_comments(event: Record) -> Record:
    """An event whose comments are only said to be there, as without ``include``."""
    children = [
        {
            **{k: child[k] for k in ("id", "via", "via_reference_id") if k in child},
            "event_type": "Comment",
            "comment_present": True,
            "comment_public": child.get("public"),
        }
        if child.get("event_type") == "Comment"
        else child
        for child in event["child_events"]
    ]
    return {**event, "child_events": children}


def _encoded(place: tuple[int, int | str]) -> str:
    return base64.b64encode(f"{float(place[0])}||{place[1]}|".encode()).decode()


def _decoded(cursor: str) -> tuple[float, int]:
    try:
        moment, key = base64.b64decode(cursor, validate=True).decode().rstrip("|").split("||")
        return float(moment), int(key)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise refused(400, "InvalidCursor", "The cursor parameter is invalid.") from None
