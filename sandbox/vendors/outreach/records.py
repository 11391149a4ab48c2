"""The JSON:API calls about any resource: list, read, create, change, delete."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.outreach.answers import Document, invalid, not_found, refused, stamp
from sandbox.vendors.outreach.listing import page
from sandbox.vendors.outreach.resources import BY_TYPE, PROSPECT, RESOURCES, TASK, Resource
from sandbox.vendors.outreach.store import Record, Store

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
MAX_TEXT = 32_000
TASK_ACTIONS = ("action_item", "call", "email", "in_person")


class Records:
    """The resources of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listing(self, call: Call) -> Response:
        """One page, with ``links.next`` while there is more."""
        resource = resource_of(call)
        found, total, links = page(self._store, resource, call)
        answer: Record = {"data": [self.shown(call, resource, each) for each in found]}
        if total is not None:
            answer["meta"] = {"count": total, "count_truncated": False}
        included = self._included(call, resource, found)
        if included:
            answer["included"] = included
        return Document({**answer, "links": links})

    def get(self, call: Call) -> Response:
        """One record."""
        resource = resource_of(call)
        record = self.found(call, resource)
        answer: Record = {"data": self.shown(call, resource, record)}
        included = self._included(call, resource, [record])
        return Document({**answer, "included": included} if included else answer)

    def create(self, call: Call) -> Response:
        """Make one record: 201."""
        resource = resource_of(call)
        data = self._data(call, resource)
        attributes, relationships = self._checked(resource, data)
        for name in sorted(resource.required - set(attributes)):
            raise invalid(f"{name} can't be blank.", f"/data/attributes/{name}")
        with self._store.db.transaction():
            record: Record = {"attributes": attributes, "relationships": relationships}
            if resource is PROSPECT:
                self._check_emails(attributes.get("emails") or [], own_id=None)
            if resource is TASK:
                _complete_task(record, now=stamp(self._store.clock.now()))
            made = self._store.new(resource, record)
        return Document({"data": self.shown(call, resource, made)}, 201)

    def update(self, call: Call) -> Response:
        """Change one record: 200."""
        resource = resource_of(call)
        data = self._data(call, resource)
        if str(data.get("id")) != call.params["id"]:
            raise invalid("data.id must be the id in the URL.", "/data/id")
        attributes, relationships = self._checked(resource, data)
        with self._store.db.transaction():
            record = self.found(call, resource)
            if resource is PROSPECT and "emails" in attributes:
                held = record["attributes"].get("emails") or []
                if attributes["emails"] and sorted(attributes["emails"]) == sorted(held):
                    raise invalid(
                        "A Contact with this email_hash already exists.",
                        "/data",
                        "validationDuplicateValueError",
                    )
                self._check_emails(attributes["emails"] or [], own_id=record["id"])
            record["attributes"].update(attributes)
            record["attributes"]["updatedAt"] = stamp(self._store.clock.now())
            record["relationships"].update(relationships)
            self._store.put(resource, record)
        return Document({"data": self.shown(call, resource, record)})

    def delete(self, call: Call) -> Response:
        """Delete one record for good: 204."""
        resource = resource_of(call)
        _check_writable(resource)
        self._store.delete(resource, int(self.found(call, resource)["id"]))
        return Response(status_code=204)

    def found(self, call: Call, resource: Resource) -> Record:
        """The record in the path."""
        record = self._store.get(resource.type, call.params["id"])
        if record is None:
            raise not_found(resource.type, call.params["id"])
        return record

    def shown(self, call: Call, resource: Resource, record: Record) -> Record:
        """A record as a JSON:API resource object."""
        attributes = record["attributes"]
        wanted = call.query.get(f"fields[{resource.type}]")
        names = wanted.split(",") if wanted else sorted(_usual(resource) | set(attributes))
        relationships: Record = {
            name: {"data": record.get("relationships", {}).get(name)}
            for name in resource.relationships
            if not wanted or name in names
        }
        root = f"{call.base_url}/api/v2"
        if resource is PROSPECT and not wanted:
            related = f"{root}/tasks?filter%5Bprospect%5D%5Bid%5D={record['id']}"
            relationships["tasks"] = {"links": {"related": related}}
        return {
            "type": resource.type,
            "id": int(record["id"]),
            "attributes": {
                name: attributes.get(name) for name in names if name in resource.attributes
            },
            "relationships": relationships,
            "links": {"self": f"{root}/{resource.plural}/{record['id']}"},
        }

    def _included(self, call: Call, resource: Resource, records: list[Record]) -> list[Record]:
        names = [name for name in call.query.get("include", "").split(",") if name]
        unknown = [name for name in names if name not in resource.relationships]
        if unknown:
            raise refused(
                400, "invalidParameter", "Invalid include parameter", f"'{unknown[0]}' is unknown"
            )
        wanted = {
            (held["type"], held["id"])
            for record in records
            for name in names
            if (held := record.get("relationships", {}).get(name))
        }
        return [
            self.shown(call, BY_TYPE[kind], record)
            for kind, key in sorted(wanted)
            if (record := self._store.get(kind, key)) is not None
        ]

    def _data(self, call: Call, resource: Resource) -> Record:
        _check_writable(resource)
        try:
            data = call.json()["data"]
        except (ValueError, KeyError, TypeError):
            raise invalid("The document needs a data object.", "/data") from None
        if not isinstance(data, dict) or data.get("type") != resource.type:
            raise invalid(f"data.type must be '{resource.type}'.", "/data/type")
        if "included" in call.json():
            raise invalid("include is for reads only.", "/included")
        return data

    def _checked(self, resource: Resource, data: Record) -> tuple[Record, Record]:
        attributes = data.get("attributes") or {}
        for name, value in attributes.items():
            pointer = f"/data/attributes/{name}"
            if name not in resource.attributes:
                raise invalid(f"'{name}' is not an attribute of {resource.type}.", pointer)
            if name in resource.read_only:
                raise invalid(f"'{name}' is read-only.", pointer)
            if name in resource.lists and not isinstance(value, list | None):
                raise invalid(f"'{name}' must be a list.", pointer)
            if isinstance(value, str) and len(value) > MAX_TEXT:
                raise invalid("Data provided is too long.", pointer, "validationDataTooLongError")
        if resource is TASK and attributes.get("action", "call") not in TASK_ACTIONS:
            raise invalid(
                f"action must be one of {', '.join(TASK_ACTIONS)}.", "/data/attributes/action"
            )
        if resource is TASK and attributes.get("dueAt"):
            attributes = {**attributes, "dueAt": time_text(attributes["dueAt"])}
        return attributes, self._relationships(resource, data)

    def _relationships(self, resource: Resource, data: Record) -> Record:
        result: Record = {}
        for name, given in (data.get("relationships") or {}).items():
            pointer = f"/data/relationships/{name}"
            if name not in resource.relationships:
                raise invalid(f"'{name}' is not a relationship of {resource.type}.", pointer)
            held = given.get("data") if isinstance(given, dict) else None
            if held is None:
                result[name] = None
                continue
            kinds = resource.relationships[name]
            if held.get("type") not in kinds or isinstance(held.get("id"), bool):
                raise invalid(f"'{name}' must refer to {' or '.join(kinds)}.", pointer)
            if held["type"] in BY_TYPE and self._store.get(held["type"], held.get("id")) is None:
                raise not_found(held["type"], held.get("id"))
            result[name] = {"type": held["type"], "id": int(held["id"])}
        return result

    def _check_emails(self, emails: list[Any], own_id: int | None) -> None:
        for email in emails:
            if not isinstance(email, str) or not EMAIL.fullmatch(email.strip()):
                raise invalid("Emails is not a valid email address.", "/data/attributes/emails")
            if self._store.prospect_of(email) not in (None, own_id):
                raise invalid("Contacts email hash has already been taken.", "/data")


