"""The shapes in which HubSpot answers."""

from __future__ import annotations

import json
import uuid
from typing import Any

from starlette.responses import JSONResponse

from sandbox.vendors.endpoint import Refusal


def error(status: int, category: str | None, message: str, **more: Any) -> Refusal:
    """A refusal in the vendor's envelope."""
    body: dict[str, Any] = {
        "status": "error",
        "message": message,
        "correlationId": str(uuid.uuid4()),
    }
    if category:
        body["category"] = category
    return Refusal(JSONResponse({**body, **more}, status))


def validation_error(message: str, **more: Any) -> Refusal:
    """A 400 about the request as a whole."""
    return error(400, "VALIDATION_ERROR", message, **more)


def invalid_properties(problems: list[dict[str, Any]]) -> str:
    """The message about bad property values: JSON inside the text."""
    return "Property values were not valid: " + json.dumps(problems, separators=(",", ":"))


def not_found() -> Refusal:
    """A 404 about a single record."""
    return error(404, "OBJECT_NOT_FOUND", "resource not found")


def row_error(category: str, message: str, context: dict[str, list[str]]) -> dict[str, Any]:
    """One element of a batch answer's ``errors``."""
    return {
        "status": "error",
        "category": category,
        "message": message,
        "context": context,
        "errors": [],
        "links": {},
    }
