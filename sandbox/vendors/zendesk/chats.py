"""``/api/v2/chat/incremental/chats``: by last change, ids only unless asked for more."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.zendesk.answers import refused
from sandbox.vendors.zendesk.store import Store

MAX_LIMIT = 1000
LEAST_AGE_SECONDS = 300


class Chats:
    """The export of chats over a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def export(self, call: Call) -> Response:
        """A page behind (``start_time``, ``start_id``)."""
        now = self._store.clock.now().timestamp()
        start = _number(call, "start_time", 0.0)
        if start > now - LEAST_AGE_SECONDS:
            raise refused(
                400, "bad_request", "start_time must be more than five minutes in the past"
            )
        limit = int(_number(call, "limit", MAX_LIMIT))
        if not 0 < limit <= MAX_LIMIT:
            raise refused(400, "bad_request", f"limit must be between 1 and {MAX_LIMIT}")
        rows = self._store.page("chats", (start, call.query.get("start_id", "")), now, limit)
        chats = self._store.shown("chats", [key for _, key in rows])
        if "chats(*)" not in call.query.get("fields", ""):
            chats = [{"id": chat["id"]} for chat in chats]
        end_time, end_id = rows[-1] if rows else (None, None)
        query = {"fields": call.query["fields"]} if "fields" in call.query else {}
        following = urlencode({"start_time": end_time, "start_id": end_id, **query})
        return JSONResponse(
            {
                "chats": chats,
                "count": len(chats),
                "end_time": end_time,
                "end_id": end_id,
                "next_page": f"{call.base_url}{call.path}?{following}" if rows else None,
            }
        )


def _number(call: Call, name: str, default: float) -> float:
    try:
        return float(call.query.get(name, default))
    except ValueError:
        raise refused(400, "bad_request", f"{name} must be a number") from None
