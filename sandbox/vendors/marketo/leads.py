"""``/rest/v1/leads``: read by filter, sync, delete, merge, describe."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import Response

from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import FORM, Call
from sandbox.vendors.marketo.answers import envelope, refused, stamp
from sandbox.vendors.marketo.lead_fields import DEFAULT_FIELDS, FIELDS, described, known, problem
from sandbox.vendors.marketo.store import (
    CHANGE_VALUE,
    DELETE_LEAD,
    MERGE_LEADS,
    NEW_LEAD,
    Record,
    Store,
)

MAX_ROWS, MAX_MATCHES, MAX_MERGED = 300, 1000, 25
ACTIONS = ("createOrUpdate", "createOnly", "updateOnly", "createDuplicate")


class Leads:
    """The leads of a store."""

    def __init__(self, store: Store, faults: FaultPlan) -> None:
        self._store = store
        self._faults = faults

    def describe(self, call: Call) -> Response:
        """All fields."""
        del call
        return envelope(described())

    def describe2(self, call: Call) -> Response:
        """What can be searched by, and all fields."""
        del call
        searchable = [[field.name] for field in FIELDS.values() if field.searchable]
        fields = [
            {"name": field.name, "dataType": field.type, "updateable": not field.read_only}
            for field in FIELDS.values()
        ]
        return envelope([{"name": "API Lead", "searchableFields": searchable, "fields": fields}])

    def get(self, call: Call) -> Response:
        """One lead; an unknown id has no result."""
        found = self._store.leads.get(int(call.params["id"]))
        names = _fields(call.query.get("fields"))
        return envelope([_shown(found, names)] if found else [])

    def read_or_sync(self, call: Call) -> Response:
        """POST is a sync, unless it is a long GET sent as a form."""
        if call.media_type() == FORM and call.form().get("_method") == "GET":
            return self._read(_joined(parse_qsl(call.body.decode())))
        return self._sync(call)

    def read(self, call: Call) -> Response:
        """Leads by the values of one field."""
        return self._read(_joined(call.query.multi_items()))

    def _read(self, asked: dict[str, str]) -> Response:
        field = asked.get("filterType", "")
        if field not in FIELDS or not FIELDS[field].searchable:
            raise refused(1003, f"Invalid filterType '{field}'")
        values = [value.strip() for value in asked.get("filterValues", "").split(",") if value]
        if not values:
            raise refused(1002, "Missing value for required parameter 'filterValues'")
        if len(values) > MAX_ROWS:
            raise refused(1003, f"At most {MAX_ROWS} filterValues are allowed")
        size = asked.get("batchSize", str(MAX_ROWS))
        if not size.isdigit() or not 0 < int(size) <= MAX_ROWS:
            raise refused(1003, f"batchSize must be from 1 to {MAX_ROWS}")
        if len(self._store.find(field, values, limit=MAX_MATCHES + 1)) > MAX_MATCHES:
            raise refused(1003, "Too many results match the filter")
        after = asked.get("nextPageToken", "0")
        if not after.isdigit():
            raise refused(1003, "Invalid nextPageToken")
        found = self._store.find(field, values, limit=int(size) + 1, after=int(after))
        page, names = found[: int(size)], _fields(asked.get("fields"))
        more = {"nextPageToken": str(page[-1]["id"])} if len(found) > int(size) else {}
        return envelope([_shown(lead, names) for lead in page], **more)

    def _sync(self, call: Call) -> Response:
        body = _body(call)
        action = body.get("action", "createOrUpdate")
        lookup = body.get("lookupField", "email")
        if action not in ACTIONS:
            raise refused(1003, f"Invalid action '{action}'")
        if lookup not in FIELDS or not FIELDS[lookup].searchable:
            raise refused(1003, f"Invalid lookupField '{lookup}'")
        if lookup == "id" and action != "updateOnly":
            raise refused(1003, "lookupField 'id' is for action 'updateOnly' only")
        rows = _input(body)
        for row in rows:
            known(list(row))
        refuse = self._planned(call)
        with self._store.db.transaction():
            result = [
                refuse(position, row) or self._sync_row(action, lookup, row)
                for position, row in enumerate(rows)
            ]
        return envelope(result)

    def _planned(self, call: Call) -> Any:
        fault = self._faults.take("marketo", call.path, "partial_failure")
        params = fault.params if fault else {}
        every, keys = int(params.get("every_nth", 0)), set(params.get("keys", ()))

        def refuse(position: int, row: Record) -> Record | None:
            if (every and (position + 1) % every == 0) or keys & {str(v) for v in row.values()}:
                return _skipped(
                    int(params.get("code", 1003)), str(params.get("message", "Invalid data"))
                )
            return None

        return refuse

    def _sync_row(self, action: str, lookup: str, row: Record) -> Record:
        for name, value in row.items():
            if FIELDS[name].read_only and name != lookup:
                return _skipped(1011, f"Field '{name}' is not supported for this operation")
            wrong = problem(FIELDS[name], value)
            if wrong:
                return _skipped(*wrong)
        value = row.get(lookup)
        if value in (None, "") and action != "createDuplicate":
            return _skipped(1003, f"Value for lookup field '{lookup}' not found")
        found = (
            [] if action == "createDuplicate" else self._store.find(lookup, [str(value)], limit=2)
        )
        if len(found) > 1:
            return _skipped(1007, "Multiple lead match lookup criteria")
        if found and action == "createOnly":
            return _skipped(1005, "Lead already exists")
        if not found and action == "updateOnly":
            return _skipped(1004, "Lead not found")
        return self._update(found[0], row) if found else self._create(row)

    def _create(self, row: Record) -> Record:
        now, key = stamp(self._store.clock.now()), self._store.leads.next_key()
        self._store.leads.put(key, {**row, "id": key, "createdAt": now, "updatedAt": now})
        self._store.log(key, NEW_LEAD)
        return {"id": key, "status": "created"}

    def _update(self, lead: Record, row: Record) -> Record:
        changes = [
            {"id": number, "name": name, "newValue": value, "oldValue": lead.get(name)}
            for number, (name, value) in enumerate(row.items(), 1)
            if lead.get(name) != value and name != "id"
        ]
        if changes:
            changed = {**lead, **row, "id": lead["id"], "updatedAt": stamp(self._store.clock.now())}
            self._store.leads.put(lead["id"], changed)
            for each in changes:
                self._store.log(
                    lead["id"],
                    CHANGE_VALUE,
                    primaryAttributeValueId=each["id"],
                    primaryAttributeValue=each["name"],
                    attributes=[
                        {"name": "New Value", "value": each["newValue"]},
                        {"name": "Old Value", "value": each["oldValue"]},
                    ],
                    fields=[each],
                )
        return {"id": lead["id"], "status": "updated"}

    def delete(self, call: Call) -> Response:
        """Delete leads by id; each leaves a type 37 activity."""
        result = []
        with self._store.db.transaction():
            for row in _input(_body(call)):
                lead = self._store.leads.get(int(row["id"])) if _is_id(row.get("id")) else None
                if lead is None:
                    result.append(_skipped(1004, "Lead not found"))
                    continue
                self._store.leads.delete(lead["id"])
                self._store.log(
                    lead["id"], DELETE_LEAD, primaryAttributeValue=lead.get("email") or "unknown"
                )
                result.append({"id": lead["id"], "status": "deleted"})
        return envelope(result)

    def merge(self, call: Call) -> Response:
        """Merge leads into a winner, whose empty fields take the losers' values."""
        given = call.query.get("leadIds") or call.query.get("leadId", "")
        losers = [int(each) for each in given.split(",") if _is_id(each.strip())]
        if not losers:
            raise refused(1002, "Missing value for required parameter 'leadIds'")
        if len(losers) > MAX_MERGED:
            raise refused(1080, f"At most {MAX_MERGED} leads can be merged at once")
        with self._store.db.transaction():
            ids = [int(call.params["id"]), *losers]
            found = [self._store.leads.get(each) for each in ids]
            held = [lead for lead in found if lead is not None]
            if len(held) != len(ids):
                raise refused(1004, f"Lead {ids[found.index(None)]} not found")
            merged: Record = {}
            for lead in reversed(held):
                merged |= {name: value for name, value in lead.items() if value not in (None, "")}
            merged["updatedAt"] = stamp(self._store.clock.now())
            self._store.leads.put(merged["id"], merged)
            for loser in losers:
                self._store.leads.delete(loser)
            self._store.log(
                merged["id"],
                MERGE_LEADS,
                attributes=[{"name": "Merge IDs", "value": f"[{', '.join(map(str, losers))}]"}],
            )
        return envelope()


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Parameters by name; a repeated one is the same as one with commas."""
    asked: dict[str, str] = {}
    for name, value in pairs:
        asked[name] = f"{asked[name]},{value}" if name in asked else value
    return asked


def _fields(given: str | None) -> list[str]:
    return known([name.strip() for name in given.split(",")]) if given else list(DEFAULT_FIELDS)


def _shown(lead: Record, names: list[str]) -> Record:
    """A lead with the fields asked for; a null one is left out."""
    wanted = dict.fromkeys(("id", *names))
    return {name: lead[name] for name in wanted if lead.get(name) is not None}


def _skipped(code: int, message: str) -> Record:
    return {"status": "skipped", "reasons": [{"code": str(code), "message": message}]}


def _body(call: Call) -> Record:
    try:
        body = call.json()
    except ValueError:
        raise refused(609, "Invalid JSON") from None
    if not isinstance(body, dict):
        raise refused(609, "Invalid JSON")
    return body


def _input(body: Record) -> list[Record]:
    rows = body.get("input")
    if not isinstance(rows, list) or not rows:
        raise refused(1002, "Missing value for required parameter 'input'")
    if len(rows) > MAX_ROWS:
        raise refused(1003, f"At most {MAX_ROWS} records are allowed in one call, got {len(rows)}")
    return rows


def _is_id(value: Any) -> bool:
    return str(value).isdigit()
