"""``/crm/v3/lists``: lists and their members."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.hubspot.answers import error, validation_error
from sandbox.vendors.hubspot.requests import body_object, whole_number
from sandbox.vendors.hubspot.schema import OBJECT_TYPES
from sandbox.vendors.hubspot.store import Store
from sandbox.vendors.hubspot.values import stamp

PROCESSING_TYPES = ("MANUAL", "SNAPSHOT", "DYNAMIC")
MAX_IDS = 100_000
HubSpotList = dict[str, Any]


class Lists:
    """The lists of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, call: Call) -> Response:
        """Make a list; its name is unique in the account."""
        body = body_object(call)
        name, type_id = body.get("name"), body.get("objectTypeId")
        if not name or type_id not in OBJECT_TYPES:
            raise validation_error("name and a known objectTypeId are required")
        if body.get("processingType") not in PROCESSING_TYPES:
            raise validation_error(f"processingType must be one of {', '.join(PROCESSING_TYPES)}")
        if self._named(str(name)):
            raise validation_error(f"A list named '{name}' already exists.")
        now = stamp(self._store.clock.now())
        list_id = self._store.lists.next_key()
        made: HubSpotList = {
            "listId": str(list_id),
            "listVersion": 1,
            "name": name,
            "objectTypeId": type_id,
            "processingType": body["processingType"],
            "processingStatus": "COMPLETE",
            "createdAt": now,
            "updatedAt": now,
        }
        self._store.lists.put(list_id, made)
        return JSONResponse({"list": self._shown(made)})

    def get(self, call: Call) -> Response:
        """One list by id, or by object type and name."""
        if "name" in call.params:
            found = self._named(call.params["name"])
            if not found or found[0]["objectTypeId"] != call.params["type_id"]:
                raise _no_list()
            return JSONResponse({"list": self._shown(found[0])})
        return JSONResponse({"list": self._shown(self._found(call))})

    def delete(self, call: Call) -> Response:
        """Delete a list; its members stay records."""
        list_id = int(self._found(call)["listId"])
        with self._store.db.transaction():
            self._store.lists.delete(list_id)
            self._store.db.execute("delete from members where list_id = ?", (list_id,))
        return Response(status_code=204)

    def search(self, call: Call) -> Response:
        """Lists by name and type, paged by ``offset`` and ``hasMore``."""
        body = body_object(call)
        count = whole_number(body.get("count") or 20, "count", 1, 500)
        offset = whole_number(body.get("offset") or 0, "offset", 0, None)
        wanted = str(body.get("query") or "").lower()
        types = body.get("processingTypes") or PROCESSING_TYPES
        ids = body.get("listIds")
        found = [
            each
            for each in self._store.lists.select()
            if wanted in each["name"].lower()
            and each["processingType"] in types
            and (not ids or each["listId"] in ids)
        ]
        page = found[offset : offset + count]
        return JSONResponse(
            {
                "total": len(found),
                "hasMore": offset + count < len(found),
                "offset": offset + len(page),
                "lists": [self._shown(each) for each in page],
            }
        )

    def members(self, call: Call) -> Response:
        """One page of members, ids ascending."""
        list_id = int(self._found(call)["listId"])
        limit = whole_number(call.query.get("limit", "100"), "limit", 1, 250)
        after = whole_number(call.query.get("after") or "0", "after", 0, None)
        found = self._store.db.tuples(
            "select key, added_at from members where list_id = ? and key > ? order by key limit ?",
            (list_id, after, limit + 1),
        )
        page = found[:limit]
        answer: dict[str, Any] = {
            "results": [{"recordId": str(key), "membershipTimestamp": at} for key, at in page]
        }
        if len(found) > limit:
            answer["paging"] = {"next": {"after": str(page[-1][0])}}
        return JSONResponse(answer)

    def clear(self, call: Call) -> Response:
        """Remove all members."""
        found = self._changeable(call)
        self._store.db.execute("delete from members where list_id = ?", (int(found["listId"]),))
        return Response(status_code=204)

    def add(self, call: Call) -> Response:
        """Add the record ids of a bare JSON array."""
        return self._change(call, add=_ids(_json(call)), remove=[])

    def remove(self, call: Call) -> Response:
        """Remove the record ids of a bare JSON array."""
        return self._change(call, add=[], remove=_ids(_json(call)))

    def add_and_remove(self, call: Call) -> Response:
        """Add and remove in one call."""
        body = body_object(call)
        return self._change(
            call,
            add=_ids(body.get("recordIdsToAdd") or []),
            remove=_ids(body.get("recordIdsToRemove") or []),
        )

    def _change(self, call: Call, *, add: list[str], remove: list[str]) -> Response:
        found = self._changeable(call)
        list_id, kind = int(found["listId"]), OBJECT_TYPES[found["objectTypeId"]]
        members = set(self._store.members(list_id))
        records = self._store.records[kind.plural]
        missing = [
            key
            for key in dict.fromkeys((*add, *remove))
            if key not in members
            and not (
                key.isdigit()
                and records.count("key = ? and not document ->> '$.archived'", (int(key),))
            )
        ]
        gone = set(missing)
        added = [key for key in dict.fromkeys(add) if key not in members and key not in gone]
        removed = [key for key in dict.fromkeys(remove) if key in members]
        now = stamp(self._store.clock.now())
        with self._store.db.transaction():
            self._store.db.executemany(
                "insert into members values (?, ?, ?, ?)",
                ((list_id, kind.type_id, int(key), now) for key in added),
            )
            self._store.db.executemany(
                "delete from members where list_id = ? and key = ?",
                ((list_id, int(key)) for key in removed),
            )
        return JSONResponse(
            {"recordsIdsAdded": added, "recordIdsRemoved": removed, "recordIdsMissing": missing}
        )

    def _named(self, name: str) -> list[HubSpotList]:
        return self._store.lists.select("lower(document ->> '$.name') = ?", (name.lower(),))

    def _found(self, call: Call) -> HubSpotList:
        list_id = call.params["list_id"]
        found = self._store.lists.get(int(list_id)) if list_id.isdigit() else None
        if found is None:
            raise _no_list()
        return found

    def _changeable(self, call: Call) -> HubSpotList:
        found = self._found(call)
        if found["processingType"] == "DYNAMIC":
            raise validation_error("Memberships of a DYNAMIC list cannot be changed by API.")
        return found

    def _shown(self, found: HubSpotList) -> HubSpotList:
        size = len(self._store.members(int(found["listId"])))
        return {**found, "additionalProperties": {"hs_list_size": str(size)}}


def _no_list() -> Exception:
    return error(404, "OBJECT_NOT_FOUND", "List does not exist.")


def _json(call: Call) -> Any:
    try:
        return call.json()
    except ValueError as problem:
        raise validation_error(f"Invalid input JSON: {problem}") from None


def _ids(given: Any) -> list[str]:
    if not isinstance(given, list):
        raise validation_error("Invalid input JSON: expected an array of record ids")
    if len(given) > MAX_IDS:
        raise validation_error(f"At most {MAX_IDS} record ids can be given")
    return [str(each) for each in given]
