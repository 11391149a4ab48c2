"""The shapes in which Outreach answers: JSON:API documents and errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import JSONResponse

from sandbox.vendors.endpoint import Refusal

MEDIA_TYPE = "application/vnd.api+json"


class Document(JSONResponse):
    """A JSON:API answer."""

    media_type = MEDIA_TYPE


def refused(
    status: int,
    error_id: str,
    title: str,
    detail: str,
    *,
    pointer: str | None = None,
    headers: dict[str, str] | None = None,
) -> Refusal:
    """A refusal with one error."""
    error: dict[str, Any] = {"id": error_id, "title": title, "detail": detail}
    if pointer:
        error["source"] = {"pointer": pointer}
    return Refusal(Document({"errors": [error]}, status, headers))


def invalid(detail: str, pointer: str, error_id: str = "validationError") -> Refusal:
    """A 422 about one part of a document."""
    return refused(422, error_id, "Validation Error", detail, pointer=pointer)


def not_found(type_name: str, wanted: object) -> Refusal:
    """A 404 about one resource."""
    return refused(
        404,
        "resourceNotFound",
        "Resource Not Found",
        f"Could not find '{type_name}' with ID '{wanted}'.",
    )


def stamp(at: datetime) -> str:
    """A moment as Outreach writes it: UTC with milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
