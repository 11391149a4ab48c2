"""Activities and merges: history by bulk extract, increments by paging token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from connectors.load_folder import Page
from connectors.marketo import activity_log as log
from connectors.marketo.bulk import windows
from connectors.marketo.extraction import Extraction


def activities(asked: Extraction) -> str | None:
    """Activities of the types in ``MARKETO_ACTIVITY_TYPES``; returns the cursor.

    By paging token a page costs a call, however few of its 300 rows are of our types; by bulk
    extract a month costs some five. How many there are is not told beforehand: so an increment is
    read by token, and when that took as many pages as ``MARKETO_BULK_FROM_ROWS`` fill, the types
    that are not read whole yet come by bulk extract.
    """
    types = asked.marketo.activity_types
    if asked.cursor is None:
        return _in_bulk(asked, types, asked.history_start)
    known = asked.cursor
    pages = asked.marketo.bulk_from_rows // log.PAGE
    for first in range(0, len(types), log.TYPES_PER_CALL):
        group = types[first : first + log.TYPES_PER_CALL]
        last = _by_token(asked, f"types from {group[0]}", group, pages)
        if last["is_cut"]:
            return _in_bulk(asked, types[first:], asked.since)
        known = max(known, last["newest"], key=datetime.fromisoformat)
    return known


def merges(asked: Extraction) -> str | None:
    """Merge activities; returns the cursor. There are few, so an increment is never too long for
    paging tokens."""
    if asked.cursor is None:
        return _in_bulk(asked, [log.MERGE_LEADS], asked.history_start)
    last = _by_token(asked, "merges", [log.MERGE_LEADS], None)
    newest: str | None = last["newest"]
    return newest


def _by_token(
    asked: Extraction, step: str, types: Sequence[int], most: int | None
) -> dict[str, Any]:
    """Read up to ``most`` pages; says how far it came and whether more is left."""
    client, horizon = asked.client, asked.horizon
    params = {"activityTypeIds": ",".join(map(str, types))}

    def pages(token: Any) -> Iterator[Page]:
        state = token or {"pages": 0, "newest": asked.cursor, "is_cut": False}
        if state["is_cut"]:
            return
        place = state.get("page") or log.start(client, asked.since)
        for found, following in log.walk(client, log.ACTIVITIES, params, place):
            if most is not None and state["pages"] >= most:
                # Bulk extract reads up to the horizon, so that is how far it has come.
                state = {**state, "is_cut": True, "newest": horizon.isoformat()}
                yield [], state
                return
            state = {
                "page": following,
                "pages": state["pages"] + 1,
                "newest": log.newest(found, state["newest"], horizon),
                "is_cut": False,
            }
            yield [log.with_attributes_by_name(activity) for activity in found], state

    last: dict[str, Any] = asked.folder.write_pages(step, pages)
    return last


def _in_bulk(asked: Extraction, types: Sequence[int], since: datetime) -> str:
    """One job per 31 days; returns the horizon, up to which they read."""
    bulk = asked.bulk("activities", "attributes")
    for start, end in windows(since, asked.horizon):
        within = {"createdAt": {"startAt": start, "endAt": end}, "activityTypeIds": list(types)}
        bulk.run(f"{start} types {','.join(map(str, types))}", {"filter": within})
    return asked.horizon.isoformat()
