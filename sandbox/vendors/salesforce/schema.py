"""The objects and fields of the org, read from ``objects.yml``, and the org's figures."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

_HERE = Path(__file__).parent
_TEXT_TYPES = frozenset(
    {"string", "email", "phone", "url", "textarea", "picklist", "multipicklist", "combobox"}
)


@dataclass(frozen=True)
class Field:
    """One field; ``sql`` is its expression over a row's columns, ``{}`` standing for the alias."""

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    required: bool = False
    default: str | None = None
    defaulted: bool = False
    external_id: bool = False
    id_lookup: bool = False
    unique: bool = False
    restricted: bool = False
    values: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    relationship: str | None = None
    derived_from: str | None = None
    true_for: frozenset[str] = frozenset()
    sql: str = ""
    stored: bool = True

    @cached_property
    def is_text(self) -> bool:
        """Whether it holds characters that a person or program wrote."""
        return self.type in _TEXT_TYPES

    @property
    def is_number(self) -> bool:
        """Whether it holds a number."""
        return self.type in {"int", "double", "currency", "percent"}

    @property
    def column_type(self) -> str:
        """The SQLite type; text compares without regard to case, as in SOQL."""
        if self.type in {"boolean", "int"}:
            return "integer"
        if self.is_number:
            return "real"
        return "text collate nocase" if self.is_text else "text"


@dataclass(frozen=True)
class SObject:
    """One object with its fields, by lower-cased name."""

    name: str
    label: str
    plural: str
    prefix: str
    writable: bool
    recycles: bool
    fields: dict[str, Field] = field(repr=False)

    @cached_property
    def stamp(self) -> str:
        """The field that moves with every change; rows of a field history never change."""
        return "SystemModstamp" if "systemmodstamp" in self.fields else "CreatedDate"

    def field(self, name: str) -> Field | None:
        """The field of that name, in any case."""
        return self.fields.get(name.lower())

    @cached_property
    def stored(self) -> tuple[Field, ...]:
        """The fields that are columns."""
        return tuple(f for f in self.fields.values() if f.stored)

    def relation(self, name: str) -> Field | None:
        """The reference field behind a relationship name, in any case."""
        for candidate in self.fields.values():
            if candidate.relationship and candidate.relationship.lower() == name.lower():
                return candidate
        return None


@cache
def org() -> dict[str, Any]:
    """The org's identity, limits and lifetimes (``org.yml``)."""
    loaded: dict[str, Any] = yaml.safe_load((_HERE / "org.yml").read_text(encoding="utf-8"))
    return loaded


@cache
def objects() -> dict[str, SObject]:
    """All objects by lower-cased name."""
    declared = yaml.safe_load((_HERE / "objects.yml").read_text(encoding="utf-8"))
    return {name.lower(): _object(name, body) for name, body in declared.items()}


def find(name: str) -> SObject | None:
    """The object of that name, in any case."""
    return objects().get(name.lower())


@cache
def by_prefix() -> dict[str, SObject]:
    """All objects by the first three characters of their ids."""
    return {sobject.prefix: sobject for sobject in objects().values()}


def _object(name: str, body: dict[str, Any]) -> SObject:
    recycles = body.get("recycles", True)
    fields = [
        _system("Id", f"{body['label']} ID", "id"),
        *([_system("IsDeleted", "Deleted", "boolean")] if recycles else []),
    ]
    if body.get("merges"):
        fields.append(
            _system("MasterRecordId", "Master Record ID", "reference", (name,), "MasterRecord")
        )
    fields += [_field(declared) for declared in body["fields"]]
    stamps = (
        _system("CreatedDate", "Created Date", "datetime"),
        _system("CreatedById", "Created By ID", "reference", ("User",), "CreatedBy"),
        _system("LastModifiedDate", "Last Modified Date", "datetime"),
        _system(
            "LastModifiedById", "Last Modified By ID", "reference", ("User",), "LastModifiedBy"
        ),
        _system("SystemModstamp", "System Modstamp", "datetime"),
    )
    fields += [stamp for stamp in stamps if stamp.name not in body.get("without", ())]
    return SObject(
        name=name,
        label=body["label"],
        plural=body["plural"],
        prefix=body["prefix"],
        writable=body.get("writable", True),
        recycles=recycles,
        fields={f.name.lower(): f for f in fields},
    )


def _system(
    name: str, label: str, kind: str, to: tuple[str, ...] = (), relationship: str | None = None
) -> Field:
    return Field(
        name=name,
        label=label,
        type=kind,
        length=18 if kind in {"id", "reference"} else 0,
        nillable=name == "MasterRecordId",
        createable=False,
        updateable=False,
        defaulted=True,
        id_lookup=name == "Id",
        to=to,
        relationship=relationship,
        sql=f'{{}}."{name}"',
    )


def _field(declared: dict[str, Any]) -> Field:
    name, kind = declared["name"], declared["type"]
    access = declared.get("access", "write")
    derived = declared.get("derived", {})
    sql = f'{{}}."{name}"'
    if "compound" in declared:
        sql = _with_alias(declared["compound"])
    if "parts" in declared:
        pairs = ", ".join(f"'{key}', {{}}.\"{part}\"" for key, part in declared["parts"].items())
        sql = f"json_object({pairs})"
    boolean = kind == "boolean"
    required = declared.get("required", False)
    return Field(
        name=name,
        label=declared.get("label", _label(name)),
        type=kind,
        length=18 if kind == "reference" else declared.get("length", 0),
        precision=declared.get("precision", 0),
        scale=declared.get("scale", 0),
        digits=declared.get("digits", 0),
        nillable=declared.get("nillable", not required and not boolean),
        createable=access in {"write", "create"},
        updateable=access == "write",
        required=required,
        default=declared.get("default"),
        defaulted=boolean or "default" in declared or declared.get("defaulted", False),
        external_id=declared.get("external_id", False),
        id_lookup=declared.get("id_lookup", False) or declared.get("external_id", False),
        unique=declared.get("unique", False),
        restricted=declared.get("restricted", False),
        values=tuple(declared.get("values", ())),
        to=tuple(declared.get("to", ())),
        relationship=declared.get("relationship"),
        derived_from=derived.get("from"),
        true_for=frozenset(derived.get("true_for", ())),
        sql=sql,
        stored="compound" not in declared and "parts" not in declared,
    )


def _with_alias(expression: str) -> str:
    """``{FirstName}`` as ``{}."FirstName"``."""
    return re.sub(r"\{(\w+)\}", r'{}."\1"', expression)


def _label(name: str) -> str:
    words = ""
    for letter in name:
        words += f" {letter}" if letter.isupper() and words and words[-1].islower() else letter
    return words
