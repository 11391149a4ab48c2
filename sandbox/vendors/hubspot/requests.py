"""What a request says, checked: body, object type, numbers and lists of names."""

from __future__ import annotations

from typing import Any

from sandbox.vendors.endpoint import Call
from sandbox.vendors.hubspot.answers import error, validation_error
from sandbox.vendors.hubspot.schema import OBJECT_TYPES, ObjectType


def body_object(call: Call) -> dict[str, Any]:
    """The JSON object in the body."""
    try:
        body = call.json()
    except ValueError as problem:
        raise validation_error(f"Invalid input JSON: {problem}") from None
    if not isinstance(body, dict):
        raise validation_error("Invalid input JSON: expected an object")
    return body


def object_type(call: Call) -> ObjectType:
    """The object type in the path."""
    kind = OBJECT_TYPES.get(call.params["object_type"])
    if kind is None:
        raise error(
            400,
            "VALIDATION_ERROR",
            f"Unable to infer object type from: {call.params['object_type']}",
        )
    return kind


def whole_number(text: Any, name: str, low: int, high: int | None) -> int:
    """A whole number within bounds."""
    if not str(text).isdigit() or int(text) < low or (high is not None and int(text) > high):
        bounds = f"between {low} and {high}" if high is not None else f"at least {low}"
        raise validation_error(f"{name} must be a whole number {bounds}, got {text}")
    return int(text)


def names_in(call: Call) -> list[str]:
    """The properties asked for: repeated parameters or one with commas."""
    return [
        name.strip()
        for value in call.query.getlist("properties")
        for name in value.split(",")
        if name.strip()
    ]
