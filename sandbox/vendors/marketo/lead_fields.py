"""The fields of a lead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.vendors.marketo.answers import refused


@dataclass(frozen=True)
class Field:
    """One field; ``type`` is string, email, integer, score, boolean or datetime."""

    name: str
    type: str = "string"
    length: int = 255
    read_only: bool = False
    searchable: bool = False


FIELDS = {
    field.name: field
    for field in (
        Field("id", "integer", read_only=True, searchable=True),
        Field("createdAt", "datetime", read_only=True),
        Field("updatedAt", "datetime", read_only=True),
        Field("email", "email", searchable=True),
        Field("firstName"),
        Field("lastName"),
        Field("title"),
        Field("company", read_only=True),
        Field("phone"),
        Field("country"),
        Field("leadSource"),
        Field("leadStatus"),
        Field("leadScore", "score"),
        Field("unsubscribed", "boolean"),
        Field("sfdcLeadId", searchable=True),
        Field("sfdcContactId", searchable=True),
        Field("productUserId", searchable=True),
        Field("plgCampaign"),
        Field("plgWorkspaceId", searchable=True),
        Field("plgIcpTier"),
        Field("plgIsPql", "boolean"),
    )
}
DEFAULT_FIELDS = ("id", "email", "updatedAt", "createdAt", "lastName", "firstName")


def known(names: list[str]) -> list[str]:
    """The names, all of which must be fields."""
    for name in names:
        if name not in FIELDS:
            raise refused(1006, f"Field '{name}' not found")
    return names


def problem(field: Field, value: Any) -> tuple[int, str] | None:
    """The code and message about a value that the field does not take."""
    if value is None:
        return None
    wrong = {
        "integer": not _is_whole(value),
        "score": not _is_whole(value),
        "boolean": not isinstance(value, bool) and str(value).lower() not in {"true", "false"},
        "datetime": not _is_time(value),
        "email": not str(value).isascii() or "@" not in str(value),
    }.get(field.type, False)
    if wrong:
        return 1001, f"Invalid value '{value}'. Required of type '{field.type}'"
    if field.type in {"string", "email"} and len(str(value)) > field.length:
        return 1003, f"Value for field '{field.name}' exceeds max length of {field.length}"
    return None


def described() -> list[dict[str, Any]]:
    """All fields as describe shows them."""
    return [
        {
            "id": number,
            "displayName": field.name,
            "dataType": field.type,
            "length": field.length,
            "rest": {"name": field.name, "readOnly": field.read_only},
        }
        for number, field in enumerate(FIELDS.values(), 1)
    ]


def _is_whole(value: Any) -> bool:
    return not isinstance(value, bool) and str(value).lstrip("-").isdigit()


def _is_time(value: Any) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True
