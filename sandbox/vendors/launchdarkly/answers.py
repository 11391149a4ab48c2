"""The shape in which LaunchDarkly refuses."""

from __future__ import annotations

import uuid
from datetime import datetime

from starlette.responses import JSONResponse

from sandbox.vendors.endpoint import Refusal

CODES = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    422: "invalid_request",
    429: "rate_limited",
}


def refused(status: int, message: str, headers: dict[str, str] | None = None) -> Refusal:
    """A refusal with the code that belongs to its status."""
    body = {"code": CODES[status], "message": message, "id": str(uuid.uuid4())}
    return Refusal(JSONResponse(body, status, headers))


def milliseconds(at: datetime) -> int:
    """A moment as epoch milliseconds."""
    return int(at.timestamp() * 1000)
