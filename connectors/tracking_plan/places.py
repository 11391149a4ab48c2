"""Where a stream of events keeps a property: in a column of its own, or inside a JSON column."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.contract import Column
from connectors.landing_checks import json_path
from connectors.stream import Stream
from connectors.tracking_plan.plan import PropertyType
from headwater.warehouse import literal, quote

PROPERTIES = "properties"
COLUMN_TYPES = {
    PropertyType.TEXT: "VARCHAR",
    PropertyType.INTEGER: "BIGINT",
    PropertyType.NUMBER: "DOUBLE",
    PropertyType.BOOLEAN: "BOOLEAN",
    PropertyType.MOMENT: "TIMESTAMP",
    PropertyType.DATE: "DATE",
    PropertyType.LIST: "JSON",
    PropertyType.OBJECT: "JSON",
}
"""The column that holds a property which the contract knows."""

_JSON_TYPES = {
    PropertyType.TEXT: ("VARCHAR",),
    PropertyType.INTEGER: ("BIGINT", "UBIGINT", "HUGEINT"),
    PropertyType.NUMBER: ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE"),
    PropertyType.BOOLEAN: ("BOOLEAN",),
    PropertyType.MOMENT: ("VARCHAR",),
    PropertyType.DATE: ("VARCHAR",),
    PropertyType.LIST: ("ARRAY",),
    PropertyType.OBJECT: ("OBJECT",),
}
_TEXT_CASTS = {PropertyType.MOMENT: "timestamptz", PropertyType.DATE: "date"}


@dataclass(frozen=True)
class PropertyPlace:
    """A property inside a stream's rows. ``column`` is None for one that the contract has not."""

    holder: str
    path: str
    column: Column | None

    @property
    def missing(self) -> str:
        """SQL: whether it is not there."""
        if self.column is not None:
            return f"{quote(self.column.name)} is null"
        return f"coalesce(json_type({self.holder}, {self.path}), 'NULL') = 'NULL'"

    @property
    def shown(self) -> str:
        """SQL: its value as text."""
        return f"json_extract_string({self.holder}, {self.path})"

    def is_not(self, type_: PropertyType) -> str | None:
        """SQL: whether it is there and of another type; None where the contract sees to it."""
        if self.column is not None:
            return None
        allowed = ", ".join(literal(name) for name in (*_JSON_TYPES[type_], "NULL"))
        wrong = f"json_type({self.holder}, {self.path}) not in ({allowed})"
        if type_ in _TEXT_CASTS:
            unread = f"try_cast({self.shown} as {_TEXT_CASTS[type_]}) is null"
            wrong = f"({wrong} or (not {self.missing} and {unread}))"
        return wrong


def follows_a_plan(stream: Stream) -> bool:
    """Whether a stream is one of events: it has their names, moments and users."""
    names = {column.name for column in stream.columns}
    return {"event", "event_at", "user_id"} <= names


def own_columns(stream: Stream) -> dict[str, Column]:
    """The properties that a stream's contract knows, by their names."""
    return {
        ".".join(column.path[1:]): column
        for column in stream.columns
        if column.path[0] == PROPERTIES and len(column.path) > 1
    }


def place(stream: Stream, name: str) -> PropertyPlace:
    """Where a stream keeps the property of this name."""
    column = own_columns(stream).get(name)
    holder, path = properties_object(stream)
    return PropertyPlace(holder, literal(json_path((*path, name))), column)


def properties_object(stream: Stream) -> tuple[str, tuple[str, ...]]:
    """The column with the properties that have none of their own, and the path in it."""
    whole = next((c for c in stream.columns if c.path == (PROPERTIES,)), None)
    return ("_extra", (PROPERTIES,)) if whole is None else (quote(whole.name), ())
