"""``GET /email/public/v1/events``: the events of marketing emails, the newest first."""

from __future__ import annotations

import base64
import json
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.hubspot.answers import validation_error
from sandbox.vendors.hubspot.requests import whole_number
from sandbox.vendors.hubspot.store import Store
from sandbox.vendors.rate_window import vendor_seconds

MAX_PAGE = 1000
OFFSET_SECONDS = 600
FILTERS = {
    "eventType": "document ->> '$.type'",
    "recipient": "document ->> '$.recipient'",
    "campaignId": "document ->> '$.emailCampaignId'",
    "appId": "document ->> '$.appId'",
}


class EmailEvents:
    """The email events of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listing(self, call: Call) -> Response:
        """One page; ``offset`` is opaque, bound to its query, and forgotten after ten minutes."""
        limit = whole_number(call.query.get("limit", "10"), "limit", 1, MAX_PAGE)
        asked = {name: call.query.get(name) for name in sorted({*FILTERS, *_WINDOW})}
        where, parameters = ["visible_from <= ?"], [vendor_seconds(self._store.clock)]
        for name, comparison in _WINDOW.items():
            if asked[name] is not None:
                where.append(comparison)
                parameters.append(whole_number(asked[name], name, 0, None))
        for name, column in FILTERS.items():
            if asked[name] is not None:
                where.append(f"cast({column} as text) = ?")
                parameters.append(str(asked[name]))
        if call.query.get("offset"):
            created, key = self._behind(call.query["offset"], asked)
            where.append("(created, id) < (?, ?)")
            parameters += [created, key]
        found = self._store.db.tuples(
            f"select created, id, document from email_events where {' and '.join(where)} "
            "order by created desc, id desc limit ?",
            (*parameters, limit + 1),
        )
        page = found[:limit]
        answer: dict[str, Any] = {
            "hasMore": len(found) > limit,
            "events": [json.loads(document) for _, _, document in page],
        }
        if page:
            answer["offset"] = self._offset(int(page[-1][0]), str(page[-1][1]), asked)
        return JSONResponse(answer)

    def _offset(self, created: int, key: str, asked: dict[str, Any]) -> str:
        known = [created, key, asked, vendor_seconds(self._store.clock)]
        return base64.urlsafe_b64encode(json.dumps(known).encode()).decode()

    def _behind(self, offset: str, asked: dict[str, Any]) -> tuple[int, str]:
        try:
            created, key, query, made_at = json.loads(base64.urlsafe_b64decode(offset))
            age = vendor_seconds(self._store.clock) - float(made_at)
        except ValueError:
            raise validation_error("Invalid offset") from None
        if query != asked or age > OFFSET_SECONDS:
            raise validation_error("The offset belongs to another query, or is too old")
        return int(created), str(key)


_WINDOW = {"startTimestamp": "created >= ?", "endTimestamp": "created <= ?"}
