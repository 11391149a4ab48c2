"""The shapes in which Stripe refuses."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from sandbox.vendors.endpoint import Refusal


def refused(
    status: int, message: str, *, headers: dict[str, str] | None = None, **more: Any
) -> Refusal:
    """A refusal; ``more`` are further fields of the error, such as ``code`` and ``param``."""
    error = {"message": message, "type": "invalid_request_error", **more}
    return Refusal(JSONResponse({"error": error}, status, headers=headers))


def missing(kind: str, key: str, param: str, status: int = 404) -> Refusal:
    """An object that is not there."""
    return refused(status, f"No such {kind}: '{key}'", code="resource_missing", param=param)
