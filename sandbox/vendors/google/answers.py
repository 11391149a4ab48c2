"""The shape in which Google refuses."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from sandbox.vendors.endpoint import Refusal

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


def refused(status: int, message: str, details: list[dict[str, Any]] | None = None) -> Refusal:
    """A refusal with the status word that belongs to its code."""
    error: dict[str, Any] = {"code": status, "message": message, "status": STATUSES[status]}
    if details:
        error["details"] = details
    return Refusal(JSONResponse({"error": error}, status))
