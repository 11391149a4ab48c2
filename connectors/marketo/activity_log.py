"""The activity log by paging token: what happened since a moment, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.marketo.client import MarketoClient, Record
from connectors.moments import moment_or_none

ACTIVITIES = "/rest/v1/activities.json"
LEAD_CHANGES = "/rest/v1/activities/leadchanges.json"
DELETED_LEADS = "/rest/v1/activities/deletedleads.json"
PAGE, TYPES_PER_CALL = 300, 10
MERGE_LEADS, CHANGE_STATUS = 32, 104


def start(client: MarketoClient, since: datetime) -> str:
    """The token at which what happened since a moment begins."""
    answer = client.ask(
        "GET", "/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": moment(since)}
    )
    return str(answer["nextPageToken"])


def walk(
    client: MarketoClient, path: str, params: Mapping[str, str], token: str
) -> Iterator[tuple[list[Record], str]]:
    """Pages from ``token`` on, each with the token behind it.

    A page may be short or empty while there is more: only ``moreResult`` says so.
    """
    while True:
        answer = client.ask("GET", path, params={**params, "nextPageToken": token})
        token = str(answer["nextPageToken"])
        yield answer.get("result") or [], token
        if not answer.get("moreResult"):
            return


def with_attributes_by_name(activity: Record) -> Record:
    """An activity in the shape of a bulk file: its attributes as one object."""
    given = activity.get("attributes")
    if not isinstance(given, list):
        return activity
    named: dict[str, Any] = {
        str(each["name"]): each.get("value")
        for each in given
        if isinstance(each, dict) and "name" in each
    }
    return {**activity, "attributes": named}


def newest(activities: list[Record], known: str | None, horizon: datetime) -> str | None:
    """The latest moment in the log so far (ISO 8601), never later than the horizon.

    An activity whose moment cannot be read says nothing here; its contract quarantines it.
    """
    for activity in activities:
        found = moment_or_none(activity.get("activityDate"))
        if found is not None:
            at = min(found, horizon)
            if known is None or at > datetime.fromisoformat(known):
                known = at.isoformat()
    return known


def moment(at: datetime) -> str:
    """A moment as Marketo reads it: UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
