"""The fields that a destination has, against those that a definition maps.

A definition that names a field which is not there, or may not be written, is refused with its line
before anything is sent. The md5 of the mapped fields tells when the destination changed them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple

from headwater.errors import DefinitionError
from syncs.definition import Definition, Mode
from syncs.destination import FieldInfo
from syncs.registry import where


def require(definition: Definition, known: Mapping[str, FieldInfo]) -> None:
    """Raise :class:`DefinitionError` for mapped fields that are unknown or may not be written."""
    problems = []
    places: list[tuple[str, tuple[str | int, ...]]] = [
        (item.field, ("fields", number, "field")) for number, item in enumerate(definition.fields)
    ]
    for name, location in [(definition.key.field, ("key", "field")), *places]:
        line = where(definition, *location)
        thing = f"{definition.destination} {definition.object}"
        if name not in known:
            problems.append(f"{line}: {thing} has no field {name} that this account sees")
        elif not _may_write(definition, known[name]) and name != definition.key.field:
            problems.append(f"{line}: {thing}.{name} cannot be written by this account")
    if problems:
        raise DefinitionError(
            "; ".join(problems) + ".",
            next_step="Nothing was sent. Create the field there and give the account's user write "
            "access to it (syncs/destinations/README.md), or take it out of the definition.",
        )


def fingerprint(definition: Definition, known: Mapping[str, FieldInfo]) -> str:
    """md5 of what the destination says about the mapped fields."""
    names = sorted({definition.key.field, *(item.field for item in definition.fields)})
    said = [[name, *astuple(known[name])] for name in names if name in known]
    return hashlib.md5(json.dumps(said).encode(), usedforsecurity=False).hexdigest()


def _may_write(definition: Definition, field: FieldInfo) -> bool:
    return field.createable if definition.mode is Mode.CREATE else field.updateable
