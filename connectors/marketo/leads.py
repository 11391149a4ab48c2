"""Leads: the whole by bulk extract, changes by the log of lead changes, and who is gone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from connectors.load_folder import Page
from connectors.marketo import activity_log as log
from connectors.marketo.bulk import windows
from connectors.marketo.client import MarketoClient, Record
from connectors.marketo.extraction import Extraction
from connectors.zone import Kind

LEADS = "/rest/v1/leads.json"
IDS_PER_CALL = 300


def leads(asked: Extraction) -> str | None:
    """Leads created since ``MARKETO_START`` at first, then those that the log says changed.

    Returns the cursor.
    """
    fields = known_fields(asked)
    if asked.cursor is None:
        _in_bulk(asked, fields, "createdAt", asked.instance_start)
        return asked.horizon.isoformat()
    gone = _gone(asked)
    changed = _changed(asked, fields)
    if changed["is_cut"]:
        _in_bulk(asked, fields, "updatedAt", asked.since)
    newest: list[str] = [asked.cursor, gone["newest"], changed["newest"]]
    return max(newest, key=datetime.fromisoformat)


def known_fields(asked: Extraction) -> list[str]:
    """The contract's fields that the instance has: others are refused, custom ones may lack."""
    described = asked.client.ask("GET", "/rest/v1/leads/describe.json").get("result") or []
    present = {(field.get("rest") or {}).get("name") for field in described}
    return [column.path[0] for column in asked.stream.columns if column.path[0] in present]


def _in_bulk(asked: Extraction, fields: list[str], field: str, since: datetime) -> None:
    bulk = asked.bulk("leads")
    for start, end in windows(since, asked.horizon):
        within = {field: {"startAt": start, "endAt": end}}
        bulk.run(f"{field} {start}", {"fields": fields, "filter": within})


def _changed(asked: Extraction, fields: list[str]) -> dict[str, Any]:
    """Read the leads that the log of lead changes names, 300 a call.

    Where the subscription filters bulk extract by change, that is cheaper from
    ``MARKETO_BULK_FROM_ROWS`` changes on: then the walk stops there.
    """
    client, horizon = asked.client, asked.horizon
    most = asked.marketo.bulk_from_rows // log.PAGE if asked.marketo.has_updated_at_filter else None
    params = {"fields": ",".join(name for name in fields if name != "id")}

    def pages(token: Any) -> Iterator[Page]:
        state = token or {"newest": asked.cursor, "pending": [], "pages": 0, "is_cut": False}
        if state["is_cut"]:
            return
        seen = set(state["pending"])
        place = state.get("page") or log.start(client, asked.since)
        for found, following in log.walk(client, log.LEAD_CHANGES, params, place):
            fresh = sorted(_lead_ids(found) - seen)
            seen.update(fresh)
            state = {
                "page": following,
                "newest": log.newest(found, state["newest"], horizon),
                "pending": state["pending"] + fresh,
                "pages": state["pages"] + 1,
                "is_cut": False,
            }
            if most is not None and state["pages"] >= most:
                # Bulk extract reads up to the horizon, so that is how far it has come.
                yield [], {**state, "newest": horizon.isoformat(), "pending": [], "is_cut": True}
                return
            while len(state["pending"]) >= IDS_PER_CALL:
                ids, rest = state["pending"][:IDS_PER_CALL], state["pending"][IDS_PER_CALL:]
                state = {**state, "pending": rest}
                yield _read(client, ids, fields), state
            yield [], state
        yield _read(client, state["pending"], fields), {**state, "pending": []}

    last: dict[str, Any] = asked.folder.write_pages("changed", pages)
    return last


def _gone(asked: Extraction) -> dict[str, Any]:
    """Mark the leads that were deleted or merged into others.

    Which of the leads of a merge lives on is disputed, so they are looked up: who isn't found any
    more is gone.
    """
    client = asked.client
    merges = {"activityTypeIds": str(log.MERGE_LEADS)}
    logs: tuple[tuple[str, dict[str, str]], ...] = (
        (log.DELETED_LEADS, {}),
        (log.ACTIVITIES, merges),
    )

    def pages(token: Any) -> Iterator[Page]:
        """``walked`` logs are done, of the next one ``page`` comes next; then ids are looked up."""
        state = token or {"newest": asked.cursor, "named": [], "walked": 0, "page": None}
        while state["walked"] < len(logs):
            path, params = logs[state["walked"]]
            place = state["page"] or log.start(client, asked.since)
            for found, following in log.walk(client, path, params, place):
                named = {*state["named"], *_lead_ids(found), *_merged_ids(found)}
                newest = log.newest(found, state["newest"], asked.horizon)
                state = {**state, "newest": newest, "named": sorted(named), "page": following}
                yield [], state
            state = {**state, "walked": state["walked"] + 1, "page": None}
        while state["named"]:
            ids, rest = state["named"][:IDS_PER_CALL], state["named"][IDS_PER_CALL:]
            alive = {lead["id"] for lead in _read(client, ids, [])}
            state = {**state, "named": rest}
            yield [{"id": lead_id} for lead_id in ids if lead_id not in alive], state

    last: dict[str, Any] = asked.folder.write_pages("gone", pages, Kind.TOMBSTONES)
    return last


def _read(client: MarketoClient, ids: list[int], fields: list[str]) -> list[Record]:
    """The leads of these ids that there are: at most 300 fit into a call, and into its answer."""
    if not ids:
        return []
    answer = client.ask(
        "GET",
        LEADS,
        params={
            "filterType": "id",
            "filterValues": ",".join(map(str, ids)),
            "fields": ",".join(fields or ["id"]),
            "batchSize": str(IDS_PER_CALL),
        },
    )
    found: list[Record] = answer.get("result") or []
    return found


def _lead_ids(found: list[Record]) -> set[int]:
    return {int(each["leadId"]) for each in found if str(each.get("leadId")).isdecimal()}


def _merged_ids(found: list[Record]) -> set[int]:
    """The ids in the attribute ``Merge IDs``, a list in brackets."""
    texts = (log.with_attributes_by_name(each).get("attributes") or {} for each in found)
    return {
        int(number)
        for attributes in texts
        if isinstance(attributes, dict)
        for number in re.findall(r"\d+", str(attributes.get("Merge IDs", "")))
    }
