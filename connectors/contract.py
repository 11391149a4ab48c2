"""Contracts: one pydantic model per stream, the one description of its columns.

The raw table's DDL, the casts of the landing engine, the dbt sources and the documentation follow
from it. A field's name is the raw column; its alias is where the value stands in the source record
(a dotted path for nested records); its annotation gives the type; ``| None`` makes it optional.
Personal data is classed where it is declared.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class Pii(StrEnum):
    """What personal data a column holds."""

    NONE = "none"
    IDENTIFIER = "identifier"  # a pseudonymous id of a person (user id, device id)
    CONTACT = "contact"  # e-mail, phone
    NAME = "name"
    FREE_TEXT = "free_text"  # may hold anything a person typed


class Clock(StrEnum):
    """How a source writes a moment."""

    ISO = "iso"  # ISO 8601, with an offset or in UTC
    EPOCH_SECONDS = "epoch_seconds"  # seconds since 1970 on the clock of the load's time zone
    EPOCH_MILLISECONDS = "epoch_milliseconds"  # milliseconds since 1970, UTC


class Contract(BaseModel):
    """Base of all contracts; the docstring of a subclass starts with the grain."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


def column(
    path: str,
    description: str,
    *,
    pii: Pii = Pii.NONE,
    clock: Clock = Clock.ISO,
    computed: str | None = None,
    about: str | tuple[str, ...] = (),
    mentions: str | tuple[str, ...] = (),
) -> Any:
    """Declare a column: ``path`` in the source record, what it means, what personal data it is.

    ``about`` names the types of identifiers it may hold of the person whom the record is about: an
    erasure of that person removes the record. ``mentions``: of a person who is only named in a
    record about something else: an erasure empties the column, and the record stays.
    ``clock`` says how a moment is written there; it is read for timestamps only. ``computed`` is an
    SQL expression over the typed columns (this one included) that takes the place of the value.
    """
    return Field(
        alias=path,
        description=description,
        json_schema_extra={
            "pii": pii.value,
            "clock": clock.value,
            "computed": computed,
            "about": _names(about),
            "mentions": _names(mentions),
        },
    )


_DUCKDB_TYPES: dict[object, str] = {
    str: "VARCHAR",
    int: "BIGINT",
    float: "DOUBLE",
    bool: "BOOLEAN",
    datetime: "TIMESTAMP",
    date: "DATE",
    Decimal: "DECIMAL(18, 4)",
    dict: "JSON",
    list: "JSON",
}


@dataclass(frozen=True)
class Column:
    """One column of a raw table, as its contract declares it."""

    name: str
    path: tuple[str, ...]
    type: str
    required: bool
    pii: Pii
    clock: Clock
    description: str
    computed: str | None = None
    about: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()


@cache
def columns(contract: type[Contract]) -> tuple[Column, ...]:
    """The columns of a contract in the order of declaration.

    ``type`` is the DuckDB type; all timestamps are UTC without a zone.
    """
    result = []
    for name, field in contract.model_fields.items():
        annotation, optional = _unwrap(field.annotation)
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        result.append(
            Column(
                name=name,
                path=tuple((field.alias or name).split(".")),
                type=_DUCKDB_TYPES[annotation],
                required=not optional,
                pii=Pii(str(extra.get("pii", "none"))),
                clock=Clock(str(extra.get("clock", "iso"))),
                description=field.description or "",
                computed=None if extra.get("computed") is None else str(extra["computed"]),
                about=_declared(extra.get("about")),
                mentions=_declared(extra.get("mentions")),
            )
        )
    return tuple(result)


def _names(types_: str | tuple[str, ...]) -> list[JsonValue]:
    return [types_] if isinstance(types_, str) else list(types_)


def _declared(names: object) -> tuple[str, ...]:
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _unwrap(annotation: Any) -> tuple[object, bool]:
    """The bare type of an annotation and whether it may be null."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        return _unwrap(inner[0])[0], type(None) in arguments
    return typing.get_origin(annotation) or annotation, False
