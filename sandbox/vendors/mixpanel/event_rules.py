"""The rules by which ``/import`` accepts or refuses one event."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

MAX_EVENT_BYTES = 1024 * 1024
MAX_PROPERTIES = 255
MAX_DEPTH = 3
EARLIEST_SECONDS = 365 * 24 * 3600  # 1971-01-01
AHEAD = timedelta(hours=1)
MILLISECONDS_FROM = 100_000_000_000  # no time in seconds that an event can have is this large
INSERT_ID = re.compile(r"[A-Za-z0-9-]{1,36}")
STANDS_FOR_NOBODY = frozenset(
    {
        "00000000-0000-0000-0000-000000000000",
        "-1",
        "0",
        "[]",
        "anon",
        "anonymous",
        "false",
        "lmy47d",
        "n/a",
        "na",
        "nil",
        "none",
        "null",
        "true",
        "undefined",
        "unknown",
        "{}",
    }
)


def time_in_seconds(value: Any) -> int | None:
    """An event's time (seconds or milliseconds since the epoch) in whole seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value // 1000 if abs(value) >= MILLISECONDS_FROM else value)


def refusal(event: Any, now: datetime) -> tuple[str, str] | None:
    """The field that is wrong and the message about it, or None for a good event."""
    if not isinstance(event, dict):
        return "", "event is invalid: must be an object"
    name, properties = event.get("event"), event.get("properties")
    if not isinstance(name, str) or not name:
        return "event", "'event' is invalid: must not be missing"
    if not isinstance(properties, dict):
        return "properties", "'properties' is invalid: must not be missing"
    wrong = _time(properties, now) or _distinct_id(properties) or _insert_id(properties)
    if wrong is None:
        wrong = _size(event, properties)
    if wrong is None:
        return None
    field, reason = wrong
    return field, f"'{field}' is invalid: {reason}"


def _time(properties: dict[str, Any], now: datetime) -> tuple[str, str] | None:
    field = "properties.time"
    if properties.get("time") is None:
        return field, "must not be missing"
    seconds = time_in_seconds(properties["time"])
    if seconds is None:
        return field, "must be specified as seconds since epoch"
    if seconds < EARLIEST_SECONDS:
        return field, "must be after 1971-01-01"
    if seconds > (now + AHEAD).timestamp():
        return field, "must not be in the future"
    return None


def _distinct_id(properties: dict[str, Any]) -> tuple[str, str] | None:
    field = "properties.distinct_id"
    value = properties.get("distinct_id")
    if value is None:
        return field, "must not be missing"
    if not isinstance(value, str):
        return field, "must be a string"
    if value.strip().lower() in STANDS_FOR_NOBODY:
        return field, f"must not be a placeholder value, got '{value}'"
    if len(value.encode()) > 255:
        return field, "must not be longer than 255 bytes"
    return None


def _insert_id(properties: dict[str, Any]) -> tuple[str, str] | None:
    field = "properties.$insert_id"
    value = properties.get("$insert_id")
    if value is None or value == "":
        return field, "must not be missing"
    if not isinstance(value, str) or not INSERT_ID.fullmatch(value):
        return field, "must be at most 36 bytes of letters, digits and '-'"
    return None


def _size(event: dict[str, Any], properties: dict[str, Any]) -> tuple[str, str] | None:
    if len(properties) >= MAX_PROPERTIES:
        return "properties", f"must have fewer than {MAX_PROPERTIES} entries"
    for name, value in properties.items():
        if isinstance(value, dict | list) and not _nested_well(value, depth=1):
            return (
                f"properties.{name}",
                f"must have at most {MAX_PROPERTIES} elements and be nested at most "
                f"{MAX_DEPTH} levels deep",
            )
    # An ASCII repr has at least half the characters of the JSON, and is quicker to make.
    if len(ascii(event)) >= MAX_EVENT_BYTES // 2 and len(json.dumps(event)) >= MAX_EVENT_BYTES:
        return "event", f"must be smaller than {MAX_EVENT_BYTES} bytes"
    return None


def _nested_well(value: dict[str, Any] | list[Any], *, depth: int) -> bool:
    if depth > MAX_DEPTH or len(value) > MAX_PROPERTIES:
        return False
    inner = value.values() if isinstance(value, dict) else value
    return all(
        _nested_well(item, depth=depth + 1) for item in inner if isinstance(item, dict | list)
    )
