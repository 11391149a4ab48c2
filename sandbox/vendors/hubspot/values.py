"""Property values: how they are kept (strings or null) and which are refused."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

from sandbox.vendors.hubspot.schema import LIFECYCLE_STAGES, Property

EMAIL = re.compile(r"[^@\s,;<>\"]+@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z]{2,}")


class InvalidValue(Exception):
    """A value that a property does not take: the vendor's code and text."""

    def __init__(self, name: str, code: str, message: str) -> None:
        super().__init__(message)
        self.problem = {"isValid": False, "message": message, "error": code, "name": name}


class InvalidValues(Exception):
    """Everything that is wrong with the properties of one row."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__(problems[0]["message"])
        self.problems = problems


def stamp(at: datetime) -> str:
    """A moment as HubSpot writes it: UTC with milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def moment(value: str) -> datetime:
    """A moment given as epoch milliseconds or ISO text. Raises ``ValueError``."""
    if re.fullmatch(r"-?\d+", value):
        return datetime.fromtimestamp(int(value) / 1000, UTC)
    at = datetime.fromisoformat(value)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def kept(value: Any) -> str | None:
    """A given value as the vendor keeps it, before it is checked."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def normalised(prop: Property, value: str) -> str:
    """A kept value in the form of its property. Raises :class:`InvalidValue`."""
    name = prop.name
    if name == "email":
        if not EMAIL.fullmatch(value.strip()):
            raise InvalidValue(name, "INVALID_EMAIL", f"Email address {value} is invalid")
        return value.strip().lower()
    if prop.type in {"enumeration", "bool"} and prop.options:
        return _options(prop, value)
    if prop.type == "number":
        try:
            if not math.isfinite(float(value)):
                raise ValueError(value)
        except ValueError:
            raise InvalidValue(
                name, "INVALID_INTEGER", f"{value} was not a valid number."
            ) from None
        return value
    if prop.type in {"datetime", "date"}:
        try:
            at = moment(value)
        except (ValueError, OverflowError, OSError):
            raise InvalidValue(name, "INVALID_DATE", f"{value} was not a valid date.") from None
        return stamp(at) if prop.type == "datetime" else at.date().isoformat()
    return value


def _options(prop: Property, value: str) -> str:
    for part in value.lstrip(";").split(";"):
        if part not in prop.options:
            allowed = ", ".join(prop.options)
            raise InvalidValue(
                prop.name,
                "INVALID_OPTION",
                f"{part} was not one of the allowed options: [{allowed}]",
            )
    return value


def changed(
    properties: dict[str, Property], before: dict[str, Any], given: dict[str, Any]
) -> dict[str, str | None]:
    """The checked values that a write puts over ``before``.

    Raises :class:`InvalidValues` naming each property that is unknown, read-only or badly valued.
    A lifecycle stage only moves forward unless it was cleared.
    """
    result: dict[str, str | None] = {}
    problems = []
    for name, raw in given.items():
        try:
            value = _checked(name, properties.get(name), before.get(name), kept(raw))
        except InvalidValue as invalid:
            problems.append(invalid.problem)
            continue
        if name == "lifecyclestage" and value and _stage(value) < _stage(before.get(name)):
            continue
        result[name] = value
    if problems:
        raise InvalidValues(problems)
    return result


def _checked(name: str, prop: Property | None, before: str | None, value: str | None) -> str | None:
    if prop is None:
        raise InvalidValue(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    if prop.read_only:
        raise InvalidValue(
            name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.'
        )
    if value is None:
        return None
    value = normalised(prop, value)
    if prop.type == "enumeration" and value.startswith(";"):
        held = [part for part in (before or "").split(";") if part]
        held += [part for part in value.lstrip(";").split(";") if part not in held]
        return ";".join(held)
    return value


def _stage(value: str | None) -> int:
    return LIFECYCLE_STAGES.index(value) if value in LIFECYCLE_STAGES else -1
