"""How a record is shown: the properties that were asked for, or a few by default."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.vendors.hubspot.schema import ObjectType
from sandbox.vendors.hubspot.store import Record


def shown(
    kind: ObjectType,
    record: Record,
    asked: Iterable[str] = (),
    *,
    known: Iterable[str],
    written: Iterable[str] = (),
) -> dict[str, Any]:
    """The record with ``asked`` properties (null where it has none; unknown names are left out),
    or the default ones and those just ``written``.
    """
    properties = record["properties"]
    existing = set(known)
    names = [name for name in asked if name in existing] or [*kind.defaults, *written]
    always = ("createdate", kind.modified, "hs_object_id")
    wanted = dict.fromkeys((*always, *names))
    result = {
        "id": record["id"],
        "properties": {name: properties.get(name) for name in sorted(wanted)},
        "createdAt": record["createdAt"],
        "updatedAt": record["updatedAt"],
        "archived": record["archived"],
        "url": f"https://app.hubspot.com/contacts/1/record/{kind.type_id}/{record['id']}",
    }
    if record["archived"]:
        result["archivedAt"] = record.get("archivedAt", record["updatedAt"])
    return result
