"""``/crm/v3/properties``: the schema, which may be added to."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.hubspot.answers import error, not_found, validation_error
from sandbox.vendors.hubspot.requests import body_object, object_type
from sandbox.vendors.hubspot.schema import ObjectType, Property
from sandbox.vendors.hubspot.store import Store

NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
TYPES = ("string", "number", "datetime", "date", "enumeration", "bool")


class Properties:
    """The properties of a store's object types."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listing(self, call: Call) -> Response:
        """All properties of an object type."""
        kind = object_type(call)
        found = self._store.properties(kind).values()
        return JSONResponse({"results": [prop.shown(kind.plural) for prop in found]})

    def get(self, call: Call) -> Response:
        """One property."""
        kind = object_type(call)
        return JSONResponse(self._known(kind, call).shown(kind.plural))

    def create(self, call: Call) -> Response:
        """Make one property; 409 when the name is taken."""
        kind = object_type(call)
        made = self._made(kind, body_object(call))
        return JSONResponse(made.shown(kind.plural), 201)

    def create_batch(self, call: Call) -> Response:
        """Make several properties, all or none."""
        kind = object_type(call)
        with self._store.db.transaction():
            made = [self._made(kind, each) for each in body_object(call).get("inputs") or []]
        shown = [prop.shown(kind.plural) for prop in made]
        return JSONResponse({"status": "COMPLETE", "results": shown}, 201)

    def update(self, call: Call) -> Response:
        """Change a custom property's label, description or options."""
        kind = object_type(call)
        known, body = self._known(kind, call), body_object(call)
        if not known.custom:
            raise validation_error(f"Property {known.name} is read-only")
        changed = dataclasses.replace(
            known,
            label=body.get("label", known.label),
            description=body.get("description", known.description),
            options=_options(body) if "options" in body else known.options,
        )
        self._keep(kind, changed)
        return JSONResponse(changed.shown(kind.plural))

    def archive(self, call: Call) -> Response:
        """Remove a custom property that was added here."""
        kind = object_type(call)
        known = self._known(kind, call)
        if known in kind.properties:
            raise validation_error(f"Property {known.name} cannot be archived")
        self._store.custom.delete(f"{kind.plural}/{known.name}")
        return Response(status_code=204)

    def _known(self, kind: ObjectType, call: Call) -> Property:
        known = self._store.properties(kind).get(call.params["name"])
        if known is None:
            raise not_found()
        return known

    def _made(self, kind: ObjectType, body: dict[str, Any]) -> Property:
        name = str(body.get("name", ""))
        if not NAME.fullmatch(name):
            raise validation_error(
                f"Property name {name} must start with a letter and hold lower-case letters, "
                "digits and underscores only"
            )
        if name in self._store.properties(kind):
            raise error(409, "OBJECT_ALREADY_EXISTS", f"A property named '{name}' already exists.")
        missing = [key for key in ("type", "fieldType", "groupName", "label") if not body.get(key)]
        if missing or body["type"] not in TYPES:
            raise validation_error(
                f"Property {name}: required are {', '.join(missing)}"
                if missing
                else f"Property {name}: type must be one of {', '.join(TYPES)}"
            )
        made = Property(
            name=name,
            type=body["type"],
            field_type=body["fieldType"],
            options=_options(body),
            unique=bool(body.get("hasUniqueValue")),
            custom=True,
            label=body["label"],
            group=body["groupName"],
            description=body.get("description") or "",
        )
        self._keep(kind, made)
        return made

    def _keep(self, kind: ObjectType, prop: Property) -> None:
        self._store.custom.put(f"{kind.plural}/{prop.name}", dataclasses.asdict(prop))


def _options(body: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(option["value"]) for option in body.get("options") or [])