def resource_of(call: Call) -> Resource:
    """The resource in the path."""
    resource = RESOURCES.get(call.params["plural"])
    if resource is None:
        raise refused(
            404, "routeNotFound", "Route Not Found", f"No route matches {call.method} {call.path}."
        )
    return resource


def _check_writable(resource: Resource) -> None:
    if not resource.writable:
        raise refused(
            403,
            "unauthorizedRequest",
            "Unauthorized Request",
            f"{resource.plural} cannot be written through the API.",
        )


def _complete_task(record: Record, *, now: str) -> None:
    """What the vendor adds to a new task: its state, and its subject as prospect or account."""
    for name in ("owner", "subject"):
        if not record["relationships"].get(name):
            raise invalid(f"{name} can't be blank.", f"/data/relationships/{name}")
    subject = record["relationships"]["subject"]
    record["relationships"] |= {"prospect": None, "account": None, subject["type"]: subject}
    record["attributes"] |= {
        "state": "pending" if record["attributes"]["dueAt"] > now else "incomplete",
        "taskType": "manual",
        "completed": False,
        "completedAt": None,
    }


def time_text(value: Any) -> str:
    """A given due time as it is kept."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise invalid("dueAt is not a time.", "/data/attributes/dueAt") from None
    return stamp(at.replace(tzinfo=UTC) if at.tzinfo is None else at)


def _usual(resource: Resource) -> set[str]:
    """The attributes shown even when they are empty: all but the numbered custom ones."""
    return {name for name in resource.attributes if not re.fullmatch(r"custom\d+", name)}
