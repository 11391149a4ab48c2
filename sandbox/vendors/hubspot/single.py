"""Calls about one record, and the listing of all."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.hubspot.answers import error, not_found, validation_error
from sandbox.vendors.hubspot.requests import body_object, names_in, object_type, whole_number
from sandbox.vendors.hubspot.schema import ObjectType
from sandbox.vendors.hubspot.showing import shown
from sandbox.vendors.hubspot.store import Record, Store
from sandbox.vendors.hubspot.writes import RowRefused, Writes

MAX_PAGE = 100


class Single:
    """Create, read, change, archive, merge and list the records of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writes = Writes(store)

    def listing(self, call: Call) -> Response:
        """One page in order of id; archived records only when asked, then no others."""
        kind = object_type(call)
        limit = whole_number(call.query.get("limit", "10"), "limit", 1, MAX_PAGE)
        after = whole_number(call.query.get("after", "0"), "after", 0, None)
        archived = call.query.get("archived", "false").lower() == "true"
        found = self._store.records[kind.plural].select(
            "key > ? and document ->> '$.archived' = ?", (after, int(archived)), limit=limit + 1
        )
        page, asked = found[:limit], names_in(call)
        known = self._store.properties(kind)
        answer: dict[str, Any] = {
            "results": [shown(kind, record, asked, known=known) for record in page]
        }
        if len(found) > limit:
            last = page[-1]["id"]
            answer["paging"] = {
                "next": {
                    "after": last,
                    "link": f"{call.base_url}{call.path}?limit={limit}&after={last}",
                }
            }
        return JSONResponse(answer)

    def create(self, call: Call) -> Response:
        """Make one record: 201, or 409 with the id of the one that is there."""
        kind = object_type(call)
        given = _properties(body_object(call))
        try:
            with self._store.db.transaction():
                record = self._writes.create(kind, given)
        except RowRefused as refused:
            raise _single(refused) from None
        return JSONResponse(self._shown(kind, record, written=given), 201)

    def get(self, call: Call) -> Response:
        """Read one record by id or by ``idProperty``."""
        kind = object_type(call)
        record = self._found(kind, call)
        if record["archived"] != (call.query.get("archived", "false").lower() == "true"):
            raise not_found()
        return JSONResponse(self._shown(kind, record, asked=names_in(call)))

    def update(self, call: Call) -> Response:
        """Change one live record."""
        kind = object_type(call)
        given = _properties(body_object(call))
        try:
            with self._store.db.transaction():
                record = self._found(kind, call)
                if record["archived"]:
                    raise not_found()
                record = self._writes.update(kind, record, given)
        except RowRefused as refused:
            raise _single(refused) from None
        return JSONResponse(self._shown(kind, record, written=given))

    def archive(self, call: Call) -> Response:
        """Archive one record: 204, also when it already is."""
        kind = object_type(call)
        record = self._found(kind, call)
        if not record["archived"]:
            self._writes.archive(kind, record)
        return Response(status_code=204)

    def merge(self, call: Call) -> Response:
        """Merge two live records into a new one."""
        kind, body = object_type(call), body_object(call)
        primary = self._store.find(kind, None, str(body.get("primaryObjectId", "")))
        other = self._store.find(kind, None, str(body.get("objectIdToMerge", "")))
        if primary is None or other is None or primary["archived"] or other["archived"]:
            raise not_found()
        if primary["id"] == other["id"]:
            raise validation_error("Cannot merge an object with itself")
        try:
            record = self._writes.merge(kind, primary, other)
        except RowRefused as refused:
            raise _single(refused) from None
        return JSONResponse(self._shown(kind, record))

    def gdpr_delete(self, call: Call) -> Response:
        """Remove a contact for good; its address cannot come back."""
        kind, body = object_type(call), body_object(call)
        if not body.get("objectId") or not isinstance(body["objectId"], str):
            raise validation_error("Invalid input JSON: objectId is required and must be a string")
        record = self._store.find(kind, body.get("idProperty"), body["objectId"])
        email = record["properties"].get("email") if record else None
        if email is None and body.get("idProperty") == "email":
            email = str(body.get("objectId")).strip().lower()
        if record is not None:
            self._store.forget(kind, int(record["id"]))
        if email:
            self._store.db.execute("insert or ignore into blocked_emails values (?)", (email,))
        return Response(status_code=204)

    def _found(self, kind: ObjectType, call: Call) -> Record:
        name = call.query.get("idProperty")
        properties = self._store.properties(kind)
        if name and name != "hs_object_id" and not (name in properties and properties[name].unique):
            raise validation_error(
                f"Unable to look up by non-unique {kind.type_id} property {name}"
            )
        record = self._store.find(kind, name, call.params["id"])
        if record is None:
            raise not_found()
        return record

    def _shown(self, kind: ObjectType, record: Record, **how: Any) -> dict[str, Any]:
        return shown(kind, record, known=self._store.properties(kind), **how)


def _properties(body: dict[str, Any]) -> dict[str, Any]:
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise validation_error("Invalid input JSON: properties is required and must be an object")
    return properties


def _single(refused: RowRefused) -> Exception:
    return error(refused.status, refused.category, refused.message, context=refused.context)
