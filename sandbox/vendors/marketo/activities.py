"""``/rest/v1/activities``: paging tokens, activities, lead changes and deleted leads."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.marketo.answers import envelope, refused, stamp
from sandbox.vendors.marketo.lead_fields import known
from sandbox.vendors.marketo.store import (
    ACTIVITY_TYPES,
    CHANGE_VALUE,
    DELETE_LEAD,
    NEW_LEAD,
    Record,
    Store,
)

PAGE, MAX_TYPES, MAX_LEADS = 300, 10, 30


class Activities:
    """The activities of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def types(self, call: Call) -> Response:
        """All types."""
        del call
        return envelope([{"id": key, "name": name} for key, name in ACTIVITY_TYPES.items()])

    def paging_token(self, call: Call) -> Response:
        """The token from which to read what happened since a moment."""
        given = call.query.get("sinceDatetime", "")
        try:
            since = datetime.fromisoformat(given)
        except ValueError:
            raise refused(1003, f"Invalid value '{given}' for sinceDatetime") from None
        since = since.replace(tzinfo=UTC) if since.tzinfo is None else since
        return envelope(nextPageToken=_token(stamp(since), 0))

    def listing(self, call: Call) -> Response:
        """Activities of up to ten types."""
        given = [each for each in call.query.get("activityTypeIds", "").split(",") if each]
        if not given or not all(each.isdigit() for each in given):
            raise refused(1002, "Missing value for required parameter 'activityTypeIds'")
        if len(given) > MAX_TYPES:
            raise refused(1003, f"At most {MAX_TYPES} activityTypeIds are allowed")
        leads = {int(each) for each in call.query.get("leadIds", "").split(",") if each.isdigit()}
        if len(leads) > MAX_LEADS:
            raise refused(1003, f"At most {MAX_LEADS} leadIds are allowed")
        types = {int(each) for each in given}
        return self._page(
            call,
            lambda row: row["activityTypeId"] in types and (not leads or row["leadId"] in leads),
        )

    def changes(self, call: Call) -> Response:
        """New leads and changed values of some fields."""
        given = call.query.get("fields", "")
        if not given:
            raise refused(1002, "Missing value for required parameter 'fields'")
        names = set(known([name.strip() for name in given.split(",")]))
        return self._page(
            call,
            lambda row: (
                row["activityTypeId"] == NEW_LEAD
                or (
                    row["activityTypeId"] == CHANGE_VALUE
                    and any(each["name"] in names for each in row.get("fields", ()))
                )
            ),
            with_fields=True,
        )

    def deleted(self, call: Call) -> Response:
        """Leads that were deleted (not merged away)."""
        return self._page(call, lambda row: row["activityTypeId"] == DELETE_LEAD)

    def _page(
        self, call: Call, wanted: Callable[[Record], bool], *, with_fields: bool = False
    ) -> Response:
        """What is wanted of the next 300 activities: a page may be short, or empty, with more."""
        since, after = _position(call.query.get("nextPageToken", ""))
        size = call.query.get("batchSize", str(PAGE))
        if not size.isdigit() or not 0 < int(size) <= PAGE:
            raise refused(1003, f"batchSize must be from 1 to {PAGE}")
        found = self._store.activities.select(
            "key > ? and document ->> '$.activityDate' >= ?", (after, since), limit=int(size) + 1
        )
        scanned = found[: int(size)]
        rows = [
            row if with_fields else {name: v for name, v in row.items() if name != "fields"}
            for row in scanned
            if wanted(row)
        ]
        last = scanned[-1]["id"] if scanned else after
        more: dict[str, Any] = {
            "nextPageToken": _token(since, last),
            "moreResult": len(found) > int(size),
        }
        return envelope(rows or None, **more)


def _token(since: str, after: int) -> str:
    text = json.dumps({"since": since, "after": after})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") + "===="


def _position(token: str) -> tuple[str, int]:
    try:
        bare = token.rstrip("=")
        held = json.loads(base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4)))
        return str(held["since"]), int(held["after"])
    except (ValueError, KeyError, TypeError):
        raise refused(1003, "Invalid nextPageToken") from None
